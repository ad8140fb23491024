"""An answer is mended before anybody sees it, and what was wrong with it is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker.answers import Fetched, mended
from engine.broker.port import BarsAnswer, BarsRequest, FetchFailed
from engine.sayings import in_a_row
from tests.engine.builders import GOLD, NOON, minutes
from uds.model import MINUTE_MS, Bars, Timeframe

HOUR = minutes(NOON - 60 * MINUTE_MS, 60)
REQUEST = BarsRequest(GOLD, Timeframe.M1, NOON - 40 * MINUTE_MS, NOON)


def mend(bars: Bars, now_ms: int = NOON) -> Fetched:
    """The answer to the last forty minutes."""
    return mended(REQUEST, BarsAnswer(bars, 0.05), now_ms)


def test_a_good_answer_passes_as_it_is() -> None:
    """The usual case costs nothing and says nothing."""
    found = mend(HOUR.tail(40))

    assert HOUR.tail(40).same_as(found.bars)
    assert (0.05, 0, ()) == (found.latency_s, found.outside_count, found.flaw)


@given(st.permutations(range(40)), st.lists(st.integers(0, 39), max_size=10))
def test_order_and_repetition_are_mended(order: list[int], again: list[int]) -> None:
    """Whatever the order and however often: the same bars come out."""
    shuffled = HOUR.tail(40).take(np.array([*order, *again]))

    found = mend(shuffled)

    assert HOUR.tail(40).same_as(found.bars)
    assert (found.flaw == ()) == (order == sorted(order) and not again)


def test_of_a_repeated_open_the_last_one_counts() -> None:
    """The broker corrected itself within one answer."""
    both = HOUR.tail(2).take(np.array([0, 1, 1]))
    both = replace(both, v=np.array([1, 2, 3]))

    assert [1, 3] == mend(both).bars.v.tolist()


def test_what_was_not_asked_for_is_dropped_and_counted() -> None:
    """An answer that ignores the range must not be stored as its content."""
    found = mend(HOUR)

    assert (40, 20) == (len(found.bars), found.outside_count)
    assert "The broker's answer for XAU/USD M1 came with 20 bars outside the range." == in_a_row(
        found.flaw
    )


def test_all_that_is_wrong_is_said_in_one_sentence() -> None:
    """A detail of several codes reads in English as it did when it was one."""
    found = mend(HOUR.take(np.append(np.arange(60)[::-1], 59)))

    assert (
        "The broker's answer for XAU/USD M1 came unordered and with 1 bars twice and "
        "with 20 bars outside the range."
    ) == in_a_row(found.flaw)


def test_the_forming_bar_is_dropped_without_a_word() -> None:
    """Every broker sends it; its high and low are not final."""
    found = mend(HOUR.tail(40), NOON - 1)

    assert (39, ()) == (len(found.bars), found.flaw)


def test_what_cannot_be_mended_is_a_failed_fetch() -> None:
    """A high below the low is no history, in whatever order."""
    insane = replace(HOUR, h=HOUR.h - 1).take(np.arange(60)[::-1])

    with pytest.raises(FetchFailed, match="is no history: bar 0"):
        mend(insane)
