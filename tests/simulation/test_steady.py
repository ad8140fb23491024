"""A quiet life over a clock change; `HYPOTHESIS_PROFILE=nightly` lives 500 trading hours."""

from __future__ import annotations

import os

import pytest

from .steady import CHANGES, live, told

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
