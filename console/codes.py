"""Reason codes in the six columns that a cell has for them."""

from __future__ import annotations

from engine import DegradedCode

WIDTH = 6

_SHORT = {
    "BROKER_LOGIN_TRANSIENT": "LOGIN",
    "BROKER_LOGIN_TIMEOUT": "LOGTMO",
    "BROKER_LOGIN_PERMANENT": "LOGBAD",
    "BROKER_FETCH_FAILED": "FETCH",
    "BROKER_RATE_LIMITED": "RATE",
    "REDIS_DOWN": "REDIS",
    "REDIS_TIMEOUT": "REDTMO",
    "REDIS_REGRESSED": "REDREG",
    "CASCADE_EMPTY": "EMPTY",
    "GATE_OVERDUE": "LATE",
    "FORCED_OPEN": "FORCED",
    "NO_PROGRESS": "NOPROG",
    "PRIME_PARTIAL": "PRIME",
    "PRIME_BUDGET_TOO_SMALL": "BUDGET",
    "WATERMARK_MISSING": "NOMARK",
    "CORRUPT_JSONL": "CORRPT",
    "TORN_TAIL": "TORN",
    "STATE_FALLBACK_PREV": "STPREV",
    "STATE_REBUILT": "STREB",
    "COMMIT_SKIPPED": "COMMIT",
    "QUARANTINE_ROTATED": "QUARAN",
    "OWNER_CHANGED": "OWNER",
    "FENCED": "FENCED",
    "CHILD_RESTARTING": "CHILD",
    "CHILD_HELD": "HELD",
    "LOOP_STALLED": "LOOP",
    "DISK_FULL": "DSKFUL",
    "DISK_ERROR": "DSKERR",
    "CELL_STALE": "STALE",
    "GAP": "GAP",
    "D1_MISMATCH": "D1DIFF",
    "D1_FROM_M1": "D1M1",
    "OPEN_MODE_MIXED": "OPMODE",
    "CALENDAR_DRIFT": "CALEND",
    "LEGACY_WRITER_ACTIVE": "LEGACY",
    "API_PORT_BUSY": "PORT",
    "CLOCK_JUMP": "CLOCK",
    "UI_CRASHED": "UI",
    "TERMINAL_STALLED": "TERM",
    "DEPTH_SHORT": "DEPTH",
}


def short(code: DegradedCode) -> str:
    """The code as a cell shows it; one that is not in the table is cut."""
    return _SHORT.get(code.value, code.value[:WIDTH])
