"""The pure step from status and event to the next status, and what is computed from it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.apply import apply
from engine.cell import Cell, CellState
from engine.cells import Cells
from engine.degraded import DegradedCode
from engine.drills.shape import DrillStatus
from engine.events import (
    ApiListening,
    BecameOverdue,
    BrokerChanged,
    CellsChanged,
    ClockMoved,
    DrillChanged,
    Event,
    GateForced,
    GateForceEnded,
    GenerationFailed,
    ModesDecided,
    PrimingBegan,
    ProcessChanged,
    ReasonAcknowledged,
    ReasonCleared,
    ReasonRaised,
    ReasonRevised,
    StoreOpened,
    SymbolPrimed,
)
from engine.gate import Closed, GateState, Open
from engine.status import BrokerStatus, Mode, Phase, ProcessState, ProcessStatus, Status
from tests.engine.builders import GOLD, NOON, YEN, a_status, flat_bars, key, small_config
from uds.model import Generation, Timeframe

FIRST = a_status(small_config())
SERVED = Generation(42, 1)
REDIS = {DegradedCode.REDIS_DOWN, DegradedCode.REDIS_TIMEOUT, DegradedCode.REDIS_REGRESSED}
COLD = ModesDecided(Mode.COLD, "nothing is stored", {GOLD: Mode.COLD, YEN: Mode.COLD})

any_cell = st.builds(
    Cell, st.sampled_from(CellState), serving=st.sampled_from((None, SERVED, Generation(42, 2)))
)
any_scope = st.sampled_from((None, GOLD, "m1_poller", key(YEN, Timeframe.H4)))
any_event = st.one_of(
    st.builds(StoreOpened, st.integers(1, 99)),
    st.just(COLD),
    st.builds(
        CellsChanged,
        st.sampled_from((GOLD, YEN)),
        st.dictionaries(st.sampled_from(Timeframe), any_cell, min_size=1),
    ),
    st.builds(ReasonRaised, st.sampled_from(DegradedCode), any_scope, st.text(max_size=5)),
    st.builds(ReasonCleared, st.sampled_from(DegradedCode), any_scope),
    st.builds(
        ProcessChanged,
        st.builds(ProcessStatus, st.just("m1_poller"), st.sampled_from(ProcessState)),
    ),
    st.just(BrokerChanged(BrokerStatus("sim", "failed"))),
    st.builds(SymbolPrimed, st.sampled_from((GOLD, YEN)), st.floats(0, 9)),
    st.just(ApiListening(8_000)),
    st.just(ClockMoved(7_200_000)),
    st.just(BecameOverdue()),
    st.builds(ReasonAcknowledged, st.sampled_from(DegradedCode), any_scope),
    st.just(GateForced(NOON + 900_000, "uid 1000")),
    st.just(GateForceEnded()),
    st.just(GenerationFailed(GOLD, SERVED, "XAU/USD: the digest differs.")),
    st.builds(PrimingBegan, st.sampled_from((GOLD, YEN)), st.floats(0, 9)),
)


def after(*events: Event, status: Status = FIRST, at_ms: int = NOON) -> Status:
    """The status that these events lead to, one millisecond apart."""
    for step, event in enumerate(events):
        status = apply(status, event, at_ms + step)
    return status


def all_cells(symbol: str, state: CellState, serving: Generation | None = None) -> CellsChanged:
    """Every timeframe of a symbol in one state."""
    return CellsChanged(symbol, {tf: Cell(state, serving=serving) for tf in Timeframe})


def sealed(symbol: str, generation: Generation = SERVED) -> CellsChanged:
    """Every timeframe of a symbol is served."""
    return all_cells(symbol, CellState.SEALED, generation)


def raised(code: DegradedCode, detail: str = "it happened") -> ReasonRaised:
    """A reason of the whole platform."""
    return ReasonRaised(code, None, detail)


@given(st.lists(any_event, max_size=25))
def test_after_any_events_the_gate_is_what_the_cells_say(events: list[Event]) -> None:
    """No order of flags, reasons and moves of processes may open or close it."""
    unforced = [e for e in events if not isinstance(e, GateForced | GenerationFailed)]
    status = after(*unforced)

    codes = {r.code for r in status.reasons}
    is_served = all(cell.serving is not None for cell in status.cells.values())
    is_ours = status.opened_gate_after_s is not None or not codes & REDIS
    is_open = is_served and is_ours and DegradedCode.FENCED not in codes
    assert is_open is isinstance(status.gate, Open)


@given(st.lists(any_event, max_size=25))
def test_after_any_events_the_counted_cells_are_the_cells(events: list[Event]) -> None:
    """They are counted as they change, not anew; a count that drifts would open the gate."""
    status = after(*events)

    assert sum(cell.serving is not None for cell in status.cells.values()) == status.ready_cells
    assert 16 == len(status.cells) == len(list(status.cells))
    assert status.gate.state is status.gate_state


@given(st.lists(any_event, max_size=25))
def test_the_count_of_flips_moves_whenever_a_generation_does(events: list[Event]) -> None:
    """Who waits for the next one looks at the count alone; a flip it missed would be slept on."""
    status = after()
    for event in events:
        following = apply(status, event, status.seq)
        flips = following.flip_count - status.flip_count
        assert flips in (0, 1)
        assert flips == 1 or following.generations == status.generations
        status = following


@given(st.lists(any_event, max_size=25))
def test_an_operators_word_holds_only_while_it_is_needed(events: list[Event]) -> None:
    """The reason FORCED_OPEN and the promise to expire stand and fall together.

    Nobody raises the reason but the word itself.
    """
    others = [e for e in events if getattr(e, "code", None) is not DegradedCode.FORCED_OPEN]
    status = after(*others, GateForced(NOON, "uid 1000"))

    is_forced = status.forced_until_ms is not None
    assert is_forced is any(r.code is DegradedCode.FORCED_OPEN for r in status.reasons)
    ended = after(GateForceEnded(), status=status)
    assert not any(r.code is DegradedCode.FORCED_OPEN for r in ended.reasons)


@given(st.lists(any_event, max_size=25))
def test_a_closed_gate_says_why_after_any_events(events: list[Event]) -> None:
    """I5, for every road that leads there."""
    verdict = after(*events).gate

    assert isinstance(verdict, Open) or len(verdict.why) > 0


@given(st.lists(any_event, max_size=25))
def test_the_platform_is_in_the_earliest_phase_of_any_symbol(events: list[Event]) -> None:
    """The fastest symbol must not speak for the slowest."""
    status = after(*events)

    order = list(Phase)
    if status.mode is None:
        assert Phase.RECOVERING is status.phase
    else:
        slowest = min(order.index(status.phase_of(symbol)) for symbol in (GOLD, YEN))
        assert slowest == order.index(status.phase)


@given(st.lists(any_event, max_size=25))
def test_every_event_is_one_step_and_never_changes_the_value_before(events: list[Event]) -> None:
    """Readers hold on to a status; a sequence number tells them how far they are behind."""
    before = dataclasses.replace(FIRST)

    assert len(events) == after(*events).seq
    assert before == FIRST


@pytest.mark.parametrize(
    ("m1_and_d1", "derived", "phase"),
    [
        ((CellState.FETCHING, CellState.STORED), CellState.EMPTY, Phase.FILLING),
        ((CellState.STORED, CellState.EMPTY), CellState.DERIVED, Phase.FILLING),
        ((CellState.STORED, CellState.STORED), CellState.EMPTY, Phase.DERIVING),
        ((CellState.STORED, CellState.STORED), CellState.DERIVED, Phase.PRIMING),
        ((CellState.PRIMED, CellState.PRIMED), CellState.PRIMED, Phase.SEALING),
        ((CellState.SEALED, CellState.SEALED), CellState.SEALED, Phase.PRIME_COMPLETE),
    ],
)
def test_a_symbols_phase_follows_from_its_cells(
    m1_and_d1: tuple[CellState, CellState], derived: CellState, phase: Phase
) -> None:
    """The phase is read off the data, nobody announces it."""
    states = dict.fromkeys(Timeframe, derived)
    states |= dict(zip((Timeframe.M1, Timeframe.D1), m1_and_d1, strict=True))
    moved = CellsChanged(GOLD, {tf: Cell(state) for tf, state in states.items()})

    assert phase is after(COLD, sealed(YEN), moved).phase


def test_a_rebuild_leaves_the_gate_open() -> None:
    """Readers stay on the old generation until the flip; only then does it change."""
    status = after(COLD, sealed(GOLD), sealed(YEN), all_cells(GOLD, CellState.EMPTY, SERVED))

    assert GateState.OPEN is status.gate.state
    assert SERVED == status.generations[GOLD]
    assert Phase.FILLING is status.phase


def test_fenced_closes_even_what_is_complete() -> None:
    """A successor owns the data: whatever we hold is the past."""
    status = after(sealed(GOLD), sealed(YEN), raised(DegradedCode.FENCED))

    assert GateState.FENCED is status.gate.state


def test_a_permanent_refusal_asks_for_the_operator() -> None:
    """The exit code and the screen's word depend on it."""
    assert GateState.NEEDS_OPERATOR is after(raised(DegradedCode.BROKER_LOGIN_PERMANENT)).gate.state


def test_a_reason_raised_again_counts_and_keeps_its_beginning() -> None:
    """`since` is when the trouble began, not when it was last seen."""
    down = DegradedCode.REDIS_DOWN
    status = after(raised(down, "one"), raised(down, "two"), raised(down, "three"))

    (reason,) = status.reasons
    assert (3, NOON, "three") == (reason.count, reason.since_ms, reason.detail)


def test_a_revised_reason_says_something_else_and_counts_nothing() -> None:
    """What gets further has not failed once more; what does not stand is not raised by it."""
    short = DegradedCode.DEPTH_SHORT
    revised = ReasonRevised(short, GOLD, "22 of 300")

    (reason,) = after(ReasonRaised(short, GOLD, "21 of 300"), revised).reasons
    assert (1, "22 of 300") == (reason.count, reason.detail)
    assert () == after(revised).reasons


def test_an_overdue_gate_counts_down_what_it_waits_for() -> None:
    """A list of what was missing once would send the operator to cells that are well."""
    status = after(BecameOverdue(), sealed(YEN))

    (reason,) = status.reasons
    assert reason.detail.startswith("the gate waits for 8 cells: XAU/USD/M1, ")
    assert 1 == reason.count


def test_a_cleared_reason_is_remembered_as_healed() -> None:
    """A start that stumbled and recovered must be able to say so."""
    down = DegradedCode.REDIS_DOWN
    status = after(raised(down), raised(down), ReasonCleared(down, None))

    assert () == status.reasons
    assert [(down, 2)] == [(reason.code, reason.count) for reason in status.healed]


def test_clearing_what_does_not_stand_changes_nothing() -> None:
    """Recovery is announced without asking whether anything was wrong."""
    status = after(raised(DegradedCode.REDIS_DOWN), ReasonCleared(DegradedCode.REDIS_DOWN, GOLD))

    assert 1 == len(status.reasons)
    assert () == status.healed


def test_reasons_of_different_scopes_stand_side_by_side() -> None:
    """Gold's trouble must not count as the yen's."""
    failed = DegradedCode.BROKER_FETCH_FAILED
    m1, h4 = key(GOLD, Timeframe.M1), key(GOLD, Timeframe.H4)
    status = after(ReasonRaised(failed, m1, "a"), ReasonRaised(failed, YEN, "b"), raised(failed))

    assert [m1, YEN, None] == [reason.scope for reason in status.reasons]
    assert [m1] == [reason.scope for reason in status.reasons_of(m1)]
    assert () == status.reasons_of(h4)


def test_only_the_newest_healed_reasons_are_kept() -> None:
    """A year of flapping must not grow the status without bound."""
    down = DegradedCode.REDIS_DOWN
    flapping = [event for _ in range(120) for event in (raised(down), ReasonCleared(down, None))]

    assert 100 == len(after(*flapping).healed)


def test_cells_that_are_not_ours_are_a_programmers_error() -> None:
    """A typo in a symbol must not grow a cell that the gate then waits for."""
    with pytest.raises(AssertionError, match="GER30"):
        after(sealed("GER30"))


def test_opening_clears_overdue_and_heals_its_reason() -> None:
    """The word overdue is about a gate that is closed."""
    status = after(BecameOverdue(), sealed(GOLD), sealed(YEN), at_ms=NOON + 31_000)

    assert not status.overdue
    assert GateState.OPEN is status.gate.state
    assert [DegradedCode.GATE_OVERDUE] == [reason.code for reason in status.healed]
    assert pytest.approx(31.002) == status.opened_gate_after_s


def test_overdue_names_the_cells_and_opens_nothing() -> None:
    """P3: a timeout that passes is news, not a decision."""
    status = after(sealed(GOLD), BecameOverdue())

    assert status.overdue
    assert isinstance(status.gate, Closed)
    names = ", ".join(f"USD/JPY/{tf.name}" for tf in Timeframe)
    assert f"8 cells: {names}" in status.reasons[0].detail


def test_a_late_gate_opens_only_where_the_configuration_says_so_and_keeps_saying_it() -> None:
    """`gate_on_timeout: open_degraded`: what is there is served, what is missing is named."""
    lets = dataclasses.replace(FIRST, opens_late_gate=True)

    late = after(sealed(GOLD), BecameOverdue(), status=lets)
    assert GateState.OPEN_DEGRADED is late.gate.state
    assert isinstance(late.gate, Open)
    assert 8 == len(late.gate.missing)

    whole = after(sealed(YEN), status=late)
    assert (GateState.OPEN, False) == (whole.gate.state, whole.overdue)
    assert () == whole.reasons


def test_a_forced_gate_names_who_forced_it_and_what_is_missing() -> None:
    """Audited, loud, and over when the cells are there."""
    forced = after(sealed(GOLD), GateForced(NOON + 900_000, "uid 1000"))

    assert GateState.FORCED_OPEN is forced.gate.state
    (reason,) = forced.reasons
    assert reason.detail.startswith("opened by uid 1000 without 8 cells: USD/JPY/M1, ")
    assert forced.opened_gate_after_s is None

    whole = after(sealed(YEN), status=forced, at_ms=NOON + 60_000)
    assert (GateState.OPEN, None, ()) == (whole.gate.state, whole.forced_until_ms, whole.reasons)
    assert pytest.approx(60.0) == whole.opened_gate_after_s


def test_a_forced_gate_closes_when_its_time_is_over() -> None:
    """A word that was forgotten must not stay a word for ever."""
    ended = after(sealed(GOLD), GateForced(NOON, "uid 1000"), GateForceEnded())

    assert GateState.CLOSED is ended.gate.state
    assert [DegradedCode.FORCED_OPEN] == [reason.code for reason in ended.healed]


def test_what_fails_its_checksum_is_not_served_until_another_generation_is() -> None:
    """Waiting heals nothing there, a flip does."""
    failed = GenerationFailed(GOLD, SERVED, "XAU/USD: the digest differs.")
    unsafe = after(sealed(GOLD), sealed(YEN), failed)
    same = after(sealed(GOLD), status=unsafe)
    other = after(sealed(GOLD, Generation(42, 2)), status=unsafe)

    assert GateState.UNSAFE is unsafe.gate.state is same.gate.state
    assert ["CORRUPT_JSONL"] == [reason.code.value for reason in unsafe.reasons]
    assert (GateState.OPEN, ()) == (other.gate.state, other.reasons)


def test_an_acknowledged_reason_stands_on_marked_as_seen() -> None:
    """Hiding it would be silence; the mark tells the next shift that somebody knows."""
    down = DegradedCode.REDIS_DOWN
    seen = after(raised(down), ReasonAcknowledged(down, None), raised(down))

    (reason,) = seen.reasons
    assert (NOON + 1, 2) == (reason.acknowledged_ms, reason.count)


def test_a_reason_whose_recovery_is_being_seen_goes_with_it() -> None:
    """A rotated quarantine cannot be unrotated."""
    rotated = DegradedCode.QUARANTINE_ROTATED
    seen = after(raised(rotated), ReasonAcknowledged(rotated, None))

    assert () == seen.reasons
    assert [rotated] == [reason.code for reason in seen.healed]


def test_only_what_gets_further_is_a_move() -> None:
    """A process that repeats itself is as silent as one that says nothing (F5)."""
    first = after(all_cells(GOLD, CellState.FETCHING))
    again = after(all_cells(GOLD, CellState.FETCHING), status=first, at_ms=NOON + 60_000)
    answered = BrokerStatus("scripted", slots_total=4, requests={"D1": 1})
    asked = after(BrokerChanged(answered), status=again)

    assert {"connector": 1, "m1_poller": 1} == dict(first.moves) == dict(again.moves)
    assert {"connector": 2, "m1_poller": 1} == dict(asked.moves)


def test_a_step_copies_the_row_that_changed_and_shares_the_others() -> None:
    """With thousands of symbols an event must not cost a copy of all of them."""
    before = after(sealed(GOLD), sealed(YEN))
    moved = after(all_cells(GOLD, CellState.EMPTY, SERVED), status=before)

    assert isinstance(before.cells, Cells)
    assert isinstance(moved.cells, Cells)
    assert before.cells.row(YEN) is moved.cells.row(YEN)
    assert CellState.SEALED is before.cells[key(GOLD, Timeframe.M1)].state
    assert CellState.EMPTY is moved.cells[key(GOLD, Timeframe.M1)].state
    assert (GOLD, YEN) == moved.cells.symbols
    assert None is moved.cells.get(key("GER30", Timeframe.M1))


def test_the_first_opening_is_the_one_that_is_timed() -> None:
    """A rebuild or a healed reason later on must not rewrite the start's figure."""
    status = after(sealed(GOLD), sealed(YEN), at_ms=NOON + 1_000)
    later = after(raised(DegradedCode.REDIS_DOWN), status=status, at_ms=NOON + 90_000)

    assert pytest.approx(1.001) == later.opened_gate_after_s
    assert NOON + 90_000 == later.gate_since_ms


def test_a_cell_on_its_way_counts_what_readers_get_while_they_get_it() -> None:
    """During a rebuild the screen must not say 0 bars of a series that is being served."""
    served = Cell(CellState.SEALED, 1.0, 300, NOON, SERVED)
    stored = flat_bars([NOON - 60_000, NOON])

    assert (300, NOON) == (
        served.moved(CellState.EMPTY, 1.0, stored.tail(0)).bars,
        served.moved(CellState.EMPTY, 1.0, stored.tail(0)).watermark_ms,
    )
    assert 2 == Cell().moved(CellState.FETCHING, 0.5, stored).bars


def test_priming_is_counted_in_cells_and_seconds() -> None:
    """The budget's gauge reads these sums; a rebuild of a symbol replaces its share."""
    status = after(SymbolPrimed(GOLD, 0.2), SymbolPrimed(YEN, 0.3), SymbolPrimed(GOLD, 0.1))

    assert 16 == status.prime.cells
    assert pytest.approx(0.4) == status.prime.elapsed_s


def test_a_process_keeps_its_place_in_the_table() -> None:
    """Rows that jump about cannot be read."""
    names = [process.name for process in FIRST.processes]
    moved = after(ProcessChanged(ProcessStatus("m1_poller", ProcessState.READY)))

    assert names == [process.name for process in moved.processes]


def test_a_clock_that_is_set_changes_no_duration_that_runs() -> None:
    """An opening and a drill last as long as they last; when they were over they were over."""
    drill = DrillStatus("F1", "", "", "", "", NOON + 500, dead_man_ms=NOON + 60_500)
    opening = after(sealed(GOLD), DrillChanged(drill), ClockMoved(-7_200_000), at_ms=NOON + 900)
    opened = after(sealed(GOLD), sealed(YEN), ClockMoved(-7_200_000), at_ms=NOON + 900)
    moved = {cell.changed_ms - opening.opened_ms for cell in opening.cells.values()}

    assert FIRST.opened_ms - 7_200_000 == opening.opened_ms
    assert {900, -opening.opened_ms} == moved  # gold's, and yen's that never changed
    assert opening.drill is not None
    assert NOON + 500 - 7_200_000 == opening.drill.began_ms
    assert NOON + 60_500 - 7_200_000 == opening.drill.dead_man_ms
    assert FIRST.opened_ms == opened.opened_ms


def test_a_clock_that_is_set_takes_no_time() -> None:
    """A replay that goes on where it stopped leaps over hours; its start lasted seconds."""
    status = after(ClockMoved(7_200_000), sealed(GOLD), sealed(YEN), at_ms=NOON + 7_201_000)

    assert status.opened_gate_after_s is not None
    assert 2 > status.opened_gate_after_s
