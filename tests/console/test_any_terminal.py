"""No terminal is too small and no text too strange."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from rich.cells import cell_len

from console.clean import clean
from console.layout import Plan, plan
from console.logbook import LogBook
from engine.degraded import DegradedCode
from engine.events import ProcessChanged
from engine.status import BrokerStatus, ProcessState, ProcessStatus, Status
from uds.model import SeriesKey, Timeframe

from . import scenes
from .scenes import OPENED_MS
from .stage import FLUSHED_S, drawn, staged

SIZES = [(1, 1), (2, 3), (10, 4), (71, 24), (80, 19), (72, 20), (80, 24), (119, 33), (250, 80)]
HOSTILE = (
    "\x1b[31mred\x1b[0m \x07\x9b2J [bold]not markup[/] [/] [link=x]\n\tnext\rline "
    "\u202eright to left\u2066 \ud800 \ue000 Z\u0334\u0334\u0334algo 日本語 🙂 \x00end " + "x" * 900
)


async def test_resizing_down_to_one_cell_and_back_leaves_the_same_screen() -> None:
    """A window manager may give any size for a moment."""
    app, _ = staged(scenes.closed_with_reasons())
    async with app.run_test(size=(80, 24)) as pilot:
        before = await drawn(pilot)
        for width, height in SIZES:
            await pilot.resize_terminal(width, height)
            await pilot.press("j", "tab")
        await pilot.press("tab", "g")
        await pilot.resize_terminal(80, 24)
        assert before == await drawn(pilot)


@pytest.mark.parametrize(
    ("size", "key"), [((1, 1), "b"), ((20, 5), "b"), ((1, 1), "?"), ((160, 48), "?")]
)
async def test_question_and_help_fit_any_size(size: tuple[int, int], key: str) -> None:
    """What opens over the screen must open on every screen."""
    app, _ = staged(scenes.end_of_boot())
    async with app.run_test(size=size) as pilot:
        await pilot.press("question_mark" if key == "?" else key)
        assert size[1] == len(await drawn(pilot))
        await pilot.press("escape")
        assert app.is_running


def test_the_parts_never_exceed_the_terminal() -> None:
    """A row too many would push the keys off the screen."""
    for width, height, symbols in itertools.product((1, 72, 80, 120), range(1, 61), (0, 1, 13, 40)):
        shares = plan(width, height, symbols)
        rows = shares.header + shares.body + shares.notice + shares.footer
        assert height >= rows
        assert height > 5 or not shares.footer


def rows_of(shares: Plan) -> tuple[int, ...]:
    """How many rows each part of a home screen has, from the top."""
    parts = shares.header, shares.grid, shares.reasons, shares.processes
    return (*parts, shares.notice, shares.footer)


def test_a_narrow_terminal_that_is_high_shows_reasons_and_processes_too() -> None:
    """Eight empty rows under the signs would hide what is wrong."""
    shares = plan(60, 24, symbols=13)
    low = plan(60, 19, symbols=13)

    assert (1, 13, 3, 5, 1, 1) == rows_of(shares)
    assert (13, 3, 0) == (low.grid, low.reasons, low.processes)
    assert (0, 0, 16) == (plan(60, 19, 13, True).grid, 0, plan(60, 19, 13, True).processes)


def test_the_home_screen_of_the_smallest_common_terminal() -> None:
    """80×24: 2 status rows, 14 grid rows, 1 reason row, 5 processes, 1 answer, 1 footer."""
    shares = plan(80, 24, symbols=13)

    assert (2, 14, 1, 5, 1, 1) == rows_of(shares)


def _hostile_status() -> Status:
    symbols = ("[red]GER30[/]", "日本225", "A\x1b]0;owned\x07", "a very long name of a market")
    now = scenes.started(scenes.cold(symbols, market=HOSTILE), OPENED_MS)
    reason = DegradedCode.CORRUPT_JSONL
    for scope in (SeriesKey(symbols[0], Timeframe.M1), symbols[1], HOSTILE, None):
        now = scenes.raised(now, reason, scope, HOSTILE, OPENED_MS)
    ill = ProcessStatus("m1_poller", ProcessState.BACKOFF, HOSTILE, last_exit=HOSTILE)
    now = scenes.played(now, ProcessChanged(ill), at_ms=OPENED_MS)
    broker = BrokerStatus("sim", "ready", queue={HOSTILE: 3})
    return replace(now, name=HOSTILE, boot_id=HOSTILE, mode_reason=HOSTILE, broker=broker)


@pytest.mark.parametrize(
    ("size", "ascii_only"), [((80, 24), False), ((160, 48), True), ((30, 9), False)]
)
async def test_hostile_text_is_drawn_harmlessly(size: tuple[int, int], ascii_only: bool) -> None:
    """Names and messages come from files and brokers: they must not steer the terminal."""
    app, client = staged(_hostile_status(), ascii_only=ascii_only, refuses=HOSTILE, armed=True)
    async with app.run_test(size=size) as pilot:
        await pilot.press("b", "j", "j")
        rows = await drawn(pilot)

    assert size[1] == len(rows)
    assert size[0] >= max(map(cell_len, rows))
    assert all(row.isprintable() for row in rows)
    assert [] == client.acted


@pytest.mark.parametrize("page", ["2", "3", "l", "7", "enter"])
async def test_hostile_text_is_drawn_harmlessly_on_every_page(page: str) -> None:
    """A log line is as foreign as a broker's error, and a copy of it goes to a terminal too."""
    book = LogBook()
    book.write([(OPENED_MS, "ERROR", HOSTILE, HOSTILE)])
    app, client = staged(scenes.cold(["NGAS"]), logs=book)
    async with app.run_test(size=(120, 40)) as pilot:
        client.push(_hostile_status())
        await drawn(pilot, FLUSHED_S)
        await pilot.press(page)
        rows = await drawn(pilot)
        text = app.screen._board.yank()  # type: ignore[attr-defined]

    assert 120 >= max(map(cell_len, rows))
    assert all(row.isprintable() for row in rows)
    assert text
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.parametrize("page", ["2", "3", "l", "7", "enter", "slash", "question_mark"])
async def test_every_page_fits_every_terminal(page: str) -> None:
    """Down to one cell, with keys pressed meanwhile."""
    app, _ = staged(scenes.closed_with_reasons())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(page)
        before = await drawn(pilot)
        for width, height in ((1, 1), (20, 5), (72, 20), (250, 80)):
            await pilot.resize_terminal(width, height)
            await pilot.press("pagedown", "pageup")
            assert height == len(await drawn(pilot))
        await pilot.resize_terminal(80, 24)
        if page == "l":
            await pilot.press("G")
        assert before == await drawn(pilot)


def test_cleaning_keeps_the_words_and_drops_what_steers() -> None:
    """An operator must be able to read what is left."""
    assert "a b c" == clean("a\n\tb\r\nc")
    assert "[bold]x[/]" == clean("[bold]x[/]")
    assert "?[31mred?[0m" == clean("\x1b[31mred\x1b[0m")
    assert "?evil" == clean("\u202eevil")
    assert "їжак" == clean("їжак")
    assert "é" == clean("e\u0301")
    assert 400 == len(clean("x" * 10_000))


async def test_no_color_leaves_no_colour_on_the_screen() -> None:
    """NO_COLOR is a promise; bold, reverse and underline remain."""
    app, _ = staged(scenes.closed_with_reasons(), mono=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await drawn(pilot)
        strips = app.screen._compositor.render_strips(app.size)

    styles = [segment.style for strip in strips for segment in strip if segment.style]
    assert all(style.color is None or style.color.is_default for style in styles)
    assert all(style.bgcolor is None or style.bgcolor.is_default for style in styles)
    assert any(style.reverse for style in styles)
