"""The drills of the platform's memo that one engine suffers: F1–F9, as data."""

from __future__ import annotations

from uds import Fault
from uds import FaultKind as Harm

from ..broker.faulty import FaultKind
from ..degraded import DegradedCode as Code
from .drill import LIVE, SANDBOX, VICTIM, Drill, Origin, Radius, Stage, Variant, Way

SANDBOX_READY_S = 5.0
"""`prime_ready_timeout_s` of a sandbox whose gate shall be late."""
_FOR_EVER_S = 3_600.0

_LOGIN_S, _FETCH_S, _SILENCE_S, _BEAT_S = 10.0, 5.0, 15.0, 0.8
_CLOSED = frozenset({"closed"})
_OPEN = frozenset({"open", "open_degraded"})
_STUCK = frozenset({"closed", "needs_operator"})
_M1_POLLER = "m1_poller"
_POLLER, _CONNECTOR = frozenset({_M1_POLLER}), frozenset({"connector"})
_REDIS = (Code.REDIS_DOWN, Code.REDIS_TIMEOUT, Code.REDIS_REGRESSED)
_OF_REDIS = frozenset(_REDIS)
_BUDGET = frozenset({Code.PRIME_PARTIAL, Code.PRIME_BUDGET_TOO_SMALL})
_DRAFT = Radius(unseals=True)
_COLD = Radius(unseals=True, gates=_CLOSED)
_REBUILT = Radius(unseals=True, also=_OF_REDIS)


def _login(name: str, kind: FaultKind, code: Code, detectable_s: float) -> tuple[Variant, ...]:
    """The login that fails at a cold start, and the one of a session that was open."""
    is_final = kind is FaultKind.LOGIN_PERMANENT
    processes = _CONNECTOR if is_final else frozenset()
    held = frozenset({Code.CHILD_HELD}) if is_final else frozenset()
    cold = Radius(processes, unseals=True, gates=_STUCK if is_final else _CLOSED, also=held)
    terms = {"detectable_s": detectable_s, "origin": Origin.HIT, "hold_s": 0.8, "recovers_s": 12.0}
    check = ("one_login",) if is_final else ("logins_paced",)
    return (
        Variant(
            name,
            Way.BROKER,
            (code,),
            "",
            Stage.COLD,
            SANDBOX,
            broker=kind,
            radius=cold,
            checks=check,
            **terms,  # type: ignore[arg-type]
        ),
        Variant(
            f"{name}, again",
            Way.LOGIN,
            (code,),
            "",
            Stage.OPEN,
            LIVE,
            broker=kind,
            radius=Radius(_CONNECTOR, also=held),
            checks=check,
            **terms,  # type: ignore[arg-type]
        ),
    )


_F1 = Drill(
    "F1",
    "the broker's login fails",
    "A login that is refused, hangs or is wrong for good is said, paced and healed.",
    "broker login",
    "connector alone; what is served goes on being served",
    "a login succeeds and the gate is open",
    (
        *_login("refused", FaultKind.LOGIN_REFUSED, Code.BROKER_LOGIN_TRANSIENT, 0.0),
        *_login("hangs", FaultKind.LOGIN_HANGS, Code.BROKER_LOGIN_TIMEOUT, _LOGIN_S),
        *_login("bad credentials", FaultKind.LOGIN_PERMANENT, Code.BROKER_LOGIN_PERMANENT, 0.0),
    ),
    "the session forgets its login and connector is restarted; the broker itself is not asked",
)

_F2 = Drill(
    "F2",
    "Redis is lost",
    "Readers go on being served from RAM, and what Redis lost is put back.",
    "embedded server's process; Redis calls where the server is not ours",
    "the gate is open_degraded, no process restarts, every cell stays sealed",
    "claimed, primed and flipped again",
    (
        Variant(
            "killed", Way.SERVER_KILLED, _REDIS, detectable_s=_BEAT_S, recovers_s=1.5,
            radius=Radius(also=_OF_REDIS), needs_server=True,
        ),
        Variant(
            "stopped", Way.SERVER_STOPPED, (Code.REDIS_TIMEOUT,), detectable_s=_BEAT_S,
            hold_s=0.5, recovers_s=1.5, radius=Radius(also=_OF_REDIS), needs_server=True,
        ),
        Variant(
            "emptied", Way.SERVER_EMPTIED, _REDIS, detectable_s=_BEAT_S, recovers_s=1.5,
            radius=Radius(also=_OF_REDIS), needs_server=True,
        ),
        Variant(
            "refused", Way.PLAN, (Code.REDIS_DOWN,), places=LIVE,
            fault=Fault(Harm.REFUSE, "cache.*"), detectable_s=_BEAT_S, hold_s=0.5,
            recovers_s=1.5, radius=Radius(also=_OF_REDIS), needs_foreign_server=True,
        ),
        Variant(
            "silent", Way.PLAN, (Code.REDIS_TIMEOUT,), places=LIVE,
            fault=Fault(Harm.TIME_OUT, "cache.*"), detectable_s=_BEAT_S, hold_s=0.5,
            recovers_s=1.5, radius=Radius(also=_OF_REDIS), needs_foreign_server=True,
        ),
    ),
    "our own server is killed, stopped and emptied; one that is not ours only seems to be",
)  # fmt: skip

_F3 = Drill(
    "F3",
    "derived tails are gone",
    "The next minute finds M5 to H1 missing, says so, and makes them again of M1.",
    "tails in RAM",
    "one symbol; readers keep what they have",
    "the next bar equals batch, byte for byte",
    (
        Variant(
            "dropped from memory", Way.MEMORY, (Code.CASCADE_EMPTY,), VICTIM, origin=Origin.MINUTE,
            detectable_s=0.0, recovers_s=2.0, checks=("equals_batch",),
        ),
    ),
    "the tails of one symbol are dropped shortly before a minute is final",
)  # fmt: skip

_F4 = Drill(
    "F4",
    "a cell is never primed",
    "The gate stays closed and names the cell; it opens within a tick of the priming.",
    "Redis write",
    "one symbol; the gate stays closed at a start, and open on a running engine",
    "the symbol is primed and sealed",
    (
        Variant(
            "at a start", Way.PLAN, (Code.GATE_OVERDUE,), "", Stage.COLD, SANDBOX,
            fault=Fault(Harm.REFUSE, "cache.write", "{symbol}"), origin=Origin.OPENED,
            detectable_s=SANDBOX_READY_S, hold_s=0.5, recovers_s=12.0,
            radius=Radius(unseals=True, gates=_CLOSED, also=_OF_REDIS | _BUDGET),
            checks=("overdue_names_victim",),
            config={"bootstrap.prime_ready_timeout_s": SANDBOX_READY_S},
        ),
        Variant(
            "at a rebuild", Way.PLAN, (Code.REDIS_DOWN,), places=LIVE, rebuilds=True,
            fault=Fault(Harm.REFUSE, "cache.write", "{symbol}"), origin=Origin.HIT,
            hold_s=0.5, recovers_s=12.0, radius=_REBUILT,
        ),
    ),
    "one symbol is rebuilt and not primed: REDIS_DOWN stands, its old generation is served",
)  # fmt: skip

_SILENT = Fault(Harm.SLOW, "disk.append", "*/tf_180/*", delay_s=_FOR_EVER_S)
"""What is derived, not M1 itself: D1 of the same symbol must not wait behind it."""
_F5 = Drill(
    "F5",
    "m1_poller is silent",
    "A poller that waits for ever is told from a slow one, ended, and goes on.",
    "disk append of derived bars",
    "m1_poller restarts; the gate never trusts connector alone",
    "m1_poller makes progress",
    (
        Variant(
            "at a start", Way.PLAN, (Code.NO_PROGRESS,), _M1_POLLER, Stage.COLD, SANDBOX,
            fault=_SILENT,
            origin=Origin.SILENT, detectable_s=_SILENCE_S, hold_s=0.0, recovers_s=1.0,
            radius=Radius(_POLLER, unseals=True, gates=_CLOSED,
                          also=frozenset({Code.CHILD_RESTARTING})),
        ),
        Variant(
            "at a rebuild", Way.PLAN, (Code.NO_PROGRESS,), _M1_POLLER, places=LIVE, fault=_SILENT,
            rebuilds=True, origin=Origin.SILENT, detectable_s=_SILENCE_S, hold_s=0.0,
            recovers_s=1.0,
            radius=Radius(_POLLER, unseals=True,
                          also=frozenset({Code.CHILD_RESTARTING, Code.CELL_STALE})),
        ),
    ),
    "writes of derived bars hang while one symbol is rebuilt, until m1_poller is ended for it",
)  # fmt: skip

_F6 = Drill(
    "F6",
    "disk or Redis are slow",
    "A spent budget is said; priming goes on and is never partial.",
    "Redis calls, disk calls",
    "the start takes longer; no process restarts",
    "all cells are primed",
    (
        Variant(
            "slow Redis", Way.PLAN, (Code.PRIME_PARTIAL,), "", Stage.COLD, SANDBOX,
            fault=Fault(Harm.SLOW, "cache.*", delay_s=0.45), origin=Origin.PRIMING,
            detectable_s=0.8, hold_s=0.2, recovers_s=10.0,
            radius=Radius(unseals=True, gates=_CLOSED, also=_BUDGET,
                          stays=frozenset({Code.PRIME_BUDGET_TOO_SMALL})),
            checks=("flips_are_whole",),
            config={"bootstrap.redis_priming_budget_s": 0.3,
                    "bootstrap.prime_budget_per_symbol_s": 0.15},
        ),
        Variant(
            "slow disk", Way.PLAN, (), "", Stage.COLD, SANDBOX,
            fault=Fault(Harm.SLOW, "disk.*", "*_*/*", delay_s=0.45), hold_s=2.0,
            recovers_s=10.0, radius=_COLD, checks=("flips_are_whole",),
        ),
        Variant(
            "slow Redis, at a rebuild", Way.PLAN, (), places=LIVE, rebuilds=True,
            fault=Fault(Harm.SLOW, "cache.[wf]*", VICTIM, delay_s=0.45), hold_s=0.6,
            recovers_s=15.0, radius=Radius(unseals=True, also=frozenset({Code.PRIME_PARTIAL})),
            checks=("flips_are_whole",),
        ),
    ),
    "one symbol is rebuilt over a slow Redis; its old generation is served until the flip",
)  # fmt: skip

_F7 = Drill(
    "F7",
    "a symbol without a watermark",
    "A new symbol without a bar is said at once, and served once the source has it.",
    "broker answers",
    "the new symbol; the others start as if nothing were",
    "its first bar is stored",
    (
        Variant(
            "new symbol", Way.BROKER, (Code.WATERMARK_MISSING,), VICTIM, Stage.START, SANDBOX,
            broker=FaultKind.EMPTY, origin=Origin.DECIDED, hold_s=0.5, recovers_s=8.0,
            radius=Radius(unseals=True, gates=_CLOSED), detail="new symbol",
        ),
    ),
)  # fmt: skip


def _damage(name: str, code: Code = Code.CORRUPT_JSONL) -> Variant:
    return Variant(
        name, Way.FILE, (code,), VICTIM, Stage.START, SANDBOX, origin=Origin.HIT, recovers_s=5.0,
        radius=Radius(unseals=True, gates=_CLOSED | _OPEN), checks=("evidence_kept",), detail=name,
    )  # fmt: skip


_F8 = Drill(
    "F8",
    "a file is not what was written",
    "Bad lines go to quarantine, good ones stay, the hole is fetched again.",
    "segment on disk",
    "one cell; the other symbols ask for nothing",
    "fetched and sealed again",
    (
        _damage("flipped bit"),
        _damage("NULs"),
        _damage("spliced line"),
        _damage("1 MB line"),
        _damage("torn tail", Code.TORN_TAIL),
        Variant(
            "flipped bit, overlaid", Way.OVERLAY, (Code.CORRUPT_JSONL,), VICTIM,
            fault=Fault(Harm.CORRUPT, "disk.read", "{path}"), origin=Origin.HIT,
            hold_s=0.0, recovers_s=5.0,
            radius=Radius(unseals=True, also=frozenset({Code.CASCADE_EMPTY})),
        ),
    ),
    "the next file of the scrub is read with one bit flipped; the file stays as it is",
)  # fmt: skip


def _fetch(
    name: str, kind: FaultKind, code: Code | None, times: int, detectable_s: float = 0.0
) -> Variant:
    codes = () if code is None else (code,)
    return Variant(
        name, Way.BROKER, codes, VICTIM, broker=kind, times=times, rebuilds=True, origin=Origin.HIT,
        detectable_s=detectable_s, recovers_s=12.0 + detectable_s, radius=_DRAFT,
        checks=("slots_free",),
    )  # fmt: skip


_F9 = Drill(
    "F9",
    "fetches fail",
    "A fetch that fails is asked for again, costs no slot and disturbs no other symbol.",
    "broker requests",
    "one symbol's rebuild takes longer",
    "the next good fetch; all slots are free",
    (
        _fetch("error", FaultKind.FETCH_ERROR, Code.BROKER_FETCH_FAILED, 2),
        _fetch("hangs", FaultKind.FETCH_HANGS, Code.BROKER_FETCH_FAILED, 1, _FETCH_S),
        _fetch("short", FaultKind.SHORT, None, 2),
        _fetch("duplicate", FaultKind.DUPLICATE, Code.BROKER_FETCH_FAILED, 1),
        _fetch("unordered", FaultKind.UNORDERED, Code.BROKER_FETCH_FAILED, 1),
        _fetch("rate limit", FaultKind.RATE_LIMIT, Code.BROKER_RATE_LIMITED, 2),
    ),
    "one symbol is rebuilt while its requests fail",
)


FAILURES = (_F1, _F2, _F3, _F4, _F5, _F6, _F7, _F8, _F9)
"""In the order of the table."""
