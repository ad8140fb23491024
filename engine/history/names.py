"""Which symbol a history file is of, by its name, and which names a symbol's files may have.

Programs pack the symbol into longer names, with its slash dropped: `EURUSD_M1.csv`,
`DAT_ASCII_EURUSD_M1_2022.csv`, `EURUSD1440.csv`, `EURUSD_Candlestick_1_m_BID_….csv`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

from uds.model import Symbol

ENDINGS = (".csv.gz", ".csv", ".txt", ".txt.gz")
"""What a history file's name may end in, the likeliest first."""

_WORD = re.compile(r"[A-Z0-9]+")
_OTHER_KINDS = {"ASK": "it holds ask prices", "TICK": "it holds ticks"}
_METATRADER_MINUTES = ("", "1", "1440")


def packed(symbol: Symbol) -> str:
    """`EUR/USD` → `EURUSD`."""
    return "".join(_WORD.findall(symbol.upper()))


def is_history(name: str) -> bool:
    """Whether the name ends like that of a history file."""
    return name.lower().endswith(ENDINGS)


def symbol_of(name: str, symbols: Iterable[Symbol], aliases: Mapping[Symbol, str]) -> Symbol | None:
    """The symbol whose name stands in a file's name; None when that of none does."""
    words = _WORD.findall(name.upper())
    words += [first + second for first, second in pairwise(words)]
    for symbol in symbols:
        for known in {packed(symbol), packed(aliases.get(symbol, symbol))}:
            if any(known + minutes in words for minutes in _METATRADER_MINUTES):
                return symbol
    return None


def other_kind(name: str) -> str | None:
    """Why a file is not bars of the bid side, by its name; None when nothing speaks for it."""
    words = _WORD.findall(name.upper())
    return next((why for word, why in _OTHER_KINDS.items() if word in words), None)
