"""Wall times written in a fixed width, read from many lines at once.

A template such as `YYYY.OO.DD,hh:mm,` has a letter for every digit: year, mOnth, day, hour,
minute, second, fraction in ms, and `S`, `HH`, `NN` for sign, hours and minutes of an offset
from UTC. Anything else must stand in the line as it stands in the template.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from uds.model import I64, MINUTE_MS

from ..calendars.wall_time import DAY_MS

_DIGITS = frozenset("YODhmsfHN")
_SIGN = "S"
_ZERO, _PLUS, _MINUS = ord("0"), ord("+"), ord("-")
_LIMITS = {"O": (1, 12), "h": (0, 23), "m": (0, 59), "s": (0, 59), "H": (0, 14), "N": (0, 59)}


def matches(line: bytes, template: str) -> bool:
    """Whether a line begins like the template; the digits need not make a time."""
    pattern = "".join(
        r"\d" if code in _DIGITS else "[+-]" if code == _SIGN else re.escape(code)
        for code in template
    )
    return re.match(pattern.encode(), line) is not None


def read_stamps(lines: Sequence[bytes], template: str) -> tuple[I64, npt.NDArray[np.bool_]]:
    """(ms, whether the line begins with a time) of each line.

    The ms are UTC when the template has an offset, else local ms (see `wall_clock`).
    """
    width = len(template)
    chars = np.array([line[:width] for line in lines], dtype=f"S{width}")
    table = chars.view(np.uint8).reshape(len(lines), width)
    good = np.ones(len(lines), dtype=np.bool_)
    found: dict[str, I64] = {}
    for code in dict.fromkeys(template):
        columns = table[:, [at for at, other in enumerate(template) if other == code]]
        if code in _DIGITS:
            digits = columns.astype(np.int64) - _ZERO
            good &= ((digits >= 0) & (digits <= 9)).all(axis=1)
            found[code] = digits @ 10 ** np.arange(digits.shape[1])[::-1]
        elif code == _SIGN:
            good &= np.isin(columns, (_PLUS, _MINUS)).all(axis=1)
            found[code] = np.where(columns[:, 0] == _MINUS, -1, 1)
        else:
            good &= (columns == ord(code)).all(axis=1)
    for code, (least, most) in _LIMITS.items():
        if code in found:
            good &= (found[code] >= least) & (found[code] <= most)
    days_ms, is_date = _dates_ms(found, good)
    return days_ms + _time_ms(found) - _offset_ms(found), good & is_date


def _dates_ms(
    found: dict[str, I64], good: npt.NDArray[np.bool_]
) -> tuple[I64, npt.NDArray[np.bool_]]:
    """Midnight of each date, and whether the month has that day."""
    years, months, days = (np.where(good, found[code], 1) for code in "YOD")
    month = ((years - 1970) * 12 + months - 1).astype("datetime64[M]")
    date = month.astype("datetime64[D]") + (days - 1)
    is_date = (days >= 1) & (date.astype("datetime64[M]") == month)
    return date.astype(np.int64) * DAY_MS, is_date


def _time_ms(found: dict[str, I64]) -> I64 | int:
    seconds = found.get("s", 0) + 60 * found.get("m", 0) + 3_600 * found.get("h", 0)
    return 1_000 * seconds + found.get("f", 0)


def _offset_ms(found: dict[str, I64]) -> I64 | int:
    return found.get("S", 1) * (60 * found.get("H", 0) + found.get("N", 0)) * MINUTE_MS
