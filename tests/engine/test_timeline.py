"""The floor no start can beat, and how long a stage really worked."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.boots.stages import asked, stages
from engine.boots.timeline import Span, Timeline, replay_floor_s
from engine.broker.port import BarsRequest
from engine.broker.session import Answered
from tests.engine.builders import GOLD, YEN
from uds.model import Timeframe

latencies = st.lists(st.floats(0.001, 5.0), max_size=40)
ticks = st.integers(0, 60)
"""Moments in whole seconds, so that an oracle can count seconds one by one."""


@given(st.floats(0, 3), st.floats(0.001, 2.0), st.integers(0, 200), st.integers(1, 16))
def test_under_constant_latency_the_floor_is_a_formula(
    login_s: float, latency_s: float, requests: int, slots: int
) -> None:
    """A harness recomputes it from the number of requests alone."""
    expected_s = login_s + math.ceil(requests / slots) * latency_s

    assert pytest.approx(expected_s) == replay_floor_s(login_s, [latency_s] * requests, slots)


@given(latencies, st.integers(1, 8))
def test_the_floor_lies_between_the_two_bounds_of_any_schedule(
    drawn: list[float], slots: int
) -> None:
    """Not under the longest answer or the shared work, not over everything in one slot."""
    floor_s = replay_floor_s(0.5, drawn, slots)

    assert floor_s >= 0.5 + max(sum(drawn) / slots, max(drawn, default=0.0)) - 1e-9
    assert floor_s <= 0.5 + sum(drawn) + 1e-9


def test_without_requests_the_floor_is_the_login() -> None:
    """A restart with nothing missing still has to log in."""
    assert 0.5 == replay_floor_s(0.5, [], 4)


def test_a_timeline_keeps_spans_in_the_order_they_ended() -> None:
    """The waterfall is drawn from it as it is."""
    timeline = Timeline()
    timeline.note(Span("login", None, 0.0, 0.5))
    timeline.note(Span("D1", GOLD, 0.0, 0.6))

    assert ["login", "D1"] == [span.name for span in timeline.spans]


@given(st.integers(0, 12), st.integers(0, 12))
def test_whoever_counts_gets_what_came_since(before: int, after: int) -> None:
    """The record asks for what it has not written; what was forgotten meanwhile is left out."""
    timeline = Timeline(kept=5)
    for number in range(before + after):
        timeline.note(Span(str(number), None, 0.0, 1.0))

    names = [span.name for span in timeline.after(before)]

    assert [str(n) for n in range(before, before + after)][-5:] == names
    assert before + after == timeline.noted_count


def answered(sent_s: float, answered_s: float, symbol: str = GOLD) -> Answered:
    """One answered M1 request."""
    request = BarsRequest(symbol, Timeframe.M1, 0, 60_000)
    return Answered(request, 0.0, sent_s, answered_s, answered_s - sent_s)


@given(
    st.lists(st.tuples(ticks, ticks).map(sorted).map(tuple), max_size=8),
    st.tuples(ticks, ticks).map(sorted).map(tuple),
)
def test_work_is_the_time_in_which_any_request_had_a_slot(
    requests: list[tuple[int, int]], span: tuple[int, int]
) -> None:
    """Side by side counts once, outside the span not at all; counted second by second."""
    expected = sum(any(sent <= second < done for sent, done in requests) for second in range(*span))

    last = answered(60, 60, YEN)
    known = [*(answered(*one) for one in requests), last]
    (found,) = stages([Span("M1", GOLD, *span)], asked(known, 0.0))

    assert pytest.approx(expected) == found.work_s
    assert pytest.approx(span[1] - span[0] - expected) == found.wait_s


def test_only_the_series_own_requests_count_as_its_work() -> None:
    """Gold waited while the yen was fetched: that is wait, not work."""
    both = [answered(100, 102), answered(102, 105, YEN)]
    spans = [Span("M1", GOLD, 0, 5), Span("D1", GOLD, 0, 5), Span("M1", YEN, 0, 5)]

    assert [2, 0, 3] == [stage.work_s for stage in stages(spans, asked(both, 100.0))]


def test_writing_a_page_is_work_of_the_fetch_it_belongs_to() -> None:
    """Durable is part of fetched; a page that is synced while the next is asked counts once."""
    spans = [Span("store", GOLD, 2.0, 3.5, of="M1"), Span("M1", GOLD, 0, 5)]

    (found,) = stages(spans, asked([answered(1, 3)], 0.0))

    assert ("M1", 2.5, 2.5) == (found.name, found.work_s, found.wait_s)


def test_a_stage_that_was_told_to_have_waited_did() -> None:
    """Priming waits for its turn and for a server that is away."""
    (found,) = stages([Span("prime", GOLD, 1, 5, wait_s=3)], [])

    assert (3, 1) == (found.wait_s, found.work_s)


def test_a_fetch_of_which_no_request_is_kept_counts_as_work() -> None:
    """After the start single requests are not kept: a rebuild must not look like idling."""
    later = Span("M1", GOLD, 60, 62)

    (found,) = stages([later], asked([answered(1, 3)], 0.0))

    assert (0, 2) == (found.wait_s, found.work_s)
