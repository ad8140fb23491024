"""The status as a document: every field of the interface, and estimates one can believe."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.apply import apply
from engine.cell import Cell, CellState
from engine.degraded import DegradedCode
from engine.events import (
    ApiListening,
    BecameOverdue,
    CellsChanged,
    ClockMoved,
    ModesDecided,
    ProcessChanged,
    ReasonRaised,
    StoreOpened,
    SymbolPrimed,
)
from engine.serving.documents import StatusDocument
from engine.serving.wire import progress_document, status_document, waiting_for
from engine.status import Mode, ProcessState, ProcessStatus, Status
from tests.engine.builders import GOLD, NOON, YEN, a_status, key, small_config
from uds.model import MINUTE_MS, Generation, Timeframe

OPENED_MS = NOON - 10_000
FIRST = a_status(small_config(), OPENED_MS)
SERVED = Generation(42, 3)


def sealed(symbol: str) -> CellsChanged:
    """All cells of a symbol are served, the newest bar an hour old."""
    cell = Cell(CellState.SEALED, 1.0, 300, NOON - 61 * MINUTE_MS, SERVED)
    return CellsChanged(symbol, dict.fromkeys(Timeframe, cell))


def after(*events: object) -> Status:
    """The status these events lead to."""
    status = FIRST
    for event in events:
        status = apply(status, event, NOON)  # type: ignore[arg-type]
    return status


BUSY = after(
    StoreOpened(42),
    ModesDecided(Mode.CATCH_UP, "10 min away", {GOLD: Mode.CATCH_UP, YEN: Mode.COLD}),
    sealed(GOLD),
    ReasonRaised(DegradedCode.CORRUPT_JSONL, key(GOLD, Timeframe.M1), "a line"),
    ReasonRaised(DegradedCode.REDIS_DOWN, None, "Refused."),
    ProcessChanged(ProcessStatus("m1_poller", ProcessState.BACKOFF, backoff_s=0.2)),
    SymbolPrimed(GOLD, 0.25),
    ApiListening(8_123),
    ClockMoved(7_200_000),
    BecameOverdue(),
)


def test_the_document_has_the_fields_of_the_interface() -> None:
    """Scripts of operators stand on these names."""
    document = json.loads(status_document(BUSY, NOON).model_dump_json())

    promised = """schema boot_id owner_token generations mode phase readiness gate degraded reasons
        progress processes broker budgets cells modes as_of_ms"""
    assert set(promised.split()) <= set(document)
    assert {"state", "since_ms", "waiting_for", "overdue", "why", "forced_until_ms"} == set(
        document["gate"]
    )
    assert {"subject", "code", "since_ms", "next_attempt_ms", "process"} == set(
        document["gate"]["why"][0]
    )
    assert all(why["since_ms"] for why in document["gate"]["why"])
    assert {"code", "scope", "severity", "since_ms", "count", "detail", "hint"} | {
        "next_attempt_ms",
        "acknowledged_ms",
    } == set(document["reasons"][0])
    assert {"ready_cells", "total_cells", "eta_s"} == set(document["progress"])
    assert {"name", "state", "ready", "restarts", "backoff_s", "last_exit"} <= set(
        document["processes"][0]
    )
    assert {"state", "since_ms", "last_error", "login_attempts", "next_attempt_ms", "slots"} <= set(
        document["broker"]
    )
    assert {"state", "bars", "watermark_ms", "age_s", "primed", "reasons"} == set(
        document["cells"][GOLD]["H4"]
    )


def test_its_values_are_the_words_of_the_wire() -> None:
    """Lower case, generations with eight and four digits, scopes as they are printed."""
    document = json.loads(status_document(BUSY, NOON).model_dump_json())

    assert (1, 42) == (document["schema"], document["owner_token"])
    assert {GOLD: "00000042-0003"} == document["generations"]
    assert ("catch_up", {GOLD: "catch_up", YEN: "cold"}) == (document["mode"], document["modes"])
    assert ("filling", False, True) == (
        document["phase"],
        document["readiness"],
        document["degraded"],
    )
    assert ("closed", True) == (document["gate"]["state"], document["gate"]["overdue"])
    assert ["redis", *(f"{YEN}/{tf.name}" for tf in Timeframe)] == document["gate"]["waiting_for"]
    assert ["XAU/USD/M1", None, None] == [reason["scope"] for reason in document["reasons"]]
    assert ["CORRUPT_JSONL"] == document["cells"][GOLD]["M1"]["reasons"]
    assert [] == document["cells"][GOLD]["M3"]["reasons"]
    assert {GOLD: 0.25} == document["budgets"]["prime"]["per_symbol"]
    assert "backoff" == document["processes"][1]["state"]


def test_the_document_reads_back_as_itself() -> None:
    """The console attaches over the socket with the same model."""
    document = status_document(BUSY, NOON)

    assert document == StatusDocument.model_validate_json(document.model_dump_json())


def test_a_status_that_knows_nothing_yet_is_a_document_too() -> None:
    """The first question may come before the store is open."""
    document = status_document(FIRST, NOON)

    assert (None, None, "recovering") == (document.mode, document.owner_token, document.phase)
    assert 16 == len(document.gate.why)


def test_age_is_measured_from_the_close_of_the_newest_bar() -> None:
    """An H4 that closed a minute ago is a minute old, not four hours and one minute."""
    cells = status_document(BUSY, NOON).cells[GOLD]

    assert 60 * 60 == cells["M1"].age_s
    assert 60 == cells["H1"].age_s
    assert 0 == cells["H4"].age_s
    assert status_document(BUSY, NOON).cells[YEN]["M1"].age_s is None


@pytest.mark.parametrize(
    ("state", "serving", "primed"),
    [
        (CellState.DERIVED, None, False),
        (CellState.PRIMED, None, True),
        (CellState.SEALED, SERVED, True),
        (CellState.EMPTY, SERVED, True),
    ],
)
def test_primed_is_what_redis_holds(
    state: CellState, serving: Generation | None, primed: bool
) -> None:
    """During a rebuild the old generation is still there."""
    moved = CellsChanged(GOLD, {Timeframe.M5: Cell(state, serving=serving)})

    assert primed is status_document(after(moved), NOON).cells[GOLD]["M5"].primed


def test_the_estimate_goes_on_at_the_pace_so_far() -> None:
    """Half of all cells in ten seconds: ten more."""
    progress = progress_document(after(sealed(GOLD)), NOON)

    assert (8, 16, 10.0) == (progress.ready_cells, progress.total_cells, progress.eta_s)


def test_without_progress_there_is_no_estimate() -> None:
    """A number made of nothing is worse than none."""
    assert progress_document(FIRST, NOON).eta_s is None


def test_an_open_gate_is_zero_seconds_away() -> None:
    """And nothing is waited for, also while a rebuild is under way."""
    rebuilt = CellsChanged(GOLD, dict.fromkeys(Timeframe, Cell(CellState.EMPTY, serving=SERVED)))
    status = after(sealed(GOLD), sealed(YEN), rebuilt)

    assert 0.0 == progress_document(status, NOON).eta_s
    assert [] == waiting_for(status)


@given(st.dictionaries(st.sampled_from(Timeframe), st.floats(0, 1), min_size=1))
def test_the_estimate_is_never_negative(shares: dict[Timeframe, float]) -> None:
    """Whatever the cells say of themselves."""
    cells = {tf: Cell(CellState.FETCHING, share) for tf, share in shares.items()}
    eta_s = progress_document(after(CellsChanged(GOLD, cells)), NOON).eta_s

    assert eta_s is None or eta_s >= 0
