"""The gate looks at cells only, and what is closed says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cell import Cell, CellState
from engine.cells import Cells
from engine.degraded import DegradedCode, DegradedReason
from engine.gate import Closed, Gate, GateState, Open, Standing, Why, evaluate, word
from tests.engine.builders import GOLD, YEN, key
from uds.model import Generation, SeriesKey, Timeframe

KEYS = tuple(key(symbol, tf) for symbol in (GOLD, YEN) for tf in Timeframe)
SERVED = Generation(42, 1)
cells_of_any_kind = st.fixed_dictionaries(
    {
        series: st.builds(Cell, st.sampled_from(CellState), serving=st.sampled_from((None, SERVED)))
        for series in KEYS
    }
)
reasons_of_any_kind = st.lists(
    st.builds(
        DegradedReason,
        st.sampled_from(DegradedCode),
        st.sampled_from((None, GOLD, "m1_poller", KEYS[0])),
        st.just(0),
        st.just("it happened"),
    ),
    max_size=4,
).map(tuple)


def reason(code: DegradedCode) -> DegradedReason:
    """One reason of the whole platform."""
    return DegradedReason(code, None, 0, "it happened")


def closed(verdict: Gate) -> Closed:
    """It must be closed."""
    assert isinstance(verdict, Closed)
    return verdict


def cells(serving: Generation | None = SERVED) -> dict[SeriesKey, Cell]:
    """All cells alike."""
    return {series: Cell(CellState.SEALED, serving=serving) for series in KEYS}


standings = st.builds(
    Standing,
    has_opened=st.booleans(),
    is_forced=st.booleans(),
    opens_late=st.booleans(),
    unsafe=st.sampled_from(((), (GOLD,))),
    helpless=st.sampled_from(((), ("m1_poller",))),
)
any_case = (cells_of_any_kind, reasons_of_any_kind, standings)
REDIS = {DegradedCode.REDIS_DOWN, DegradedCode.REDIS_TIMEOUT, DegradedCode.REDIS_REGRESSED}


@given(*any_case)
def test_nobody_opens_what_is_anothers_or_fails_its_checksum(
    some: Mapping[SeriesKey, Cell], reasons: tuple[DegradedReason, ...], standing: Standing
) -> None:
    """Neither complete cells nor the operator's word nor a deadline."""
    is_fenced = any(r.code is DegradedCode.FENCED for r in reasons)
    word = evaluate(some, reasons, standing).state

    assert is_fenced is (word is GateState.FENCED)
    assert (bool(standing.unsafe) and not is_fenced) is (word is GateState.UNSAFE)


@given(*any_case)
def test_without_a_word_from_outside_it_is_open_iff_every_cell_is_served(
    some: Mapping[SeriesKey, Cell], reasons: tuple[DegradedReason, ...], standing: Standing
) -> None:
    """A cell's state word, a process's readiness and the clock have no say (P2, P3, F5)."""
    alone = replace(standing, is_forced=False, opens_late=False, unsafe=())
    codes = {r.code for r in reasons}
    is_served = all(cell.serving is not None for cell in some.values())
    is_ours = standing.has_opened or not codes & REDIS
    is_fenced = DegradedCode.FENCED in codes

    is_open = isinstance(evaluate(some, reasons, alone), Open)

    assert (is_served and is_ours and not is_fenced) is is_open


@given(*any_case)
def test_what_is_not_open_always_says_why_and_what_is_half_open_what_is_missing(
    some: Mapping[SeriesKey, Cell], reasons: tuple[DegradedReason, ...], standing: Standing
) -> None:
    """I5: a refusal without a reason cannot be acted upon."""
    verdict = evaluate(some, reasons, standing)

    if isinstance(verdict, Open):
        missing = [str(series) for series, cell in some.items() if cell.serving is None]
        assert sorted(missing) == sorted(why.subject for why in verdict.missing)
    else:
        assert len(verdict.why) > 0


@given(*any_case)
def test_the_cheap_word_is_the_word_of_the_verdict(
    some: Mapping[SeriesKey, Cell], reasons: tuple[DegradedReason, ...], standing: Standing
) -> None:
    """Every event asks for the word; the reasons in full are worked out for readers only."""
    verdict = evaluate(some, reasons, standing)

    assert verdict.state is word(Cells.of(some), reasons, standing)
    assert verdict.state.is_open is isinstance(verdict, Open)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("all served", GateState.OPEN),
        ("all served, redis", GateState.CLOSED),
        ("all served, redis, opened", GateState.OPEN_DEGRADED),
        ("all served, forced", GateState.OPEN),
        ("all served, forced, redis", GateState.FORCED_OPEN),
        ("some served", GateState.CLOSED),
        ("some served, late", GateState.OPEN_DEGRADED),
        ("some served, late, refused", GateState.OPEN_DEGRADED),
        ("some served, forced, refused", GateState.FORCED_OPEN),
        ("some served, refused", GateState.NEEDS_OPERATOR),
        ("some served, helpless", GateState.NEEDS_OPERATOR),
        ("none served, late", GateState.CLOSED),
        ("none served, forced", GateState.FORCED_OPEN),
        ("none served, redis", GateState.CLOSED),
        ("all served, opened, unsafe", GateState.UNSAFE),
        ("none served, forced, unsafe", GateState.UNSAFE),
        ("all served, opened, fenced, unsafe", GateState.FENCED),
        ("none served, forced, late, fenced", GateState.FENCED),
        ("all served, opened, refused", GateState.OPEN_DEGRADED),
    ],
)
def test_the_graver_word_wins(case: str, said: GateState) -> None:
    """The table at the top of the gate, line by line."""
    codes = {
        "redis": DegradedCode.REDIS_DOWN,
        "refused": DegradedCode.BROKER_LOGIN_PERMANENT,
        "fenced": DegradedCode.FENCED,
    }
    reasons = tuple(reason(code) for name, code in codes.items() if name in case)
    some = cells(serving=SERVED if "all" in case else None)
    if "some" in case:
        some[KEYS[0]] = Cell(CellState.SEALED, serving=SERVED)
    standing = Standing(
        has_opened="opened" in case,
        is_forced="forced" in case,
        opens_late="late" in case,
        unsafe=(GOLD,) if "unsafe" in case else (),
        helpless=("connector",) if "helpless" in case else (),
    )

    assert said is evaluate(some, reasons, standing).state


def test_no_cells_at_all_is_closed() -> None:
    """Before the store is open nothing may look ready; `all()` of nothing would."""
    assert Closed((Why("store", "opening"),)) == evaluate({}, ())


def test_one_missing_cell_closes_it_and_is_named_with_its_state() -> None:
    """F4: a cell that never primes must be found by name."""
    some = cells() | {key(YEN, Timeframe.H4): Cell(CellState.PRIMED)}

    waits = Why("USD/JPY/H4", "primed", process="m1_poller")
    assert Closed((waits,)) == evaluate(some, ())


def test_a_cell_says_its_own_reason_since_when_and_when_it_is_tried_again() -> None:
    """`why` must lead to the next step: what failed, whose work it is, when it goes on."""
    d1 = key(YEN, Timeframe.D1)
    some = cells() | {d1: Cell(CellState.EMPTY, changed_ms=5)}
    failed = DegradedReason(DegradedCode.BROKER_FETCH_FAILED, d1, 7, "No.", next_attempt_ms=9)

    (plain,) = closed(evaluate(some, (), Standing(next_attempts={"connector": 8}))).why
    (held,) = closed(evaluate(some, (failed,))).why

    assert Why("USD/JPY/D1", "empty", 5, 8, "connector") == plain
    assert Why("USD/JPY/D1", "BROKER_FETCH_FAILED", 7, 9, "connector") == held


def test_a_dependency_stands_before_the_cells_that_wait_for_it() -> None:
    """Thirteen symbols wait for one login: the login is what to look at."""
    failing = reason(DegradedCode.BROKER_LOGIN_TRANSIENT)
    stuck = DegradedReason(DegradedCode.CHILD_HELD, "m1_poller", 0, "It fell.")
    standing = Standing(next_attempts={"broker": 4, "m1_poller": 6})

    broker, child, *others = closed(evaluate(cells(None), (failing, stuck), standing)).why

    assert Why("broker", "BROKER_LOGIN_TRANSIENT", 0, 4, "connector") == broker
    assert Why("m1_poller", "CHILD_HELD", 0, 6, "m1_poller") == child
    assert len(KEYS) == len(others)


def test_a_degraded_reason_leaves_it_open_but_says_so() -> None:
    """Opening needs everything; staying open needs only a complete generation."""
    down = reason(DegradedCode.REDIS_DOWN)

    verdict = evaluate(cells(), (down, reason(DegradedCode.TORN_TAIL)), Standing(has_opened=True))

    assert GateState.OPEN_DEGRADED is verdict.state
    assert Open((down,)) == verdict


def test_info_does_not_degrade_it() -> None:
    """A torn tail that was repaired is told, but is no state of the platform."""
    assert GateState.OPEN is evaluate(cells(), (reason(DegradedCode.TORN_TAIL),)).state


def test_being_fenced_outweighs_complete_cells() -> None:
    """A zombie with all its data must not answer: another owner does (F10)."""
    verdict = evaluate(cells(), (reason(DegradedCode.FENCED),))

    assert GateState.FENCED is verdict.state
    assert Closed((Why("platform", "FENCED"),), GateState.FENCED) == verdict


def test_bad_credentials_need_the_operator_while_nothing_is_served() -> None:
    """No retry will come by itself, so the word must not be the patient `closed`."""
    verdict = evaluate(cells(serving=None), (reason(DegradedCode.BROKER_LOGIN_PERMANENT),))

    assert isinstance(verdict, Closed)
    assert GateState.NEEDS_OPERATOR is verdict.state
    assert Why("broker", "BROKER_LOGIN_PERMANENT", process="connector") == verdict.why[0]
    assert 1 + len(KEYS) == len(verdict.why)


def test_bad_credentials_do_not_close_what_is_served() -> None:
    """A password that expires at noon must not take complete data away from readers."""
    verdict = evaluate(cells(), (reason(DegradedCode.BROKER_LOGIN_PERMANENT),))

    assert GateState.OPEN_DEGRADED is verdict.state
