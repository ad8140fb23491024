"""The gate looks at cells only, and what is closed says why."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from engine.cell import Cell, CellState
from engine.degraded import DegradedCode, DegradedReason
from engine.gate import Closed, GateState, Open, Why, evaluate
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


def cells(serving: Generation | None = SERVED) -> dict[SeriesKey, Cell]:
    """All cells alike."""
    return {series: Cell(CellState.SEALED, serving=serving) for series in KEYS}


@given(cells_of_any_kind, reasons_of_any_kind)
def test_the_gate_is_open_iff_every_cell_is_served_and_nobody_fenced_us(
    some: Mapping[SeriesKey, Cell], reasons: tuple[DegradedReason, ...]
) -> None:
    """A cell's state word, a process's readiness and the clock have no say (P2, P3, F5)."""
    is_served = all(cell.serving is not None for cell in some.values())
    is_fenced = any(r.code is DegradedCode.FENCED for r in reasons)

    assert (is_served and not is_fenced) is isinstance(evaluate(some, reasons), Open)


@given(cells_of_any_kind, reasons_of_any_kind)
def test_a_closed_gate_always_says_why(
    some: Mapping[SeriesKey, Cell], reasons: tuple[DegradedReason, ...]
) -> None:
    """I5: a refusal without a reason cannot be acted upon."""
    verdict = evaluate(some, reasons)

    assert isinstance(verdict, Open) or len(verdict.why) > 0


def test_no_cells_at_all_is_closed() -> None:
    """Before the store is open nothing may look ready; `all()` of nothing would."""
    assert Closed((Why("store", "opening"),)) == evaluate({}, ())


def test_one_missing_cell_closes_it_and_is_named_with_its_state() -> None:
    """F4: a cell that never primes must be found by name."""
    some = cells() | {key(YEN, Timeframe.H4): Cell(CellState.PRIMED)}

    assert Closed((Why("USD/JPY/H4", "primed"),)) == evaluate(some, ())


def test_a_degraded_reason_leaves_it_open_but_says_so() -> None:
    """Opening needs everything; staying open needs only a complete generation."""
    down = reason(DegradedCode.REDIS_DOWN)

    verdict = evaluate(cells(), (down, reason(DegradedCode.TORN_TAIL)))

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
    assert Why("platform", "BROKER_LOGIN_PERMANENT") == verdict.why[0]
    assert 1 + len(KEYS) == len(verdict.why)


def test_bad_credentials_do_not_close_what_is_served() -> None:
    """A password that expires at noon must not take complete data away from readers."""
    verdict = evaluate(cells(), (reason(DegradedCode.BROKER_LOGIN_PERMANENT),))

    assert GateState.OPEN_DEGRADED is verdict.state
