"""The drills of owners: F10, of two engines over one folder, and Z1–Z7, as data."""

from __future__ import annotations

from uds import Fault
from uds import FaultKind as Harm

from ..degraded import DegradedCode as Code
from .drill import SANDBOX, VICTIM, Drill, Origin, Radius, Stage, Variant, Way

_BEAT_S = 0.8
_REDIS = (Code.REDIS_DOWN, Code.REDIS_TIMEOUT, Code.REDIS_REGRESSED)
_OF_REDIS = frozenset(_REDIS)
_DRAFT = Radius(unseals=True)
_REBUILT = Radius(unseals=True, also=_OF_REDIS)


def _script(name: str, codes: tuple[Code, ...], *checks: str, hold_s: float = 1.0) -> Variant:
    return Variant(
        name, Way.SCRIPT, codes, "", Stage.SCRIPT, SANDBOX, detail=name, hold_s=hold_s,
        recovers_s=12.0, checks=checks,
    )  # fmt: skip


_FENCED = (Code.OWNER_CHANGED, Code.FENCED)
_F10 = Drill(
    "F10",
    "two boots at once",
    "Every boot has a greater token and a name of its own, with a clock that stands still too.",
    "processes over one data folder",
    "the owner that was passed over; its successor notices nothing",
    "the successor's token is greater and its gate is open",
    (
        _script("two boots, frozen clock", (), "tokens_grow"),
        _script("zombie resumed", _FENCED, "tokens_grow", "zombie_is_still"),
    ),
)
_Z1 = Drill(
    "Z1",
    "a zombie in the middle of its start",
    "An owner stopped while it fills writes nothing once a successor began.",
    "SIGSTOP, successor, SIGCONT",
    "the stopped owner; its successor notices nothing",
    "the successor's gate is open",
    (_script("zombie filling", _FENCED, "tokens_grow", "zombie_is_still"),),
)
_Z2 = Drill(
    "Z2",
    "Redis comes back empty",
    "A server without its data is claimed, primed and flipped again.",
    "embedded server's process and files",
    "the gate is open_degraded, no process restarts, every cell stays sealed",
    "claimed, primed and flipped again",
    (
        Variant(
            "restarted empty", Way.SERVER_RESTARTED_EMPTY, _REDIS, places=SANDBOX,
            detectable_s=_BEAT_S, recovers_s=1.5, radius=Radius(also=_OF_REDIS),
            needs_server=True,
        ),
    ),
)  # fmt: skip


def _disk(name: str, harm: Harm, operation: str, code: Code) -> Variant:
    return Variant(
        name, Way.PLAN, (code,), VICTIM, places=SANDBOX, rebuilds=True, origin=Origin.HIT,
        fault=Fault(harm, operation, "{folder}/*"), hold_s=0.5, recovers_s=12.0, radius=_DRAFT,
    )  # fmt: skip


_Z3 = Drill(
    "Z3",
    "the disk is full, or fails",
    "Nothing is acknowledged that is not durable; it goes on once writes succeed.",
    "disk append and link",
    "one symbol's rebuild waits; readers keep what they have",
    "a write succeeds and the rebuild is sealed",
    (
        _disk("full", Harm.FULL, "disk.append", Code.DISK_FULL),
        _disk("fsync EIO", Harm.LOSE_REPLY, "disk.append", Code.DISK_ERROR),
        _disk("commit EIO", Harm.REFUSE, "disk.link", Code.DISK_ERROR),
    ),
)
_Z4 = Drill(
    "Z4",
    "the reply to a flip is lost",
    "A flip that was applied and not answered is asked for again and changes nothing.",
    "Redis flip",
    "one symbol's rebuild takes half a second longer",
    "the flip is read back",
    (
        Variant(
            "reply lost", Way.PLAN, (Code.REDIS_TIMEOUT,), places=SANDBOX, rebuilds=True,
            fault=Fault(Harm.LOSE_REPLY, "cache.flip", "{symbol}", times=1), origin=Origin.HIT,
            detectable_s=0.5, recovers_s=1.5, radius=_REBUILT, checks=("flips_are_whole",),
        ),
    ),
)  # fmt: skip
_Z5 = Drill(
    "Z5",
    "nothing runs for three seconds",
    "A pause is noticed, and the owner is asked for before anything is written.",
    "event loop",
    "readers wait as long as the pause; nothing else",
    "the loop is on time",
    (
        Variant(
            "stall 3 s", Way.STALL, (Code.LOOP_STALLED,), places=SANDBOX, amount_s=3.0,
            detectable_s=3.0, recovers_s=3.0, radius=Radius(answer_s=4.0, also=_OF_REDIS),
        ),
    ),
)  # fmt: skip
_Z6 = Drill(
    "Z6",
    "killed while sealing",
    "A kill between commit and flip costs neither a bar nor a second truth.",
    "SIGKILL",
    "the killed engine; the next boot finds a sealed generation",
    "the next boot's gate is open and every bar it had is there",
    (
        _script("killed before the commit", (), "tokens_grow"),
        _script("killed before the flip", (), "tokens_grow", "bars_kept"),
    ),
)
_JUMP = frozenset({Code.CELL_STALE, Code.GAP, Code.CLOCK_JUMP, Code.D1_MISMATCH})


def _jump(name: str, by_s: float) -> Variant:
    return Variant(
        name, Way.JUMP, (Code.CLOCK_JUMP,), places=SANDBOX, amount_s=by_s, detectable_s=0.25,
        hold_s=0.0, recovers_s=5.0, radius=Radius(also=_JUMP),
    )  # fmt: skip


_Z7 = Drill(
    "Z7",
    "the clock jumps by an hour",
    "A wall clock that is set forward or back is said; no bar and no owner depends on it.",
    "wall clock",
    "cells may look stale meanwhile; no bar changes",
    "ownership was checked again and the clock is right",
    (_jump("an hour ahead", 3_600.0), _jump("an hour back", -3_600.0)),
)

OWNERS = (_F10, _Z1, _Z2, _Z3, _Z4, _Z5, _Z6, _Z7)
"""In the order of the table."""
