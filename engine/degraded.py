"""What may be wrong, as a closed list: each code with its severity, hint and recovery."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from uds.model import SeriesKey, Symbol

from .sayings import Saying


class Severity(Enum):
    """How much a reason weighs: only `degraded` marks the platform degraded."""

    INFO = "info"
    DEGRADED = "degraded"


class DegradedCode(Enum):
    """Every reason there is; a new one is added here, never improvised."""

    BROKER_LOGIN_TRANSIENT = "BROKER_LOGIN_TRANSIENT"
    BROKER_LOGIN_TIMEOUT = "BROKER_LOGIN_TIMEOUT"
    BROKER_LOGIN_PERMANENT = "BROKER_LOGIN_PERMANENT"
    BROKER_FETCH_FAILED = "BROKER_FETCH_FAILED"
    BROKER_RATE_LIMITED = "BROKER_RATE_LIMITED"
    REDIS_DOWN = "REDIS_DOWN"
    REDIS_TIMEOUT = "REDIS_TIMEOUT"
    REDIS_REGRESSED = "REDIS_REGRESSED"
    CASCADE_EMPTY = "CASCADE_EMPTY"
    GATE_OVERDUE = "GATE_OVERDUE"
    FORCED_OPEN = "FORCED_OPEN"
    NO_PROGRESS = "NO_PROGRESS"
    PRIME_PARTIAL = "PRIME_PARTIAL"
    PRIME_BUDGET_TOO_SMALL = "PRIME_BUDGET_TOO_SMALL"
    WATERMARK_MISSING = "WATERMARK_MISSING"
    CORRUPT_JSONL = "CORRUPT_JSONL"
    TORN_TAIL = "TORN_TAIL"
    STATE_FALLBACK_PREV = "STATE_FALLBACK_PREV"
    STATE_REBUILT = "STATE_REBUILT"
    COMMIT_SKIPPED = "COMMIT_SKIPPED"
    QUARANTINE_ROTATED = "QUARANTINE_ROTATED"
    OWNER_CHANGED = "OWNER_CHANGED"
    FENCED = "FENCED"
    CHILD_RESTARTING = "CHILD_RESTARTING"
    CHILD_HELD = "CHILD_HELD"
    LOOP_STALLED = "LOOP_STALLED"
    DISK_FULL = "DISK_FULL"
    DISK_ERROR = "DISK_ERROR"
    CELL_STALE = "CELL_STALE"
    GAP = "GAP"
    D1_MISMATCH = "D1_MISMATCH"
    D1_FROM_M1 = "D1_FROM_M1"
    OPEN_MODE_MIXED = "OPEN_MODE_MIXED"
    CALENDAR_DRIFT = "CALENDAR_DRIFT"
    LEGACY_WRITER_ACTIVE = "LEGACY_WRITER_ACTIVE"
    API_PORT_BUSY = "API_PORT_BUSY"
    CLOCK_JUMP = "CLOCK_JUMP"
    UI_CRASHED = "UI_CRASHED"
    TERMINAL_STALLED = "TERMINAL_STALLED"
    DEPTH_SHORT = "DEPTH_SHORT"


class Meaning(NamedTuple):
    """One row of the table."""

    severity: Severity
    hint: str
    """What an operator can do, in one sentence."""
    recovery: str
    """What must be true for the reason to clear, in one clause."""


Scope: TypeAlias = SeriesKey | Symbol | None
"""Where: a cell, a symbol or process by name, or None for the whole platform."""

_INFO, _DEGRADED = Severity.INFO, Severity.DEGRADED
_CODE = DegradedCode

MEANINGS: dict[DegradedCode, Meaning] = {
    _CODE.BROKER_LOGIN_TRANSIENT: Meaning(
        _DEGRADED, "The login is tried again by itself; see the next attempt.", "a login succeeds"
    ),
    _CODE.BROKER_LOGIN_TIMEOUT: Meaning(
        _DEGRADED, "The broker did not answer the login; it is tried again.", "a login succeeds"
    ),
    _CODE.BROKER_LOGIN_PERMANENT: Meaning(
        _DEGRADED,
        "Correct the credentials, then restart connector: no automatic retry, "
        "so that the account is not locked.",
        "a login succeeds",
    ),
    _CODE.BROKER_FETCH_FAILED: Meaning(
        _DEGRADED, "The request is repeated by itself.", "the same series is fetched"
    ),
    _CODE.BROKER_RATE_LIMITED: Meaning(
        _DEGRADED, "Lower broker.requests_per_s if this returns.", "the same series is fetched"
    ),
    _CODE.REDIS_DOWN: Meaning(
        _DEGRADED,
        "Ours is started again by itself; start one of yours at redis.url.",
        "a call succeeds",
    ),
    _CODE.REDIS_TIMEOUT: Meaning(
        _DEGRADED, "The server is stopped or overloaded; look at its host.", "a call succeeds"
    ),
    _CODE.REDIS_REGRESSED: Meaning(
        _DEGRADED, "The server lost its data; it is primed again by itself.", "a flip is read back"
    ),
    _CODE.CASCADE_EMPTY: Meaning(
        _DEGRADED, "The series is derived again from stored M1.", "the series has its bars"
    ),
    _CODE.GATE_OVERDUE: Meaning(
        _DEGRADED, "Look at the cells it names; time alone never opens the gate.", "the gate opens"
    ),
    _CODE.FORCED_OPEN: Meaning(
        _DEGRADED,
        "The missing cells answer 503; it expires by itself.",
        "the gate opens truly, or 15 minutes have passed",
    ),
    _CODE.NO_PROGRESS: Meaning(
        _DEGRADED, "It is restarted by itself; read its log if this stays.", "it makes progress"
    ),
    _CODE.PRIME_PARTIAL: Meaning(
        _DEGRADED, "Priming goes on past its budget; nothing to do.", "every cell is primed"
    ),
    _CODE.PRIME_BUDGET_TOO_SMALL: Meaning(
        _DEGRADED, "Raise the budget that is named to the number beside it.", "budget suffices"
    ),
    _CODE.WATERMARK_MISSING: Meaning(
        _INFO, "A new symbol starts cold; nothing to do.", "its first bar is stored"
    ),
    _CODE.CORRUPT_JSONL: Meaning(
        _DEGRADED,
        "Bad lines lie in quarantine/, good ones are kept; what is missing is fetched again.",
        "the hole is full",
    ),
    _CODE.TORN_TAIL: Meaning(
        _INFO, "An interrupted write was cut off and lies in quarantine/.", "the next boot"
    ),
    _CODE.STATE_FALLBACK_PREV: Meaning(
        _DEGRADED, "The state file was bad, its predecessor was used.", "a checkpoint is written"
    ),
    _CODE.STATE_REBUILT: Meaning(
        _DEGRADED, "The state was rebuilt from segments.", "a checkpoint is written"
    ),
    _CODE.COMMIT_SKIPPED: Meaning(
        _DEGRADED, "A bad commit was passed over for an older one.", "a new commit is linked"
    ),
    _CODE.QUARANTINE_ROTATED: Meaning(
        _DEGRADED, "Copy the quarantine folder away if you need it.", "the operator acknowledges"
    ),
    _CODE.OWNER_CHANGED: Meaning(
        _DEGRADED, "Another owner took the folder; this one stops.", "never in this process"
    ),
    _CODE.FENCED: Meaning(
        _DEGRADED, "Use the engine that owns the folder now.", "never in this process"
    ),
    _CODE.CHILD_RESTARTING: Meaning(
        _DEGRADED, "It restarts by itself; see its last exception.", "the process is ready"
    ),
    _CODE.CHILD_HELD: Meaning(
        _DEGRADED, "It failed too often: read its exception, press r to retry.", "process is ready"
    ),
    _CODE.LOOP_STALLED: Meaning(
        _INFO, "The host is overloaded or the process was paused.", "the loop is on time"
    ),
    _CODE.DISK_FULL: Meaning(
        _DEGRADED, "Free space on the disk that holds data_root.", "a write succeeds"
    ),
    _CODE.DISK_ERROR: Meaning(
        _DEGRADED, "Look at the disk that holds data_root.", "a write succeeds"
    ),
    _CODE.CELL_STALE: Meaning(
        _DEGRADED, "Expected bars do not arrive; look at the broker.", "a new bar arrives"
    ),
    _CODE.GAP: Meaning(
        _DEGRADED, "The hole is fetched again; rebuild the symbol if it stays.", "the hole is full"
    ),
    _CODE.D1_MISMATCH: Meaning(
        _DEGRADED, "The broker's D1 differs from its own M1; the broker's is served.", "they agree"
    ),
    _CODE.D1_FROM_M1: Meaning(
        _INFO, "The source has no daily bars on our anchor; they are made of its M1.", "never"
    ),
    _CODE.OPEN_MODE_MIXED: Meaning(
        _DEGRADED, "Rebuild the symbol: its bars mix two open modes.", "one mode only"
    ),
    _CODE.CALENDAR_DRIFT: Meaning(
        _DEGRADED, "Correct the calendar group with the evidence shown.", "sessions agree"
    ),
    _CODE.LEGACY_WRITER_ACTIVE: Meaning(
        _DEGRADED, "Stop the old platform: it still writes to this folder.", "files rest"
    ),
    _CODE.API_PORT_BUSY: Meaning(
        _DEGRADED, "Free the port or start with --port 0.", "the port is ours"
    ),
    _CODE.CLOCK_JUMP: Meaning(
        _DEGRADED, "Check the time service of the host.", "ownership was checked again"
    ),
    _CODE.UI_CRASHED: Meaning(
        _DEGRADED, "The screen was restarted; the engine was not touched.", "acknowledged"
    ),
    _CODE.TERMINAL_STALLED: Meaning(
        _DEGRADED, "The terminal does not read; the engine goes on.", "the terminal reads again"
    ),
    _CODE.DEPTH_SHORT: Meaning(
        _INFO, "Deeper history is still to be fetched.", "the depth target is reached"
    ),
}


WHERE: dict[DegradedCode, str] = dict.fromkeys(DegradedCode, "platform") | {
    **dict.fromkeys(
        (_CODE.BROKER_FETCH_FAILED, _CODE.BROKER_RATE_LIMITED, _CODE.CASCADE_EMPTY), "cell"
    ),
    **dict.fromkeys((_CODE.CORRUPT_JSONL, _CODE.TORN_TAIL, _CODE.CELL_STALE, _CODE.GAP), "cell"),
    **dict.fromkeys((_CODE.WATERMARK_MISSING,), "cell"),
    **dict.fromkeys((_CODE.COMMIT_SKIPPED, _CODE.DEPTH_SHORT), "symbol"),
    **dict.fromkeys((_CODE.D1_MISMATCH, _CODE.D1_FROM_M1, _CODE.OPEN_MODE_MIXED), "symbol"),
    **dict.fromkeys((_CODE.CALENDAR_DRIFT, _CODE.LEGACY_WRITER_ACTIVE), "symbol"),
    **dict.fromkeys((_CODE.NO_PROGRESS, _CODE.CHILD_RESTARTING, _CODE.CHILD_HELD), "process"),
}
"""What the scope of each reason usually names; a partner's failure may be a symbol's as well."""

CLEARED_BY_HAND = frozenset({_CODE.QUARANTINE_ROTATED, _CODE.UI_CRASHED})
"""Reasons whose recovery is that the operator has seen them."""


@dataclass(frozen=True, slots=True)
class DegradedReason:
    """One thing that is not as it should be, said aloud."""

    code: DegradedCode
    """What, from the closed list; drills expect these."""
    scope: Scope
    """Where; None means the whole platform."""
    since_ms: int
    """When it began, UTC."""
    detail: str
    """What happened, in one sentence with its figures."""
    count: int = 1
    """How often it was raised since it began."""
    next_attempt_ms: int | None = None
    """When what failed is tried again, UTC ms; None when nothing is planned."""
    acknowledged_ms: int | None = None
    """When an operator said that it was seen, UTC ms; it stands on. None until then."""
    said: tuple[Saying, ...] = ()
    """`detail` as codes; empty where only the sentence is known."""

    @property
    def severity(self) -> Severity:
        """info, or degraded: only the latter marks the platform degraded."""
        return MEANINGS[self.code].severity

    @property
    def hint(self) -> str:
        """What an operator can do, in one sentence."""
        return MEANINGS[self.code].hint
