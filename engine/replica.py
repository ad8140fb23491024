"""The whole status and its events as JSON, and back: what a client keeps its own copy with.

Theory of operation. `/api/status` is an answer for people and scripts: it is computed and
rounded. A screen behind the control socket needs the value itself, so that it can draw what
the screen in the engine's process would draw. It is sent once; after that each event is sent
with its place and its time, and the client takes the very step that the engine took
(`apply.py`). Two copies that took the same steps are equal, so nothing is sent twice and
nothing can be forgotten. A recorded boot is the same in a file.

The conversion follows the types of the fields and knows no field by name: whoever adds one to
the status or to an event need not come here. A series is `{"symbol", "timeframe"}` as a
value and `XAU/USD/M5` as a key; timeframes go by name, generations as they are printed.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from uds.model import Generation, SeriesKey, Timeframe

from .cell import Cell
from .cells import Cells
from .event_log import Posted
from .events import Event
from .status import Status

_EVENTS: dict[str, type] = {kind.__name__: kind for kind in get_args(Event)}
_HINTS: dict[type, dict[str, object]] = {}
"""Reading the types of a class is slow; they do not change."""
_AS_THEY_ARE = frozenset((type(None), bool, str, int, float))
_T = TypeVar("_T")


class BadReplica(ValueError):
    """What arrived is no status or event of this version; the message is a sentence."""


def status_json(status: Status) -> dict[str, object]:
    """The value as JSON's types."""
    found = plain(status)
    assert isinstance(found, dict)
    return found


def status_of(raw: object) -> Status:
    """The value a document stands for; raises BadReplica."""
    found = built(Status, raw, "status")
    assert isinstance(found, Status)
    return found


def posted_json(posted: Posted) -> dict[str, object]:
    """One event with its place, its time and its name."""
    event = plain(posted.event)
    name = type(posted.event).__name__
    return {"seq": posted.seq, "at_ms": posted.at_ms, "type": name, "event": event}


def posted_of(raw: object) -> Posted:
    """The event a document stands for; raises BadReplica."""
    if not isinstance(raw, dict):
        raise BadReplica("An event is an object.")
    kind = _EVENTS.get(str(raw.get("type")))
    if kind is None:
        raise BadReplica(f"There is no event {str(raw.get('type'))[:40]!r} in this version.")
    seq, at_ms = (built(int, raw.get(name), name) for name in ("seq", "at_ms"))
    event = built(kind, raw.get("event"), kind.__name__)
    return Posted(seq, at_ms, event)  # type: ignore[arg-type]


def plain(value: object) -> object:
    """A value as JSON's types, by the types of its fields."""
    if type(value) in _AS_THEY_ARE:
        return value
    match value:
        case None | bool() | str():
            return value
        case Timeframe():
            return value.name
        case Enum():
            return value.value
        case int() | float():
            return value
        case SeriesKey():
            return {"symbol": value.symbol, "timeframe": value.timeframe.name}
        case Generation():
            return str(value)
        case Mapping():
            return {_key_text(key): plain(item) for key, item in value.items()}
        case tuple() | list() | frozenset():
            return [plain(item) for item in value]
    return {name: plain(getattr(value, name)) for name in _hints(type(value))}


def _key_text(key: object) -> str:
    return key.name if isinstance(key, Timeframe) else str(key)


def _hints(kind: type[Any]) -> dict[str, object]:
    """The fields of a dataclass with their types."""
    if kind not in _HINTS:
        assert is_dataclass(kind), f"{kind} has no road into JSON"
        hints = get_type_hints(kind)
        _HINTS[kind] = {field.name: hints[field.name] for field in fields(kind)}
    return _HINTS[kind]


def built(wanted: object, raw: object, where: str) -> object:
    """The value of a type; `where` names the place in what is raised. Raises BadReplica."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return _any_of(inner, raw, where)
    if origin is Mapping:
        return {
            _key_of(inner[0], key, where): built(inner[1], item, f"{where}.{key}")
            for key, item in _as(dict, raw, where).items()
        }
    if origin in (tuple, frozenset):
        items = (built(inner[0], item, where) for item in _as(list, raw, where))
        return tuple(items) if origin is tuple else frozenset(items)
    assert isinstance(wanted, type), f"no road out of JSON for {wanted}"
    if wanted is Cells:
        return Cells.of(built(Mapping[SeriesKey, Cell], raw, where))  # type: ignore[arg-type]
    if is_dataclass(wanted):
        return _dataclass(wanted, _as(dict, raw, where), where)
    return _leaf(wanted, raw, where)


def _dataclass(wanted: type[Any], given: dict[str, object], where: str) -> object:
    """Fields that we do not know are a newer version's; one that is missing needs a default."""
    hints = _hints(wanted)
    known = {
        name: built(hints[name], value, f"{where}.{name}")
        for name, value in given.items()
        if name in hints
    }
    try:
        return wanted(**known)
    except TypeError as error:
        raise BadReplica(f"{where} lacks a field.") from error


def _leaf(wanted: type, raw: object, where: str) -> object:
    if wanted is SeriesKey:
        pair = _as(dict, raw, where)
        symbol, name = (_as(str, pair.get(part), where) for part in ("symbol", "timeframe"))
        return SeriesKey(symbol, _timeframe(name, where))
    if wanted is Timeframe:
        return _timeframe(_as(str, raw, where), where)
    if wanted is float and type(raw) is int:
        return float(raw)
    if wanted in (int, float, str, bool, types.NoneType):
        return _as(wanted, raw, where)
    try:
        if wanted is Generation:
            return Generation.parse(_as(str, raw, where))
        assert issubclass(wanted, Enum), f"no road out of JSON for {wanted}"
        return wanted(raw)
    except ValueError as error:
        raise BadReplica(f"{where}: {str(raw)[:40]!r} is not known in this version.") from error


def _any_of(wanted: tuple[object, ...], raw: object, where: str) -> object:
    for kind in wanted:
        try:
            return built(kind, raw, where)
        except BadReplica:
            continue
    raise BadReplica(f"{where} is none of the types it may have.")


def _key_of(wanted: object, text: str, where: str) -> object:
    if wanted is SeriesKey:
        symbol, _, name = text.rpartition("/")
        return SeriesKey(symbol, _timeframe(name, where))
    return _timeframe(text, where) if wanted is Timeframe else text


def _timeframe(name: str, where: str) -> Timeframe:
    found = Timeframe.__members__.get(name)
    if found is None:
        raise BadReplica(f"{where}: there is no timeframe {name[:10]!r}.")
    return found


def _as(wanted: type[_T], raw: object, where: str) -> _T:
    if type(raw) is not wanted:
        raise BadReplica(f"{where} is a {type(raw).__name__} and should be a {wanted.__name__}.")
    return raw
