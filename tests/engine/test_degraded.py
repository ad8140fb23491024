"""The closed list of reasons: what is on it, and that each row says what it must."""

from __future__ import annotations

import pytest

from engine.degraded import MEANINGS, DegradedCode, DegradedReason, Severity

CLOSED_LIST = [
    "BROKER_LOGIN_TRANSIENT",
    "BROKER_LOGIN_TIMEOUT",
    "BROKER_LOGIN_PERMANENT",
    "BROKER_FETCH_FAILED",
    "BROKER_RATE_LIMITED",
    "REDIS_DOWN",
    "REDIS_TIMEOUT",
    "REDIS_REGRESSED",
    "CASCADE_EMPTY",
    "GATE_OVERDUE",
    "FORCED_OPEN",
    "NO_PROGRESS",
    "PRIME_PARTIAL",
    "PRIME_BUDGET_TOO_SMALL",
    "WATERMARK_MISSING",
    "CORRUPT_JSONL",
    "TORN_TAIL",
    "STATE_FALLBACK_PREV",
    "STATE_REBUILT",
    "COMMIT_SKIPPED",
    "QUARANTINE_ROTATED",
    "OWNER_CHANGED",
    "FENCED",
    "CHILD_RESTARTING",
    "CHILD_HELD",
    "LOOP_STALLED",
    "DISK_FULL",
    "DISK_ERROR",
    "CELL_STALE",
    "GAP",
    "D1_MISMATCH",
    "D1_FROM_M1",
    "OPEN_MODE_MIXED",
    "CALENDAR_DRIFT",
    "LEGACY_WRITER_ACTIVE",
    "API_PORT_BUSY",
    "CLOCK_JUMP",
    "UI_CRASHED",
    "TERMINAL_STALLED",
    "DEPTH_SHORT",
]
"""As the rulings have it: a code is added there first, never improvised."""


def test_the_codes_are_the_closed_list() -> None:
    """Drills, documents and operators rely on these words and on no others."""
    assert CLOSED_LIST == [code.value for code in DegradedCode]


def test_the_name_of_a_code_is_its_word_on_the_wire() -> None:
    """Whoever greps the code for a reason on the screen must find it."""
    assert [] == [code for code in DegradedCode if code.name != code.value]


def test_every_code_has_a_meaning() -> None:
    """A reason without severity and hint would crash the status it stands in."""
    assert list(DegradedCode) == list(MEANINGS)


@pytest.mark.parametrize("code", DegradedCode, ids=lambda code: code.value)
def test_a_hint_is_one_sentence_and_a_recovery_one_clause(code: DegradedCode) -> None:
    """The hint stands alone on the reasons screen, the recovery after the word `until`."""
    meaning = MEANINGS[code]

    assert meaning.hint[0].isupper()
    assert meaning.hint.endswith(".")
    assert "" != meaning.recovery
    assert not meaning.recovery.endswith(".")


def test_only_what_costs_readers_nothing_is_info() -> None:
    """Info neither marks the platform degraded nor changes an exit code."""
    info = {code.value for code, meaning in MEANINGS.items() if meaning.severity is Severity.INFO}

    names = {"WATERMARK_MISSING", "TORN_TAIL", "D1_FROM_M1", "DEPTH_SHORT", "LOOP_STALLED"}
    assert names == info


def test_a_reason_tells_its_severity_and_hint_from_the_table() -> None:
    """One place decides how grave a code is, not whoever raises it."""
    reason = DegradedReason(DegradedCode.TORN_TAIL, None, 0, "cut")

    assert Severity.INFO is reason.severity
    assert MEANINGS[DegradedCode.TORN_TAIL].hint == reason.hint
