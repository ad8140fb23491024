"""Foreign text on its way into the status: made well-formed Unicode, so that all can be told.

A file name that is no UTF-8 is half a character to Python; it can be logged and drawn, but not
written as UTF-8, and one of them in a reason would keep the whole status from being answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from enum import Enum
from typing import TypeVar

from .events import CellsChanged, Event

_T = TypeVar("_T")


def well_formed(event: Event) -> Event:
    """The same event when its texts are well-formed; else one with `?` for what is not."""
    return event if isinstance(event, CellsChanged) else _mended(event)


def _mended(value: _T) -> _T:
    """The very value where nothing is wrong, so that nothing is copied for nothing."""
    found: object = value
    match value:
        case None | int() | float() | Enum():
            return value
        case str():
            found = value if value.isascii() else value.encode("utf-8", "replace").decode()
        case tuple():
            found = tuple(map(_mended, value))
        case Mapping():
            found = {_mended(key): _mended(item) for key, item in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            before = {name: getattr(value, name) for name in value.__dataclass_fields__}
            mended = {name: _mended(part) for name, part in before.items()}
            if all(mended[name] is part for name, part in before.items()):
                return value
            found = replace(value, **mended)
    return value if found == value else found  # type: ignore[return-value]
