"""What readers are answered: the order of refusals, one generation, and never a silent lack."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.apply import apply
from engine.cell import Cell, CellState
from engine.config import TAIL_BARS
from engine.degraded import DegradedCode
from engine.depth import Depth
from engine.events import CellsChanged, ReasonRaised
from engine.serving.api import Answer, answer_bars
from engine.serving.documents import BarsDocument, ProblemDocument
from engine.status import Status
from tests.engine.builders import (
    GOLD,
    NOON,
    YEN,
    a_status,
    flat_bars,
    key,
    minutes,
    small_config,
)
from uds import Snapshot
from uds.model import MINUTE_MS, Bars, Coverage, Generation, Preview, SeriesKey, Timeframe

SERVED = Generation(42, 3)
FIRST_MS = NOON - 100 * MINUTE_MS
M1 = minutes(FIRST_MS, 100)
CLOSED = a_status(small_config(), NOON - 10_000)


def opened(*events: ReasonRaised) -> Status:
    """Both symbols are served."""
    status = CLOSED
    for symbol in (GOLD, YEN):
        cells = {tf: Cell(CellState.SEALED, serving=SERVED) for tf in Timeframe}
        status = apply(status, CellsChanged(symbol, cells), NOON)
    for event in events:
        status = apply(status, event, NOON)
    return status


def snapshot(**tails: Bars) -> Snapshot:
    """100 minutes of M1, five days of D1, nothing else."""
    days = flat_bars([NOON - day * Timeframe.D1.ms for day in range(5, 0, -1)], Timeframe.D1.ms)
    named = {Timeframe.M1: M1, Timeframe.D1: days}
    named |= {Timeframe[name]: bars for name, bars in tails.items()}
    return Snapshot(SERVED, 7, {tf: named.get(tf, Bars.empty()) for tf in Timeframe}, Coverage())


OPENED = opened()
TAILS = {GOLD: snapshot(), YEN: snapshot()}


def asked(status: Status = OPENED, /, **query: str) -> Answer:
    """What a query is answered; gold's M1 unless it says otherwise."""
    raw = {"symbol": GOLD, "tf": "M1", **query}
    return answer_bars(raw, status, TAILS, TAIL_BARS, NOON)


def document(answer: Answer) -> Any:
    """The body."""
    return json.loads(answer.body)


def opens(answer: Answer) -> list[int]:
    """Opens of the bars that were answered."""
    return [bar["open_time_ms"] for bar in document(answer)["bars"]]


def test_bars_are_answered_with_everything_one_must_know_of_them() -> None:
    """The document of the interface, field by field."""
    answer = asked(limit="2")

    BarsDocument.model_validate_json(answer.body)
    assert (200, "application/json") == (answer.code, answer.media_type)
    assert {
        "ok": True,
        "symbol": GOLD,
        "tf": "M1",
        "tf_s": 60,
        "generation": "00000042-0003",
        "seq": 7,
        "as_of_ms": NOON,
        "complete_through_ms": NOON,
        "depth": {"bars": 100, "target": 4_320, "first_ms": FIRST_MS},
        "truncated": False,
        "resident_from_ms": FIRST_MS,
        "degraded": False,
        "reasons": [],
        "bars": [
            {
                "open_time_ms": open_ms,
                "close_time_ms": open_ms + MINUTE_MS,
                "o": 100.0,
                "h": 100.0,
                "low": 100.0,
                "c": 100.0,
                "v": 1,
                "complete": True,
                "src": "history",
            }
            for open_ms in (NOON - 2 * MINUTE_MS, NOON - MINUTE_MS)
        ],
    } == document(answer)


def test_three_hundred_bars_are_answered_unless_a_number_is_given() -> None:
    """The default of every charting client."""
    many = {GOLD: snapshot(M1=minutes(NOON - 900 * MINUTE_MS, 900))}
    query = {"symbol": GOLD, "tf": "M1"}

    answer = answer_bars(query, OPENED, many, TAIL_BARS, NOON)

    assert 300 == len(opens(answer))


BAD = [
    ({"symbol": ""}, "'symbol' is missing"),
    ({"tf": ""}, "'tf' is missing"),
    ({"limit": "0"}, "'limit' must be at least 1"),
    ({"limit": "-5"}, "'limit' must be at least 1"),
    ({"limit": "many"}, "'limit' must be a whole number"),
    ({"limit": "1.5"}, "'limit' must be a whole number"),
    ({"limit": "--5"}, "'limit' must be a whole number"),
    ({"limit": ""}, "'limit' must be a whole number"),
    ({"limit": "٣"}, "'limit' must be a whole number"),
    ({"limit": "0" * 20 + "9" * 30}, "'limit' must be a whole number"),
    ({"from_ms": "9" * 5_000}, "must be a whole number of 15 digits at most."),
    ({"from_ms": "5", "to_ms": "5"}, "'from_ms' must be before 'to_ms'"),
    ({"symbl": "x"}, "'symbl' is not a parameter; there are symbol, tf, limit, from_ms, to_ms"),
]


@pytest.mark.parametrize(("query", "said"), BAD, ids=[said for _, said in BAD])
def test_a_question_that_cannot_be_read_is_400(query: dict[str, str], said: str) -> None:
    """A sentence, whatever was sent: the message is for whoever wrote the client."""
    answer = asked(**query)

    assert (400, "application/problem+json") == (answer.code, answer.media_type)
    assert said in document(answer)["detail"]
    assert {"type", "title", "status", "detail"} == set(document(answer))


@given(st.dictionaries(st.sampled_from(["symbol", "tf", "limit", "from_ms", "to_ms"]), st.text()))
def test_no_question_ever_breaks_it(query: dict[str, str]) -> None:
    """HTTP is hostile until parsed."""
    for status in (CLOSED, OPENED):
        answer = answer_bars(query, status, TAILS, TAIL_BARS, NOON)
        assert answer.code in (200, 400, 404, 503)
        if answer.code != 200:
            ProblemDocument.model_validate_json(answer.body)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"symbol": "EUR/USD"}, "There is no symbol 'EUR/USD'"),
        ({"symbol": "xau/usd"}, "There is no symbol 'xau/usd'"),
        ({"symbol": "../../etc"}, "There is no symbol '../../etc'"),
        ({"tf": "M2"}, "There is no timeframe 'M2'; there are M1, M3, M5"),
        ({"tf": "m1"}, "There is no timeframe 'm1'"),
    ],
)
def test_an_unknown_series_is_404(query: dict[str, str], said: str) -> None:
    """Symbols and timeframes come from the configuration's list only."""
    answer = asked(**query)

    assert (404, "application/problem+json") == (answer.code, answer.media_type)
    assert said in document(answer)["detail"]


def test_refusals_come_in_the_order_400_404_503() -> None:
    """While the gate is closed a bad question is still a bad question."""
    assert 400 == asked(CLOSED, symbol="EUR/USD", limit="0").code
    assert 404 == asked(CLOSED, symbol="EUR/USD").code
    assert 503 == asked(CLOSED).code


def test_a_closed_gate_is_503_with_all_that_is_waited_for() -> None:
    """P3: who is refused learns why, how far it is, and when to come back."""
    down = ReasonRaised(DegradedCode.REDIS_DOWN, None, "Refused.")
    status = apply(CLOSED, down, NOON)
    served = {tf: Cell(CellState.SEALED, serving=SERVED) for tf in Timeframe}
    status = apply(status, CellsChanged(GOLD, served), NOON)

    answer = asked(status)

    problem = ProblemDocument.model_validate_json(answer.body)
    assert (503, "not ready", "recovering") == (problem.status, problem.title, problem.phase)
    assert problem.progress is not None
    assert (8, 16, 10.0) == (
        problem.progress.ready_cells,
        problem.progress.total_cells,
        problem.progress.eta_s,
    )
    assert ["redis", *(f"{YEN}/{tf.name}" for tf in Timeframe)] == problem.waiting_for
    assert ["REDIS_DOWN"] == [reason.code for reason in problem.reasons or ()]
    assert {"Retry-After": "10"} == dict(answer.headers)


def test_retry_after_is_at_least_a_second() -> None:
    """Also when there is no estimate yet; zero would be an invitation to spin."""
    answer = asked(CLOSED)

    assert {"Retry-After": "1"} == dict(answer.headers)
    assert document(answer)["progress"] == {"ready_cells": 0, "total_cells": 16, "eta_s": None}


def test_a_cell_without_data_is_503_even_while_the_gate_is_open() -> None:
    """Never an empty list that looks like truth."""
    answer = asked(tf="H4")

    assert 503 == answer.code
    assert "XAU/USD/H4 has no bars yet." == document(answer)["detail"]


def test_a_range_is_half_open_and_its_newest_bars_win() -> None:
    """`to_ms` is exclusive, as everywhere; with a limit the newest of the range are answered."""
    from_ms, to_ms = FIRST_MS + 10 * MINUTE_MS, FIRST_MS + 20 * MINUTE_MS

    whole = asked(from_ms=str(from_ms), to_ms=str(to_ms))
    limited = asked(from_ms=str(from_ms), to_ms=str(to_ms), limit="3")

    assert list(range(from_ms, to_ms, MINUTE_MS)) == opens(whole)
    assert opens(whole)[-3:] == opens(limited)


@pytest.mark.parametrize(
    ("query", "count", "truncated"),
    [
        ({}, 100, True),
        ({"limit": "100"}, 100, False),
        ({"limit": "101"}, 100, True),
        ({"from_ms": str(FIRST_MS)}, 100, False),
        ({"from_ms": str(FIRST_MS - 1)}, 100, True),
        ({"to_ms": str(FIRST_MS + MINUTE_MS), "limit": "1"}, 1, False),
        ({"to_ms": str(FIRST_MS + MINUTE_MS), "limit": "2"}, 1, True),
        ({"to_ms": str(FIRST_MS)}, 0, True),
        ({"from_ms": str(NOON)}, 0, False),
        ({"from_ms": "-5", "to_ms": "0"}, 0, True),
    ],
)
def test_what_lies_before_the_resident_tail_is_said_to_be_missing(
    query: dict[str, str], count: int, truncated: bool
) -> None:
    """Fewer bars than asked for must never look as if there were no more."""
    answer = asked(**query)

    assert (count, truncated) == (len(opens(answer)), document(answer)["truncated"])
    assert FIRST_MS == document(answer)["resident_from_ms"]


def test_depth_is_what_is_stored_and_what_is_wanted_not_what_is_resident() -> None:
    """Ready is not deep: every answer says how many bars exist and how deep the series will be."""
    stored = Depth(250_000, 372_600, FIRST_MS - 300 * 86_400_000)
    deep = replace(OPENED, depth={SeriesKey(GOLD, Timeframe.M1): stored})

    answer = document(asked(deep, from_ms=str(stored.first_ms)))

    assert {"bars": 250_000, "target": 372_600, "first_ms": stored.first_ms} == answer["depth"]
    assert (True, FIRST_MS) == (answer["truncated"], answer["resident_from_ms"])


def test_depth_never_says_less_than_what_is_served() -> None:
    """The count on disk is refreshed now and then; the tail grows each minute."""
    behind = Depth(99, 372_600, FIRST_MS)
    counted = replace(OPENED, depth={SeriesKey(GOLD, Timeframe.M1): behind})

    assert 100 == document(asked(counted))["depth"]["bars"]


def test_an_answer_carries_the_reasons_that_concern_it() -> None:
    """The yen's trouble is none of gold's; the platform's is everybody's."""
    status = opened(
        ReasonRaised(DegradedCode.REDIS_DOWN, None, "Refused."),
        ReasonRaised(DegradedCode.D1_MISMATCH, key(GOLD, Timeframe.D1), "They differ."),
        ReasonRaised(DegradedCode.GAP, YEN, "A hole."),
        ReasonRaised(DegradedCode.CHILD_RESTARTING, "m1_poller", "A bug."),
    )

    minute, day = asked(status), asked(status, tf="D1")

    BarsDocument.model_validate_json(minute.body)
    assert ["REDIS_DOWN"] == [reason["code"] for reason in document(minute)["reasons"]]
    assert ["REDIS_DOWN", "D1_MISMATCH"] == [r["code"] for r in document(day)["reasons"]]
    assert document(minute)["degraded"]


def test_info_does_not_mark_an_answer_degraded() -> None:
    """A torn tail that was repaired costs the reader nothing."""
    answer = asked(opened(ReasonRaised(DegradedCode.TORN_TAIL, GOLD, "Cut.")))

    assert not document(answer)["degraded"]
    assert 1 == len(document(answer)["reasons"])


def test_an_answer_is_of_the_snapshots_generation_whatever_the_status_says() -> None:
    """During a flip the two may differ; bars and their generation must not."""
    newer = Snapshot(Generation(42, 4), 0, TAILS[GOLD].tails, Coverage())
    query = {"symbol": GOLD, "tf": "M1"}

    answer = answer_bars(query, OPENED, {GOLD: newer}, TAIL_BARS, NOON)

    assert "00000042-0004" == document(answer)["generation"]


def forming(open_ms: int) -> dict[SeriesKey, Preview]:
    """A preview of gold's M1 that opens then."""
    name = key(GOLD, Timeframe.M1)
    return {name: Preview(name, open_ms, open_ms + MINUTE_MS, 1.0, 2.0, 0.5, 1.5, 9)}


def test_a_forming_bar_is_answered_only_if_asked_for() -> None:
    """Readers who want truth only must not meet a bar that may still change."""
    raw = {"symbol": GOLD, "tf": "M1", "limit": "2"}
    plain = answer_bars(raw, OPENED, TAILS, TAIL_BARS, NOON, forming(NOON))
    wanted = answer_bars({**raw, "preview": "1"}, OPENED, TAILS, TAIL_BARS, NOON, forming(NOON))

    assert [True, True] == [bar["complete"] for bar in document(plain)["bars"]]
    *_, last = document(wanted)["bars"]
    assert (NOON, False, "preview", 9) == (
        last["open_time_ms"],
        last["complete"],
        last["src"],
        last["v"],
    )


@pytest.mark.parametrize("open_ms", [NOON - MINUTE_MS, NOON - 50 * MINUTE_MS])
def test_a_preview_never_stands_beside_its_own_final_bar(open_ms: int) -> None:
    """Final replaces, never merges: once history has answered, the drawing is gone (I3)."""
    raw = {"symbol": GOLD, "tf": "M1", "preview": "1"}
    answer = answer_bars(raw, OPENED, TAILS, TAIL_BARS, NOON, forming(open_ms))

    assert all(bar["complete"] for bar in document(answer)["bars"])


def test_a_preview_outside_the_asked_range_is_not_answered() -> None:
    """`to_ms` is exclusive for forming bars too."""
    raw = {"symbol": GOLD, "tf": "M1", "preview": "1", "to_ms": str(NOON)}
    answer = answer_bars(raw, OPENED, TAILS, TAIL_BARS, NOON, forming(NOON))

    assert NOON - MINUTE_MS == opens(answer)[-1]
