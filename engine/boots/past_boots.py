"""What a boot took that is long over, from the lines of its record.

Only the lines that say when something began and ended are read as JSON; events, nine tenths of a
record, are passed over by how they begin.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeVar

from ..errors import RecordUnreadable
from ..events import SymbolPrimed
from ..replica import BadReplica, built, posted_of
from .stages import Asked
from .timeline import Span
from .waterfall import Waterfall, poured

_OPTIONAL = ("owner_token", "ready_budget_s", "prime_budget_s")
_PRIMED = f'"type":"{SymbolPrimed.__name__}"'
_T = TypeVar("_T")
_TOLD = ('{"record"', '{"span"', '{"request"', '{"gate"')


def boot_of(lines: Iterable[str]) -> Waterfall:
    """The waterfall of a recorded boot; a last line that was cut short is left out.

    Raises RecordUnreadable.
    """
    who: dict[str, object] | None = None
    spans: list[Span] = []
    requests: list[Asked] = []
    opened_gate_after_s: float | None = None
    try:
        for line in lines:
            if not line.startswith(_TOLD) or not line.endswith("\n"):
                continue
            told = json.loads(line, parse_constant=_refused)
            if "record" in told:
                who = told
            elif "span" in told:
                spans.append(_of(Span, told["span"]))
            elif "request" in told:
                requests.append(_of(Asked, told["request"]))
            else:
                opened_gate_after_s = _of(float, told["gate"]["opened_after_s"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordUnreadable(f"A line of the record cannot be read: {error}") from error
    if who is None:
        raise RecordUnreadable("This is no record of a boot: it does not say who booted.")
    return _poured(who, opened_gate_after_s, spans, requests)


def primed_rate(lines: Iterable[str]) -> float | None:
    """Bars a second that Redis took in a recorded boot; None when it primed nothing.

    Lines that cannot be read are passed over: a rate is advice.
    """
    bars, taken_s = 0, 0.0
    for line in lines:
        if _PRIMED not in line:
            continue
        try:
            event = posted_of(json.loads(line)).event
        except (ValueError, RecursionError, BadReplica):
            continue
        if isinstance(event, SymbolPrimed) and event.call_s is not None and event.call_s > 0:
            bars, taken_s = bars + event.bars, taken_s + event.call_s
    return bars / taken_s if bars > 0 and taken_s > 0 else None


def _poured(
    who: dict[str, object], opened_s: float | None, spans: list[Span], requests: list[Asked]
) -> Waterfall:
    try:
        boot_id, opened_ms = _of(str, who.get("boot_id")), _of(int, who.get("opened_ms"))
        owner, ready_s, prime_s = (who.get(name) for name in _OPTIONAL)
        token = None if owner is None else _of(int, owner)
        budgets = [None if given is None else _of(float, given) for given in (ready_s, prime_s)]
    except BadReplica as error:
        raise RecordUnreadable(f"The first line of the record cannot be read: {error}") from error
    terms = (budgets[0], budgets[1])
    return poured(boot_id, token, opened_ms, opened_s, terms, tuple(spans), tuple(requests))


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number.")


def _of(kind: type[_T], raw: object) -> _T:
    found = built(kind, raw, kind.__name__.lower())
    assert isinstance(found, kind)
    return found
