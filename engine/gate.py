"""May the API answer yet, and if not, what is it waiting for.

Theory of operation. The gate looks at cells, never at flags that processes raise about
themselves: a flag can be wrong about the data, a cell is the data. A cell counts once it is
*serving*: its tail belongs to a generation whose flip in Redis was read back. So two primers
without coordination, an m1_poller that never says ready and a timeout that somebody ignored
cannot open the gate, because none of them is asked.

Opening needs everything: all cells, and a Redis that is ours at that moment. Staying open needs
only a complete generation; what is lost meanwhile makes it degraded. A forced rebuild therefore
leaves the gate open: the cells go on serving the old generation until the flip. Time alone never
opens it; it only sets `overdue`, unless the configuration says in so many words that a late
gate opens with what there is. An operator may force it open for a while; then, as after such a
timeout, the cells that are missing are answered one by one with 503.

The graver word wins, from the top:

    fenced          another owner has the data; whatever we hold is the past
    unsafe          what readers are served fails its checksum
    open, open_degraded   every cell is served
    forced_open     an operator said so, until it expires
    open_degraded   overdue, and the configuration lets a late gate open
    needs_operator  nothing will heal by itself
    closed          everything else

Nothing here knows the hour: that a deadline passed is an event like any other.

Holds I5: whatever is not open carries its `why`, and `/api/bars` cannot be answered without
one of the two values below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from uds.model import SeriesKey, Symbol, Timeframe

from .cell import Cell
from .cells import Cells
from .degraded import DegradedCode, DegradedReason, Scope, Severity

_CODE = DegradedCode
_FENCING = frozenset({_CODE.FENCED})
_REDIS = frozenset({_CODE.REDIS_DOWN, _CODE.REDIS_TIMEOUT, _CODE.REDIS_REGRESSED})
_LOGIN = frozenset(
    {_CODE.BROKER_LOGIN_TRANSIENT, _CODE.BROKER_LOGIN_TIMEOUT, _CODE.BROKER_LOGIN_PERMANENT}
)
_DISK = frozenset({_CODE.DISK_ERROR, _CODE.DISK_FULL})
_CHILD = frozenset({_CODE.CHILD_RESTARTING, _CODE.CHILD_HELD, _CODE.NO_PROGRESS})
_PARTNERS = {
    **dict.fromkeys(_REDIS, ("redis", "engine")),
    **dict.fromkeys(_LOGIN, ("broker", "connector")),
    **dict.fromkeys(_DISK, ("disk", "engine")),
}
"""Reasons that are a dependency's: what the operator calls it, and who waits for it."""


class GateState(Enum):
    """The gate's words on the wire and on the screen."""

    CLOSED = "closed"
    OPEN = "open"
    OPEN_DEGRADED = "open_degraded"
    FORCED_OPEN = "forced_open"
    FENCED = "fenced"
    UNSAFE = "unsafe"
    NEEDS_OPERATOR = "needs_operator"

    @property
    def is_open(self) -> bool:
        """Whether readers are answered."""
        return self in (GateState.OPEN, GateState.OPEN_DEGRADED, GateState.FORCED_OPEN)


@dataclass(frozen=True, slots=True)
class Why:
    """One thing the gate waits for."""

    subject: str
    """A cell such as `XAU/USD/H4`, or a dependency such as `broker`."""
    code: str
    """The code of the reason that holds it, else the cell's state."""
    since_ms: int = 0
    """Since when, UTC ms."""
    next_attempt_ms: int | None = None
    """When it is tried again, UTC ms; None when nothing is planned."""
    process: str = "engine"
    """Whose work it is."""


@dataclass(frozen=True, slots=True)
class Open:
    """Readers may be answered."""

    reasons: tuple[DegradedReason, ...]
    """What is degraded meanwhile; empty when all is well."""
    missing: tuple[Why, ...] = ()
    """Cells that cannot be answered although the gate is open; empty unless it was let open."""
    is_forced: bool = False
    """Whether it is open only because an operator said so."""

    @property
    def state(self) -> GateState:
        """`open`, or the word for what is wrong with it."""
        if self.is_forced:
            return GateState.FORCED_OPEN
        return GateState.OPEN_DEGRADED if self.reasons or self.missing else GateState.OPEN


@dataclass(frozen=True, slots=True)
class Closed:
    """Readers get 503 and this."""

    why: tuple[Why, ...]
    """Everything that is waited for; never empty."""
    state: GateState = GateState.CLOSED
    """`closed`, or the graver word that explains it."""


Gate = Open | Closed


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides beside the cells and the reasons."""

    has_opened: bool = False
    """Whether it was open once: then it needs no dependency to stay so."""
    is_forced: bool = False
    """Whether an operator's word to open holds."""
    opens_late: bool = False
    """Whether it is overdue and the configuration opens a late gate with what there is."""
    unsafe: tuple[Symbol, ...] = ()
    """Symbols whose live generation fails its checksum."""
    helpless: tuple[str, ...] = ()
    """Processes without which nothing comes, and which only an operator can bring back."""
    next_attempts: Mapping[str, int] = field(default_factory=dict)
    """When the broker (by that name) or a process is tried again, UTC ms."""


def word(cells: Cells, reasons: Iterable[DegradedReason], standing: Standing) -> GateState:
    """The gate's word alone: as `evaluate`, at no cost per cell."""
    codes = {reason.code for reason in reasons}
    if codes & _FENCING:
        return GateState.FENCED
    if standing.unsafe:
        return GateState.UNSAFE
    is_complete = 0 < len(cells) == cells.served_count
    if is_complete and (standing.has_opened or not codes & _REDIS):
        degraded = any(r.severity is Severity.DEGRADED for r in reasons)
        return GateState.OPEN_DEGRADED if degraded else GateState.OPEN
    if standing.is_forced:
        return GateState.FORCED_OPEN
    if standing.opens_late and cells.served_count:
        return GateState.OPEN_DEGRADED
    if _CODE.BROKER_LOGIN_PERMANENT in codes or standing.helpless:
        return GateState.NEEDS_OPERATOR
    return GateState.CLOSED


def evaluate(
    cells: Mapping[SeriesKey, Cell],
    reasons: tuple[DegradedReason, ...],
    standing: Standing | None = None,
) -> Gate:
    """The one decision, from all cells, the reasons that stand and what else decides."""
    standing = standing or Standing()
    rows = Cells.of(cells)
    state = word(rows, reasons, standing)
    degraded = tuple(r for r in reasons if r.severity is Severity.DEGRADED)
    if state.is_open:
        missing = tuple(_waiting(rows, reasons, standing))
        return Open(degraded, missing, state is GateState.FORCED_OPEN)
    if state is GateState.FENCED:
        return Closed(tuple(_why(r, standing) for r in reasons if r.code in _FENCING), state)
    if state is GateState.UNSAFE:
        unsafe = (Why(s, _CODE.CORRUPT_JSONL.value, process="engine") for s in standing.unsafe)
        return Closed(tuple(unsafe), state)
    partners = (_why(r, standing) for r in degraded if r.code in _PARTNERS or r.code in _CHILD)
    waiting = (*partners, *_waiting(rows, reasons, standing))
    return Closed(waiting or (Why("store", "opening"),), state)


def process_of(timeframe: Timeframe) -> str:
    """The process that brings a cell: D1 is the connector's, everything else comes of M1."""
    return "connector" if timeframe is Timeframe.D1 else "m1_poller"


def _waiting(
    cells: Cells, reasons: tuple[DegradedReason, ...], standing: Standing
) -> Iterator[Why]:
    """The cells that are not served, each with its own reason, its symbol's, or its state."""
    if cells.served_count == len(cells):
        return
    held: dict[Scope, DegradedReason] = {}
    for reason in reasons:
        if reason.severity is Severity.DEGRADED:
            held.setdefault(reason.scope, reason)
    for key, cell in cells.items():
        if cell.serving is not None:
            continue
        process = process_of(key.timeframe)
        found = held.get(key) or held.get(key.symbol)
        code = found.code.value if found else cell.state.value
        since_ms = found.since_ms if found else cell.changed_ms
        next_ms = found.next_attempt_ms if found else None
        if next_ms is None:
            next_ms = standing.next_attempts.get(process)
        yield Why(str(key), code, since_ms, next_ms, process)


def _why(reason: DegradedReason, standing: Standing) -> Why:
    subject, process = _PARTNERS.get(reason.code, (str(reason.scope or "platform"), "engine"))
    if reason.code in _CHILD:
        process = subject
    next_ms = reason.next_attempt_ms or standing.next_attempts.get(subject)
    return Why(subject, reason.code.value, reason.since_ms, next_ms, process)
