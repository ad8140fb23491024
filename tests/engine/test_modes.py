"""Cold, catch-up or partial bootstrap: every row of the table, and why in words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.modes import Decision, Found, Terms, decide, heaviest
from engine.sayings import Saying, in_a_row, saying
from engine.status import Mode
from tests.engine.builders import GOLD, NOON, YEN, small_config
from uds.model import MINUTE_MS

ANCHORS = {"zone": "America/New_York", "d1": "17:00", "h4": "17:00"}
TERMS = Terms(4.0, 4_320, "first_tick", ANCHORS)
CALENDAR = small_config().trading_calendars()[GOLD]
MONDAY = NOON + 5 * 24 * 60 * MINUTE_MS
HOUR_MS = 60 * MINUTE_MS


def found(until_ms: int | None, open_mode: str = "first_tick") -> Found:
    """What the disk had, cut by today's anchors."""
    return Found(until_ms, open_mode, ANCHORS)


def said(mode: Mode, why: Sequence[Saying]) -> tuple[Mode, str]:
    """With the words that logs and documents have."""
    return mode, in_a_row(why)


def decided(what: Found, now_ms: int = NOON, terms: Terms = TERMS) -> Decision:
    """The mode of gold."""
    return decide(what, CALENDAR, now_ms, terms)


def test_nothing_stored_is_cold_and_new() -> None:
    """A new symbol must not weigh in the platform's mode."""
    assert Decision(Mode.COLD, (saying("mode_nothing"),), True) == decided(Found(None, None, None))


def test_days_without_a_minute_are_cold_and_refused_on_other_terms() -> None:
    """What a killed start left: its D1 count only if they are what they would be today."""
    today = decided(Found(None, "first_tick", ANCHORS))
    recut = decided(Found(None, "first_tick", {**ANCHORS, "d1": "18:00"}))
    other_mode = decided(Found(None, "previous_close", ANCHORS))

    assert {(Mode.COLD, True)} == {(d.mode, d.is_new) for d in (today, recut, other_mode)}
    assert [False, True, True] == [d.is_refused for d in (today, recut, other_mode)]


def test_another_open_mode_is_cold() -> None:
    """Bars of two modes side by side are split brain."""
    decision = decided(found(NOON, "previous_close"))

    assert (Mode.COLD, False) == (decision.mode, decision.is_new)
    assert "previous_close" in in_a_row(decision.said)


@pytest.mark.parametrize(
    ("away_ms", "mode"),
    [(10 * MINUTE_MS, Mode.CATCH_UP), (12 * HOUR_MS, Mode.PARTIAL_BOOTSTRAP)],
)
def test_another_anchor_is_rebuilt_locally_and_the_pause_decides_the_rest(
    away_ms: int, mode: Mode
) -> None:
    """M1 is cut by no anchor: fetching it again would ask for what is already here."""
    moved = Terms(4.0, 4_320, "first_tick", {**ANCHORS, "h4": "18:00"})

    decision = decided(found(NOON - away_ms), terms=moved)

    assert (mode, False, True) == (decision.mode, decision.is_new, decision.is_recut)
    assert in_a_row(decision.said).startswith("anchor changed: rebuilt locally, D1 only; ")


def test_the_same_anchors_rebuild_nothing() -> None:
    """Every restart would cost a derivation of everything else."""
    assert not decided(found(NOON)).is_recut


def test_another_open_mode_outweighs_another_anchor() -> None:
    """M1 of the wrong mode must not be kept for the sake of the local rebuild."""
    both = Terms(4.0, 4_320, "previous_close", {**ANCHORS, "h4": "18:00"})

    assert Mode.COLD is decided(found(NOON), terms=both).mode


@pytest.mark.parametrize(
    ("away_ms", "mode"),
    [
        (0, Mode.CATCH_UP),
        (10 * MINUTE_MS, Mode.CATCH_UP),
        (3 * HOUR_MS + 59 * MINUTE_MS, Mode.CATCH_UP),
        (4 * HOUR_MS, Mode.CATCH_UP),
        (4 * HOUR_MS + 1, Mode.PARTIAL_BOOTSTRAP),
        (4 * HOUR_MS + MINUTE_MS, Mode.PARTIAL_BOOTSTRAP),
        (12 * HOUR_MS, Mode.PARTIAL_BOOTSTRAP),
        (30 * 24 * HOUR_MS, Mode.PARTIAL_BOOTSTRAP),
    ],
)
def test_four_hours_of_open_market_are_the_border(away_ms: int, mode: Mode) -> None:
    """The border itself is still a short pause."""
    assert mode is decided(found(NOON - away_ms)).mode


def test_more_missing_minutes_than_allowed_are_a_partial_bootstrap() -> None:
    """A generous `short_pause_h` must not make a catch-up longer than the warm-up."""
    few = Terms(4.0, 100, "first_tick", ANCHORS)

    decision = decided(found(NOON - 101 * MINUTE_MS), terms=few)

    assert Mode.PARTIAL_BOOTSTRAP is decision.mode
    assert "101 M1 missing" in in_a_row(decision.said)


def test_a_weekend_is_not_a_long_pause() -> None:
    """From Friday's close to Monday 12:00Z only the open market counts: 13 h after 18:01 Sunday."""
    friday_close_ms = NOON + (2 * 24 * 60 + 9 * 60 + 45) * MINUTE_MS
    sunday_open_ms = NOON + (4 * 24 * 60 + 11 * 60 + 1) * MINUTE_MS

    assert Mode.CATCH_UP is decided(found(friday_close_ms), sunday_open_ms + 4 * HOUR_MS).mode
    assert Mode.PARTIAL_BOOTSTRAP is decided(found(friday_close_ms), MONDAY).mode


def test_data_later_than_the_clock_is_a_pause_of_nothing() -> None:
    """A clock set back must not turn into a negative pause and a crash."""
    assert Decision(Mode.CATCH_UP, (saying("mode_away", 0),), False) == decided(
        found(NOON + HOUR_MS)
    )


def test_the_platforms_mode_is_the_heaviest_of_symbols_that_were_not_new() -> None:
    """One added symbol must not call a ten-minute restart a cold start."""
    new = Decision(Mode.COLD, (saying("mode_nothing"),), True)
    short = Decision(Mode.CATCH_UP, (saying("mode_away", 10),), False)
    long = Decision(Mode.PARTIAL_BOOTSTRAP, (saying("mode_away", 600),), False)

    assert (Mode.CATCH_UP, f"{GOLD}: 10 min of open market away") == said(
        *heaviest({GOLD: short, YEN: new})
    )
    assert (Mode.PARTIAL_BOOTSTRAP, f"{YEN}: 600 min of open market away") == said(
        *heaviest({GOLD: short, YEN: long})
    )


def test_with_new_symbols_only_the_platform_is_cold() -> None:
    """An empty folder."""
    new = Decision(Mode.COLD, (saying("mode_nothing"),), True)

    cold = heaviest({GOLD: new, YEN: new})
    assert (Mode.COLD, f"{GOLD}: nothing is stored") == said(*cold)
