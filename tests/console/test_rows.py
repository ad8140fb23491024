"""The pure rows: what each state looks like, what gives way when room is short."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.cursor import Cursor, scrolled, settled
from console.hold import Hold
from console.lines import Look, Span, text_of
from console.metric import Metric
from console.widgets.cell_face import Sight
from console.widgets.facts import Facts
from console.widgets.faults import faults
from console.widgets.grid_rows import Grid
from console.widgets.header_rows import Header
from console.widgets.journal import differences
from console.widgets.process_rows import process_rows
from console.widgets.reason_rows import reason_rows
from console.widgets.xray_rows import xray_rows
from console.words import Words
from engine.cell import Cell, CellState
from engine.degraded import DegradedCode
from engine.events import BecameOverdue, GateForced, ProcessChanged
from engine.status import BrokerStatus, PrimeStatus, ProcessState, ProcessStatus, Status
from uds.model import Generation, SeriesKey, Timeframe

from . import scenes
from .scenes import OPENED_MS
from .stage import NOW_MS

WORDS = Words()
M1, H4 = Timeframe.M1, Timeframe.H4


def _cell(now: Status, symbol: str, timeframe: Timeframe, width: int = 80) -> Span:
    cursor = settled(Cursor(), now)
    columns, _ = Grid(Facts.of(now), cursor, Sight(NOW_MS, WORDS)).columns(width, 20, 0)
    column = columns[1 + list(Timeframe).index(timeframe)]
    return column.lines[1 + now.symbols.index(symbol)][0]


def _header(now: Status, width: int) -> tuple[str, str]:
    first, second = Header(Facts.of(now), NOW_MS, WORDS, Hold()).rows(width)
    return text_of(first), text_of(second)


@pytest.mark.parametrize(
    ("cell", "text", "look"),
    [
        (Cell(), "·–", Look.WAITING),
        (Cell(CellState.FETCHING, 0.417), "◔41%", Look.FETCHING),
        (Cell(CellState.STORED, 1.0, 4320), "◑0%", Look.DERIVING),
        (Cell(CellState.DERIVED, bars=864), "◕0%", Look.PRIMING),
        (Cell(CellState.PRIMED, bars=864), "◕12%", Look.PRIMING),
        (Cell(CellState.SEALED, bars=38_880), "●38880", Look.READY),
        (Cell(CellState.SEALED, bars=3_888_000), "●3.9M", Look.READY),
        (Cell(CellState.STALE, watermark_ms=NOW_MS - 13 * 60_000), "◌12m", Look.STALE),
        (Cell(CellState.STALE), "◌–", Look.STALE),
        (Cell(CellState.FAILED), "✖fail", Look.FAILED),
    ],
)
def test_a_cell_shows_its_state_as_sign_and_text(cell: Cell, text: str, look: Look) -> None:
    """The eight states of the screen, each told by more than its colour."""
    now = scenes.cells(scenes.cold(), "NGAS", OPENED_MS, {M1: cell})

    assert Span(text, look) == _cell(now, "NGAS", M1)


@pytest.mark.parametrize(
    ("cell", "text", "look"),
    [
        (Cell(CellState.EMPTY), "●·–", Look.WAITING),
        (Cell(CellState.FETCHING, 0.41), "●◔41%", Look.FETCHING),
        (Cell(CellState.FETCHING, 1.0), "●◔100%", Look.FETCHING),
        (Cell(CellState.PRIMED), "●◕12%", Look.PRIMING),
    ],
)
def test_a_cell_that_is_made_anew_says_that_it_is_served_too(
    cell: Cell, text: str, look: Look
) -> None:
    """`·–` alone would tell an operator at night that readers have nothing."""
    served = replace(cell, bars=4_320, serving=Generation(42, 3))
    now = scenes.cells(scenes.cold(), "NGAS", OPENED_MS, {M1: served})

    assert Span(text, look) == _cell(now, "NGAS", M1)


def test_where_the_room_is_short_the_sign_says_what_moves() -> None:
    """One column in the compact form, whose row counts what is served; seven beside a figure."""
    served = Cell(CellState.FETCHING, 0.41, bars=123_456, serving=Generation(42, 3))
    now = scenes.cells(scenes.cold(), "XAU/USD", OPENED_MS, {M1: served})
    row = Grid(Facts.of(now), Cursor(), Sight(NOW_MS, WORDS)).compact(40, 5, 0)[0][0].lines[0]
    bars = Sight(NOW_MS, WORDS, Metric.BARS)
    cell = Grid(Facts.of(now), Cursor(), bars).columns(80, 20, 0)[0][1].lines[1]

    assert " XAU/USD  ◔······· 1/8" == text_of(row)
    assert "◔123456" == text_of(cell)


def test_a_reason_of_its_own_covers_how_far_a_cell_has_come() -> None:
    """One reason shows its code, several show how many; a note changes nothing."""
    key, now = SeriesKey("NGAS", H4), scenes.end_of_boot()
    noted = scenes.raised(now, DegradedCode.DEPTH_SHORT, key, "deeper later", OPENED_MS)
    one = scenes.raised(noted, DegradedCode.GAP, key, "3 bars", OPENED_MS)
    two = scenes.raised(one, DegradedCode.CASCADE_EMPTY, key, "no bars", OPENED_MS)

    assert "●18" == _cell(noted, "NGAS", H4).text
    assert Span("▲GAP", Look.DEGRADED) == _cell(one, "NGAS", H4)
    assert Span("▲2", Look.DEGRADED) == _cell(two, "NGAS", H4)


def test_a_stale_cell_keeps_its_age_beside_the_reason_that_says_so() -> None:
    """CELL_STALE repeats what the sign already says; the age is worth more."""
    stale = Cell(CellState.STALE, watermark_ms=NOW_MS - 3 * 3_600_000)
    now = scenes.cells(scenes.end_of_boot(), "NGAS", OPENED_MS, {M1: stale})
    now = scenes.raised(now, DegradedCode.CELL_STALE, SeriesKey("NGAS", M1), "late", OPENED_MS)

    assert "◌2h" == _cell(now, "NGAS", M1).text


def test_a_cell_changed_in_the_last_three_seconds_is_underlined() -> None:
    """The eye must find what moved."""
    now = scenes.cells(scenes.cold(), "NGAS", NOW_MS - 2_999, {M1: Cell(CellState.FETCHING)})
    old = scenes.cells(scenes.cold(), "NGAS", NOW_MS - 3_000, {M1: Cell(CellState.FETCHING)})

    assert _cell(now, "NGAS", M1).fresh
    assert not _cell(old, "NGAS", M1).fresh


def test_the_chosen_cell_is_a_block_even_when_it_failed() -> None:
    """A failed cell is reversed too: only the width of the block tells them apart."""
    now = scenes.cells(scenes.cold(), "XAU/USD", OPENED_MS, {M1: Cell(CellState.FAILED)})

    assert Span("✖fail  ", Look.FAILED, chosen=True) == _cell(now, "XAU/USD", M1)


def test_a_reason_of_the_symbol_marks_its_name() -> None:
    """Eight marked cells would hide how far each has come."""
    now = scenes.raised(scenes.cold(), DegradedCode.D1_MISMATCH, "NGAS", "differs", OPENED_MS)
    columns, _ = Grid(Facts.of(now), settled(Cursor(), now), Sight(NOW_MS, WORDS)).columns(
        80, 20, 0
    )

    assert " NGAS▲" == text_of(columns[0].lines[3]).rstrip()


def test_the_grid_scrolls_under_its_header() -> None:
    """More symbols than rows: the selected one is always drawn."""
    assert 0 == scrolled(0, selected=4, visible=5, total=40)
    assert 1 == scrolled(0, selected=5, visible=5, total=40)
    assert 3 == scrolled(9, selected=3, visible=5, total=40)
    assert 35 == scrolled(38, selected=39, visible=5, total=40)


@pytest.mark.parametrize("width", [72, 80, 100, 120, 160])
def test_gate_ready_and_counts_survive_long_values(width: int) -> None:
    """Instance, boot and elapsed are lost first; what the operator steers by never."""
    now = replace(
        scenes.closed_with_reasons(), name="a-long-instance-name-" * 3, owner_token=1_234_567_890
    )
    first, second = _header(now, width)

    assert "SIM" in first
    assert first.endswith("ready 40/104  ▲3 ✖1")
    assert second.startswith("gate CLOSED m1_poller+1 5/13")
    assert width >= max(len(first), len(second))


def test_what_is_lost_first() -> None:
    """The order in which the first row gives way."""
    now = scenes.closed_with_reasons()

    assert "boot" in _header(now, 110)[0]
    assert "boot" not in _header(now, 109)[0]
    assert "fx-1 [RO]" in _header(now, 77)[0]
    assert "fx-1" not in _header(now, 76)[0]
    assert "+00:12.4" in _header(now, 72)[0]
    assert "+00:12.4" not in _header(now, 71)[0]
    assert "SIMULATED MARKET" in _header(now, 71)[0]


def test_since_when_the_engine_is_lost_and_how_long_acts_are_taken_is_never_lost() -> None:
    """Whoever forgets that a picture is old, or a key acts, does harm."""
    now = Facts.of(scenes.closed_with_reasons())
    lost, armed = Hold(lost_s=42.9), Hold(armed_left_s=252.0)
    for width in (40, 72, 80, 160):
        assert "◌ STALE 00:42" in text_of(Header(now, NOW_MS, WORDS, lost).rows(width)[0])
        assert "[ARMED 4:12]" in text_of(Header(now, NOW_MS, WORDS, armed).rows(width)[0])
    assert "STALE 00:42" in text_of(Header(now, NOW_MS, WORDS, lost).compact_row(30))
    assert "ARMED 4:12" in text_of(Header(now, NOW_MS, WORDS, armed).compact_row(40))


def test_a_real_market_is_named_and_never_called_simulated() -> None:
    """Nobody may take one for the other."""
    first, _ = _header(scenes.cold(market="replay"), 80)

    assert "replay" in first
    assert "SIM" not in first


def test_the_gauge_says_when_priming_will_end_too_late() -> None:
    """A bare bar does not say that the budget will not do."""
    late = replace(scenes.middle_of_boot(), prime=PrimeStatus(40, 3.8, 8.0))
    in_time = replace(late, prime=PrimeStatus(40, 2.0, 8.0))

    assert "at this pace 9.9s > 8.0s" in _header(late, 160)[1]
    assert "at this pace 5.2s of 8.0s" in _header(in_time, 160)[1]
    assert "40/104 3.8/8.0s ▲≈9.9s" in _header(late, 80)[1]
    assert "≈" not in _header(scenes.end_of_boot(), 120)[1]


def test_an_overdue_gate_says_so() -> None:
    """Time alone never opens the gate, but it must be heard."""
    now = scenes.played(scenes.middle_of_boot(), BecameOverdue(), at_ms=NOW_MS)

    assert _header(now, 80)[1].startswith("gate CLOSED OVERDUE m1_poller 5/13")


def test_what_made_the_gate_late_stands_before_its_lateness() -> None:
    """One row and one hint on a small screen: they belong to the cause."""
    code = DegradedCode.BROKER_LOGIN_TIMEOUT
    ill = scenes.raised(scenes.start_of_boot(), code, None, "no answer", OPENED_MS)
    late = scenes.played(ill, BecameOverdue(), at_ms=NOW_MS)

    assert [code, DegradedCode.GATE_OVERDUE] == [reason.code for _, reason in faults(late).ranked]


def test_what_all_depends_on_is_said_before_what_single_cells_suffer() -> None:
    """One row of 80×24 has room for one reason: that Redis is away, and not what follows."""
    first = scenes.raised(
        scenes.end_of_boot(), DegradedCode.REDIS_DOWN, None, "away", OPENED_MS + 1
    )
    now = scenes.raised(
        first, DegradedCode.BROKER_FETCH_FAILED, SeriesKey("NGAS", M1), "silent", OPENED_MS + 2
    )

    assert [None, SeriesKey("NGAS", M1)] == [r.scope for _, r in faults(now).ranked]


@pytest.mark.parametrize("width", [72, 80, 160])
def test_an_answer_that_is_late_is_seen_before_there_is_a_reason(width: int) -> None:
    """Five seconds pass before a request counts as hung; until then all would look well."""
    queue = {"D1": 9, "FILL": 40}
    broker = BrokerStatus(
        "sim", "ready", queue=queue, slots_used=4, slots_total=4, unanswered_since_ms=NOW_MS - 3_900
    )
    asked = replace(scenes.middle_of_boot(), broker=broker)
    sent_now = replace(asked, broker=replace(broker, unanswered_since_ms=NOW_MS - 900))

    assert "no answer 3s" in _header(asked, width)[1]
    assert "no answer" not in _header(sent_now, width)[1]


def test_a_login_that_lasts_says_for_how_long() -> None:
    """Ten seconds pass before it counts as hung; until then nothing else tells of it."""
    broker = BrokerStatus("sim", "logging_in", since_ms=NOW_MS - 6_200)
    now = replace(scenes.start_of_boot(), broker=broker)

    assert "broker logging in 6s" in _header(now, 80)[1]
    fresh = replace(now, broker=replace(broker, since_ms=NOW_MS - 900))
    assert _header(fresh, 80)[1].rstrip().endswith("broker logging in")


def test_the_time_it_took_to_open_is_rounded_as_it_is_elsewhere() -> None:
    """`+00:03.9` beside `gate open after 4.0s` would make one of both a lie."""
    assert "+00:04.0" in _header(replace(scenes.end_of_boot(), opened_gate_after_s=3.998), 160)[0]


def test_a_gate_that_is_forced_says_how_long_it_stays_so() -> None:
    """It closes by itself: whoever reads on has to know when."""
    forced = GateForced(NOW_MS + 872_000, "uid 1000")
    now = scenes.played(scenes.middle_of_boot(), forced, at_ms=NOW_MS)

    assert "gate FORCED OPEN 14:32 · " in _header(now, 80)[1]


def test_a_permanent_login_fault_asks_for_the_operator() -> None:
    """A closed gate that no waiting will open is a graver word."""
    code = DegradedCode.BROKER_LOGIN_PERMANENT
    now = scenes.raised(scenes.start_of_boot(), code, "connector", "bad password", OPENED_MS)

    assert _header(now, 80)[1].startswith("gate NEEDS OPERATOR broker")
    assert (1, 0) == (faults(now).failed, faults(now).degraded)


def test_the_worst_reason_stands_first() -> None:
    """A failed cell matters more than a newer nuisance."""
    (row,) = reason_rows(Facts.of(scenes.closed_with_reasons()), 80, 1, WORDS)

    assert text_of(row).startswith("✖ GER30/M1 CORRUPT_JSONL line 4132 quarantined   ▲ ")
    assert 80 == len(text_of(row))


def test_with_room_each_reason_has_a_row_and_its_hint() -> None:
    """What can be done stands beside what is wrong."""
    rows = reason_rows(Facts.of(scenes.closed_with_reasons()), 200, 8, WORDS)

    assert 4 == len(rows)
    assert text_of(rows[3]).endswith("→ The hole is fetched again; rebuild the symbol if it stays.")


def test_all_is_well_only_when_it_is() -> None:
    """Calm words while the gate is closed would be a lie."""
    (closed,) = reason_rows(Facts.of(scenes.middle_of_boot()), 80, 1, WORDS)
    (opened,) = reason_rows(Facts.of(scenes.end_of_boot()), 80, 1, WORDS)

    assert "● all is well" == text_of(opened)
    assert "well" not in text_of(closed)


def test_a_process_in_backoff_counts_down() -> None:
    """The operator must see that it will be tried again, when, and why it failed."""
    ill = ProcessStatus(
        "ui", ProcessState.BACKOFF, restarts=1, next_attempt_ms=NOW_MS + 2_150, last_exit="OSError"
    )
    now = scenes.played(scenes.end_of_boot(), ProcessChanged(ill), at_ms=NOW_MS)
    rows = process_rows(now, Cursor(), NOW_MS, 80, 5, WORDS)

    assert " ▲ ui              backoff 2.1s               1 restart    OSError" == text_of(rows[4])


def test_the_xray_shows_both_clocks() -> None:
    """The trading day is New York's, the files are UTC."""
    rows = xray_rows(scenes.end_of_boot(), SeriesKey("XAU/USD", M1), NOW_MS, 46, 20, WORDS)
    text = "\n".join(map(text_of, rows))

    assert 20 == len(rows)
    assert "2025-11-24 11:59 UTC" in text
    assert "2025-11-24 06:59 New York" in text
    assert "served from   42-1" in text


def test_events_are_read_off_two_pictures() -> None:
    """What the screen learned, causes before the gate that follows from them."""
    was, now = Facts.of(scenes.middle_of_boot()), Facts.of(scenes.end_of_boot())
    told = [text for _, text in differences(was, now, WORDS)]

    assert "m1_poller ready" == told[0]
    assert "USD/JPY is served from 42-1" in told
    assert "gate OPEN" == told[-1]
    assert [] == list(differences(now, now, WORDS))


def test_the_generation_is_written_as_a_sentence_says_it() -> None:
    """`42-1`, as in the questions."""
    cell = Cell(CellState.SEALED, serving=Generation(42, 3))
    now = scenes.cells(scenes.cold(), "NGAS", OPENED_MS, {M1: cell})
    rows = xray_rows(now, SeriesKey("NGAS", M1), NOW_MS, 40, 20, WORDS)

    assert any(text_of(row).endswith("42-3") for row in rows)
