"""A quiet life over a clock change; `HYPOTHESIS_PROFILE=nightly` lives 500 trading hours."""

from __future__ import annotations

import os

import pytest

from .steady import CHANGES, anchor_stays, live, told

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


@pytest.mark.parametrize("change", CHANGES if NIGHTLY else ("november",))
def test_minute_by_minute_gives_what_one_derivation_gives(change: str) -> None:
    """Restarts, a weekend and another offset of New York must leave no trace in any bar."""
    hours, restart_h = ((250.0, 250.0), 61.0) if NIGHTLY else ((0.2, 4.3), 20.0)

    lived = live(CHANGES[change], hours, 1, restart_h)
    print(told(change, lived))

    assert [] == lived.faults
    assert 2 <= lived.boots
    assert sum(hours) * 59 <= lived.bars["M1"]
    assert 1 <= lived.days
    assert 6 * lived.days <= lived.bars["H4"]


def test_an_anchor_that_does_not_move_with_the_clock_is_noticed() -> None:
    """Else the runs above could miss what they are made for."""
    lived = live(CHANGES["november"], (0.2, 4.3), 1, 20.0, anchor_stays)

    assert any("H4" in fault for fault in lived.faults)
