"""The waterfall of a boot: its stages, and the chain that everything waited for.

The same value is made from the tools of a running engine (`boot_times.py`) and from the record of
a boot that is long over (`past_boots.py`), so that the two can be laid side by side.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..replica import built
from ..serving.wire import SCHEMA
from .critical_path import Link, critical_chain
from .stages import Asked, Stage, stages
from .timeline import Span


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One boot, in seconds since its engine opened."""

    boot_id: str
    """Which boot."""
    owner_token: int | None
    """Which owner of the data folder it was; None before the folder was owned."""
    opened_ms: int
    """When the engine opened, by the market's clock, UTC ms."""
    opened_gate_after_s: float | None
    """When the gate first opened; None while it has not."""
    ready_budget_s: float | None
    """When it was promised to be open; None in a record that does not say."""
    prime_budget_s: float | None
    """How long priming was promised to take; None in a record that does not say."""
    phases: tuple[Stage, ...]
    """Its stages, in the order they ended."""
    parts: tuple[Span, ...]
    """Pieces of stages that were worth noting."""
    critical_chain: tuple[Link, ...]
    """What everything waited for; empty while no symbol is served."""

    @property
    def until_s(self) -> float:
        """When the last stage of the start ended: at the gate, or so far."""
        if self.opened_gate_after_s is not None:
            return self.opened_gate_after_s
        return max((stage.end_s for stage in self.phases), default=0.0)

    @property
    def start(self) -> tuple[Stage, ...]:
        """Stages that began before the gate opened."""
        limit_s = self.opened_gate_after_s
        return tuple(s for s in self.phases if limit_s is None or s.start_s <= limit_s)


class Earlier:
    """Where the boot before this one is kept once it was read."""

    def __init__(self) -> None:
        self.boot: Waterfall | None = None
        """None until it was read, and when there was none."""


@dataclass(frozen=True, slots=True)
class BrokerFloor:
    """The least that the broker alone let a cold start take: no engine can be faster."""

    login_s: float
    """What the login took."""
    floor_s: float
    """Login and all answers as they were drawn, on ideal slots with no local cost."""
    symbols: int
    """How many symbols that brought."""

    def room(self, within_s: float) -> int | None:
        """How many such symbols could be had within so many seconds; None where no time tells."""
        each_s = (self.floor_s - self.login_s) / self.symbols if self.symbols else 0.0
        return int((within_s - self.login_s) / each_s) if each_s > 0 else None


@dataclass(frozen=True, slots=True)
class Waterfalls:
    """A boot and the one before it."""

    now: Waterfall
    """This boot."""
    before: Waterfall | None
    """The boot before in this data folder; None when there is none, or not read yet."""
    broker: BrokerFloor | None = None
    """What the broker alone took; None while the gate is closed and of a start that was warm."""


def poured(
    boot_id: str,
    owner_token: int | None,
    opened_ms: int,
    opened_gate_after_s: float | None,
    budgets: tuple[float | None, float | None],
    spans: tuple[Span, ...],
    requests: tuple[Asked, ...],
) -> Waterfall:
    """Stages and chain of what was noted; `budgets` are for the gate and for priming."""
    found = stages(spans, requests)
    chain = critical_chain(found, opened_gate_after_s)
    parts = tuple(span for span in spans if span.of is not None)
    who = boot_id, owner_token, opened_ms
    return Waterfall(*who, opened_gate_after_s, *budgets, found, parts, chain)


def waterfall_json(boot: Waterfall) -> dict[str, Any]:
    """JSON's types, to a tenth of a millisecond."""
    return {"schema": SCHEMA, **_rounded(asdict(boot))}


def waterfall_of(raw: object) -> Waterfall:
    """The value a document stands for; raises BadReplica."""
    found = built(Waterfall, raw, "timeline")
    assert isinstance(found, Waterfall)
    return found


def waterfalls_of(raw: object) -> Waterfalls:
    """What the operation `timeline` answers, as values; raises BadReplica."""
    told = raw if isinstance(raw, dict) else {}
    before, broker = told.get("before"), built(BrokerFloor | None, told.get("broker"), "broker")
    assert broker is None or isinstance(broker, BrokerFloor)
    return Waterfalls(waterfall_of(raw), None if before is None else waterfall_of(before), broker)


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return rounded(value)
        case dict():
            return {name: _rounded(item) for name, item in value.items()}
        case tuple() | list():
            return [_rounded(item) for item in value]
    return value


def rounded(seconds: float | None) -> float | None:
    """To a tenth of a millisecond."""
    return None if seconds is None else round(seconds, 4)
