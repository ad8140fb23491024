"""Which folder a replay reads, when the one it was given holds several sets and a manifest.

Theory of operation. A collection of history keeps every source in a folder of its own, and its
`manifest.json` lists the files of all of them. Bars of two sources never mix, and a replay needs
all its symbols at the same time, so it takes one set that has M1 of every symbol. Of several
such it takes the one with the most M1, and says so. A folder that holds a symbol's file itself
is a plain folder of files, whatever else lies in it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from uds.model import Symbol

from ..errors import HistoryUnreadable
from ..history.files import content, names_in
from ..history.names import packed
from .replay import ReplayFolderIncomplete, file_names

MANIFEST = "manifest.json"
_log = logging.getLogger(__name__)


def folder_of(folder: str, symbols: Sequence[Symbol], instruments: Mapping[Symbol, str]) -> str:
    """The folder itself, or that one of its sets that has M1 of every symbol.

    Raises ReplayFolderIncomplete when the folder or its manifest is unreadable, or no set will do.
    """
    if os.path.isfile(folder):
        raise ReplayFolderIncomplete(f"{folder} is a file: name the folder that holds the files.")
    try:
        present = names_in(folder)
    except HistoryUnreadable as error:
        raise ReplayFolderIncomplete(f"The replay folder {error}") from error
    own = {name for symbol in symbols for name in file_names(symbol, instruments, "_M1", "")}
    if MANIFEST not in present or not own.isdisjoint(present):
        return folder
    counts = _m1_counts(folder)
    wanted = [{packed(s), packed(instruments.get(s, s))} for s in symbols]
    whole = [name for name, held in counts.items() if all(held.keys() & names for names in wanted)]
    if not whole:
        raise ReplayFolderIncomplete(_none_will_do(folder, counts, symbols, wanted))

    def size(name: str) -> int:
        return sum(counts[name][one] for names in wanted for one in names & counts[name].keys())

    chosen = max(whole, key=size)
    if len(whole) > 1:
        _log.warning(
            "%d sets in %s have M1 of %s: %s is played, which has the most of them.",
            *(len(whole), folder, ", ".join(symbols), chosen),
        )
    return os.path.join(folder, chosen)


def _m1_counts(folder: str) -> dict[str, dict[str, int]]:
    """How many M1 each set has of each symbol, as the manifest tells it: {set: {symbol: rows}}."""
    try:
        listed = list(_listed(json.loads(content(os.path.join(folder, MANIFEST)))))
    except HistoryUnreadable as error:
        raise ReplayFolderIncomplete(f"The replay folder's {error}") from error
    except (ValueError, RecursionError) as error:
        raise ReplayFolderIncomplete(
            f"The replay folder {folder} has a {MANIFEST} that lists no files as it should: "
            "it must be JSON with files[], each with file, symbol and tf."
        ) from error
    counts: dict[str, dict[str, int]] = {}
    for place, symbol, rows in listed:
        held = counts.setdefault(place, {})
        held[symbol] = held.get(symbol, 0) + rows
    return counts


def _listed(document: Any) -> Iterator[tuple[str, str, int]]:
    """(set, symbol, rows) of every file of M1 on the bid side; raises ValueError."""
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(files, list):
        raise ValueError("no files")
    for one in files:
        if not isinstance(one, dict) or not isinstance(one.get("file"), str):
            raise ValueError("an entry without a file")
        place, symbol, rows = os.path.dirname(one["file"]), one.get("symbol"), one.get("rows")
        if place and isinstance(symbol, str) and one.get("tf") == "M1" and not one.get("variant"):
            yield place, packed(symbol), rows if isinstance(rows, int) else 0


def _none_will_do(
    folder: str,
    counts: Mapping[str, Mapping[str, int]],
    symbols: Sequence[Symbol],
    wanted: Sequence[set[str]],
) -> str:
    """Which symbols the set that comes nearest does not have."""
    lacking = {
        name: [s for s, names in zip(symbols, wanted, strict=True) if not held.keys() & names]
        for name, held in counts.items()
    }
    if not lacking:
        return f"The replay folder {folder} has a {MANIFEST} that lists no file of M1."
    nearest = min(lacking, key=lambda name: len(lacking[name]))
    return (
        f"The replay folder {folder} has no set with M1 of every symbol: {nearest} comes "
        f"nearest, and lacks {', '.join(lacking[nearest])}."
    )
