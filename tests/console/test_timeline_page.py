"""The timeline page as rows: a bar is to scale, the chain is on top, and lateness is a fault."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.glyphs import GAUGE_EMPTY, GAUGE_FULL
from console.lines import text_of, width_of
from console.widgets.timeline_page import timeline_listing
from console.words import Words
from engine.boots.stages import Stage
from engine.boots.waterfall import BrokerFloor, Waterfalls, poured

from .boots import a_boot

WORDS = Words()
LATE = Waterfalls(a_boot(42, 1.0, 8.0), a_boot(41, 0.8, None))


def test_the_promises_come_first_and_then_the_chain() -> None:
    """Making anything else faster changes nothing."""
    items = timeline_listing(LATE, WORDS, 80).items
    names = [text_of(item.line)[2:].split()[0] for item in items[:8]]

    assert ["gate", "priming", "login", "M1", "derive", "commit", "prime", "flip"] == names
    assert ["gate"] == [item.key for item in items if item.is_fault][:1]
    assert 2 + 1 + 13 * 6 == len(items)


def test_a_stage_is_compared_with_itself_in_the_boot_before() -> None:
    """Of the same symbol."""
    listing = timeline_listing(LATE, WORDS, 80)
    m1 = next(item for item in listing.items if item.key.startswith("M1 USD/JPY"))

    assert text_of(m1.line).endswith("+1.55")
    assert "the boot before: from 0.10s to 6.20s" in text_of(m1.detail)


def test_without_a_boot_before_nothing_is_compared() -> None:
    """The first start of a data folder."""
    listing = timeline_listing(replace(LATE, before=None), WORDS, 80)

    assert "before" not in listing.title
    assert not any(text_of(item.line).rstrip().endswith("+1.55") for item in listing.items)


def test_the_broker_alone_is_told_from_the_engine() -> None:
    """How many symbols a promise will do for is a statement about login, latency and slots."""
    cold = replace(LATE, broker=BrokerFloor(login_s=0.5, floor_s=1.5, symbols=10))
    (gate, *_) = timeline_listing(cold, WORDS, 80).items
    told = text_of(gate.detail)

    assert "login 0.50s, then 1.00s for 10 symbols" in told
    assert "(8s − 0.50s) / floor: 8s would do for 75 such symbols" in told
    assert None is BrokerFloor(0.5, 0.5, 10).room(30.0)


def test_before_anything_is_known_the_page_says_so() -> None:
    """An engine that is still being opened answers nothing."""
    empty = poured("b1", None, 0, None, (None, None), (), ())

    assert WORDS.timeline_unread == timeline_listing(None, WORDS, 80).empty
    assert "still closed" in timeline_listing(Waterfalls(empty, None), WORDS, 80).title


@given(
    st.floats(0, 50), st.floats(0, 50), st.floats(0, 50), st.integers(20, 300), st.floats(0.01, 90)
)
def test_a_bar_is_never_empty_and_never_too_long(
    start_s: float, wait_s: float, work_s: float, width: int, ready_s: float
) -> None:
    """However short a stage, however narrow the terminal."""
    stage = Stage("M1", "NGAS", start_s, wait_s, work_s, start_s + wait_s + work_s)
    boot = replace(LATE.now, phases=(stage,), critical_chain=(), ready_budget_s=ready_s)
    boot = replace(boot, opened_gate_after_s=None)
    item = timeline_listing(Waterfalls(boot, None), WORDS, width).items[-1]
    bar = item.line[3].text

    assert max(8, width - 43) + 1 == len(bar) == width_of((item.line[3],))
    assert {GAUGE_EMPTY, GAUGE_FULL} & set(bar)
    if work_s >= wait_s:
        assert GAUGE_FULL in bar


@pytest.mark.parametrize("width", [43, 80, 200])
def test_the_last_column_ends_with_the_terminal(width: int) -> None:
    """Nothing is cropped at 80 columns."""
    listing = timeline_listing(LATE, WORDS, width)

    assert width >= 80 or listing.yielding
    assert width < 80 or width >= max(1 + width_of(item.line) for item in listing.items)
