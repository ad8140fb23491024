"""Pages: how they are reached, left and remembered, and what is selected on them."""

from __future__ import annotations

import asyncio
import logging
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.evidence import evidence_folder, keep
from console.logbook import LogBook
from console.pages import Page, Trail, stepped, swapped, visited
from console.typed import Typed
from engine.events import ReasonCleared
from engine.log_ring import hearing

from . import scenes
from .scenes import OPENED_MS
from .stage import FLUSHED_S, drawn, staged


async def _seen(pilot: Pilot[None], *keys: str) -> list[str]:
    await pilot.press(*keys)
    return await drawn(pilot)


def _marked(rows: list[str]) -> str:
    return next(row for row in rows if row.startswith(">"))


def test_the_trail_remembers_as_a_browser_does() -> None:
    """Back, forward, and a new visit that forgets what lay ahead."""
    trail = visited(visited(Trail(), Page.PROCESSES), Page.LOGS)
    back = stepped(trail, -1)

    assert Page.PROCESSES is back.here
    assert Page.LOGS is stepped(back, 1).here
    assert Page.LOGS is stepped(back, 9).here
    assert Page.GRID is stepped(trail, -9).here
    assert Page.JOURNAL is stepped(visited(back, Page.JOURNAL), 1).here
    assert back is visited(back, Page.PROCESSES)


def test_the_page_before_this_one_by_whatever_way() -> None:
    """Two pages side by side: one key goes to and fro."""
    trail = visited(visited(Trail(), Page.REASONS), Page.LOGS)

    assert Page.REASONS is swapped(trail).here
    assert Page.LOGS is swapped(swapped(trail)).here


async def test_pages_by_number_back_forward_and_last() -> None:
    """The same keys on every page, also by the places of the Ukrainian layout."""
    app, _ = staged(scenes.closed_with_reasons())
    async with app.run_test(size=(80, 24)) as pilot:
        assert " PROCESSES" in (await _seen(pilot, "2"))[2]
        assert " REASONS" in (await _seen(pilot, "3"))[2]
        assert " LOGS" in (await _seen(pilot, "д"))[2]
        assert " REASONS" in (await _seen(pilot, "left_square_bracket"))[2]
        assert " PROCESSES" in (await _seen(pilot, "х"))[2]
        assert " LOGS" in (await _seen(pilot, "right_square_bracket", "ї"))[2]
        assert " PROCESSES" in (await _seen(pilot, "2"))[2]
        assert " LOGS" in (await _seen(pilot, "minus"))[2]
        assert " JOURNAL" in (await _seen(pilot, "7"))[2]
        assert " SYMBOL" in (await _seen(pilot, "1"))[2]


async def test_escape_drops_the_filter_first_and_then_the_page() -> None:
    """Nothing is hidden for longer than the operator knows of it."""
    app, _ = staged(scenes.closed_with_reasons())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "slash", *"gap", "enter")
        assert "/gap" in (await drawn(pilot))[22]
        rows = await _seen(pilot, "escape")
        assert " REASONS  1/5" == rows[2]
        assert "/gap" not in rows[22]
        assert " SYMBOL" in (await _seen(pilot, "escape"))[2]
        assert " SYMBOL" in (await _seen(pilot, "escape"))[2]


async def test_enter_looks_closer_at_a_cell_a_process_and_a_reason() -> None:
    """From the sign to its x-ray, from the process to its log, from the reason to its place."""
    app, _ = staged(scenes.closed_with_reasons())
    async with app.run_test(size=(80, 24)) as pilot:
        rows = await _seen(pilot, "j", "right", "enter")
        assert rows[2].startswith(" X-RAY XAG/USD/M3")
        assert (await _seen(pilot, "right"))[2].startswith(" X-RAY XAG/USD/M5")

        rows = await _seen(pilot, "2", "j", "enter")
        assert rows[2].startswith(" LOGS")
        assert "/m1_poller" in rows[22]
        assert all("m1_poller" in row for row in rows[4:16])

        rows = await _seen(pilot, "3", "g", "enter")
        assert rows[2].startswith(" X-RAY GER30/M1  1–19/")
        assert rows[2].endswith("PgDn PgUp")
        assert (await _seen(pilot, "pagedown"))[2].startswith(" X-RAY GER30/M1  11–29/")
        rows = await _seen(pilot, "3", "j", "enter")
        assert _marked(rows).startswith(">▲ tick_publisher")
        assert rows[2].startswith(" PROCESSES")


async def test_a_selection_goes_by_identity_while_others_come_and_go() -> None:
    """The row under the hand must not become another one before the key is pressed."""
    app, client = staged(scenes.closed_with_reasons())
    async with app.run_test(size=(80, 24)) as pilot:
        assert "USD/JPY" in _marked(await _seen(pilot, "3", "j", "j"))
        corrupt = next(r for r in client.status.reasons if r.code.value == "CORRUPT_JSONL")
        cleared = ReasonCleared(corrupt.code, corrupt.scope)
        client.push(scenes.played(client.status, cleared, at_ms=OPENED_MS))
        rows = await drawn(pilot, FLUSHED_S)
        assert "USD/JPY" in _marked(rows)
        assert any("● GER30/M1" in row and "cleared: line 4132" in row for row in rows)


async def test_acts_go_by_what_is_selected_on_the_page() -> None:
    """A reason of a symbol can be rebuilt away from where it is read."""
    app, client = staged(scenes.closed_with_reasons(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "j", "r", "y")
        await pilot.press("j", "b", "y")
        await pilot.press("2", "k", "k", "j", "r", "y")
        await drawn(pilot)
        assert "choose a symbol" in (await _seen(pilot, "b"))[22]
    assert [
        ("restart", "tick_publisher"),
        ("rebuild", "USD/JPY"),
        ("restart", "m1_poller"),
    ] == client.acted


async def test_what_the_operator_did_stands_in_the_journal_with_its_command_line() -> None:
    """An incident is told later; the same act must be possible from a script."""
    app, _ = staged(scenes.end_of_boot(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b", "y")
        await drawn(pilot)
        rows = await _seen(pilot, "7")
    assert "this console" in _marked(rows)
    assert "rebuild XAU/USD: rebuild XAU/USD done" in _marked(rows)
    assert any("coldstart-console rebuild XAU/USD" in row for row in rows)


async def test_the_filter_follows_each_keystroke_and_escape_brings_the_old_one_back() -> None:
    """The operator sees what a filter leaves; an act cannot be about what it hides."""
    app, client = staged(scenes.end_of_boot(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        rows = await _seen(pilot, "slash", *"xa")
        assert "/xa▏" in rows[23]
        assert [">XAU/USD", " XAG/USD"] == [row[:8] for row in rows[3:5]]
        assert not rows[5]
        rows = await _seen(pilot, "q", "backspace", "space", "exclamation_mark", *"d1", "enter")
        assert rows[2].split() == ["1–2/13", "M1", "M3", "M5", "M15", "M30", "H1", "H4"]
        rows = await _seen(pilot, "full_stop", "ctrl+u", *"ngas")
        assert ">NGAS" == rows[3][:5]
        rows = await _seen(pilot, "escape")
        assert "/xa !d1" in rows[22]
        rows = await _seen(pilot, "slash", "space", *"zzz")
        assert " nothing matches xa !d1 zzz   Esc shows everything" == rows[2]
        await pilot.press("enter", "b", "y")
    assert [] == client.acted


async def test_faults_are_gone_through_and_can_be_seen_alone() -> None:
    """At three in the morning nobody wants to look for the one yellow cell."""
    app, _ = staged(scenes.closed_with_reasons())
    async with app.run_test(size=(80, 24)) as pilot:
        found = [_marked(await _seen(pilot, "n")).split()[0] for _ in range(5)]
        assert [">NGAS", ">SPX500", ">GER30", ">USD/JPY▲", ">NGAS"] == found
        assert ">USD/JPY" in _marked(await _seen(pilot, "N"))
        rows = await _seen(pilot, "z")
        assert "FAULTS ONLY" in rows[22]
        assert "1–4/13" in rows[2]
        assert "1–4/13" not in (await _seen(pilot, "z"))[2]


async def test_without_a_fault_it_is_said_that_there_is_none() -> None:
    """A key that does nothing leaves the operator in doubt; the place is not lost over it."""
    app, _ = staged(scenes.end_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        before = await _seen(pilot, "j", "j", "l")
        for page in ("1", "2"):
            before = await _seen(pilot, page)
            for key in ("n", "N", "z"):
                rows = await _seen(pilot, key)
                assert "no faults here" == rows[22]
                assert before[:22] == rows[:22]


async def test_the_place_is_found_again_when_the_last_fault_heals() -> None:
    """Behind `z` the grid may empty by itself; on the way back the cursor stands where it stood."""
    app, client = staged(scenes.closed_with_reasons())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("n", "n", "z")
        there = app.screen._board.outlook.cursor.cell  # type: ignore[attr-defined]
        client.push(scenes.end_of_boot())
        assert " nothing is wrong here   z shows everything" == (await _seen(pilot))[2]
        assert app.screen._board.outlook.cursor.cell is None  # type: ignore[attr-defined]
        assert ">SPX500" in _marked(await _seen(pilot, "z"))
        assert there == app.screen._board.outlook.cursor.cell  # type: ignore[attr-defined]


async def test_a_list_has_two_orders_and_the_grid_has_one() -> None:
    """Troubled processes first on demand; a grid that moves under the hand is no map."""
    app, _ = staged(scenes.closed_with_reasons())
    async with app.run_test(size=(80, 24)) as pilot:
        assert "the grid keeps" in (await _seen(pilot, "s"))[22]
        rows = await _seen(pilot, "2", "s")
        names = [row[3:17].strip() for row in rows[4:9]]
        assert ["tick_publisher", "connector", "m1_poller", "tick_preview", "ui"] == names
        assert "SORTED" in rows[22]
        assert "SORTED" not in (await _seen(pilot, "s"))[22]


async def test_painting_again_changes_nothing() -> None:
    """After a stray write to the terminal Ctrl+R brings the same picture back."""
    app, _ = staged(scenes.closed_with_reasons())
    async with app.run_test(size=(80, 24)) as pilot:
        before = await drawn(pilot)
        assert before == await _seen(pilot, "ctrl+r")


async def test_cells_show_bars_ages_and_milliseconds() -> None:
    """The figure changes, the sign before it keeps telling the state."""
    app, _ = staged(scenes.closed_with_reasons())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"ngas|ger", "enter")
        shown = [(await _seen(pilot, "m"))[3:5] for _ in range(4)]
    assert ["◌4320", "●1440"] == shown[0][0].split()[1:3]
    assert "✖0" == shown[0][1].split()[1]
    assert ["◌6m", "●12s"] == shown[1][0].split()[1:3]
    assert ["◌8000", "●4000"] == shown[2][0].split()[1:3]
    assert ["◌6m", "●1440"] == shown[3][0].split()[1:3]


async def test_a_frozen_picture_stands_still_while_the_engine_goes_on() -> None:
    """Space keeps what is to be read; the next space shows the present."""
    moment_ms = OPENED_MS + 3_000
    app, client = staged(scenes.middle_of_boot(), now_ms=lambda: moment_ms)
    async with app.run_test(size=(80, 24)) as pilot:
        frozen = await _seen(pilot, "space")
        assert "FROZEN 12:00:03 UTC" in frozen[22]
        moment_ms += 60_000
        client.push(scenes.end_of_boot())
        assert frozen == await drawn(pilot, FLUSHED_S)
        rows = await _seen(pilot, "space")
        assert "ready 104/104" in rows[0]
        assert "gate OPEN" in "".join(await _seen(pilot, "7"))


async def test_the_log_is_followed_until_the_operator_moves_up() -> None:
    """What is read must not scroll away; `G` follows again."""
    book = scenes.log_of_a_boot()
    app, _ = staged(scenes.end_of_boot(), logs=book)
    async with app.run_test(size=(80, 24)) as pilot:
        rows = await _seen(pilot, "l")
        assert " LOGS  30/30  following" == rows[2]
        book.write([(OPENED_MS, "INFO", "ui", "one more")])
        assert "one more" in _marked(await drawn(pilot, FLUSHED_S))

        read = _marked(await _seen(pilot, "k", "k"))
        book.write([(OPENED_MS, "INFO", "ui", f"later {at}") for at in range(40)])
        rows = await drawn(pilot, FLUSHED_S)
        assert read == _marked(rows)
        assert " LOGS  29/71  paused, 42 newer; G follows again" == rows[2]
        assert "later 39" in _marked(await _seen(pilot, "G"))
        rows = await _seen(pilot, "slash", *"level:err", "enter")
        assert all("✖" in row for row in rows[4:10])


async def test_hidden_pages_and_frozen_ones_do_not_draw_for_a_log_line() -> None:
    """A thousand lines a second must cost nothing while another page is shown."""
    book = scenes.log_of_a_boot()
    app, _ = staged(scenes.end_of_boot(), logs=book)
    async with app.run_test(size=(80, 24)) as pilot:
        before = await drawn(pilot)
        book.write([(OPENED_MS, "ERROR", "ui", "boom")])
        assert before == await drawn(pilot, FLUSHED_S)
        still = await _seen(pilot, "l", "space")
        book.write([(OPENED_MS, "ERROR", "ui", "bang")])
        assert still == await drawn(pilot, FLUSHED_S)


def test_what_is_logged_is_heard_from_our_floors_and_warnings_from_everywhere() -> None:
    """Foreign libraries talk much; their warnings matter."""
    book = LogBook()
    with hearing(book):
        logging.getLogger("engine.somewhere").info("ours %d", 1)
        logging.getLogger("engine.somewhere").debug("too small")
        logging.getLogger("foreign").info("not ours")
        try:
            raise ValueError("\x1b[31mred")
        except ValueError:
            logging.getLogger("foreign").exception("it broke")
    logging.getLogger("engine.somewhere").warning("nobody listens")

    said = [(line.level, line.source, line.text) for line in book.lines]
    assert ("INFO", "engine.somewhere", "ours 1") == said[0]
    assert ("ERROR", "foreign", "it broke: ValueError: ?[31mred") == said[1]
    assert 2 == len(said)


async def test_a_line_is_named_after_the_process_whose_task_said_it() -> None:
    """`2` shows the last words of a process; loggers are named after files."""

    async def speak() -> None:
        logging.getLogger("engine.fetching").warning("short page")

    book = LogBook()
    with hearing(book):
        await asyncio.create_task(speak(), name="m1_poller")

    assert [("m1_poller", "short page")] == [(line.source, line.text) for line in book.lines]
    assert book.lines == book.of("m1_poller", 3)


async def test_a_yank_reaches_the_terminal_and_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Over a line that swallows OSC 52 the file is what is left."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    app, _ = staged(scenes.closed_with_reasons())
    copied: list[str] = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "y")
        rows = await drawn(pilot, 0.2)
        await pilot.press("1", "y")
        await drawn(pilot, 0.2)
    first, second = sorted((tmp_path / "coldstart").iterdir())

    assert copied[0].splitlines()[0] == "✖ GER30/M1 CORRUPT_JSONL (degraded)"
    assert {f"{text}\n" for text in copied} == {first.read_text("utf-8"), second.read_text("utf-8")}
    assert "bars          4 320" in copied[1]
    assert 0o600 == stat.S_IMODE(first.stat().st_mode)
    assert rows[22].startswith("copied, and kept in ")


async def test_a_yank_that_cannot_be_kept_is_still_copied_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A full or missing home must not end the screen."""
    (tmp_path / "coldstart").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    app, _ = staged(scenes.end_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("н")
        assert (await drawn(pilot, 0.2))[22] == "copied, but not kept: File exists"


def test_evidence_is_never_written_over_nor_through_a_link(tmp_path: Path) -> None:
    """A yank in the same second gets a number; a planted link is not followed."""
    target = tmp_path / "target"
    (tmp_path / "a.txt").symlink_to(target)

    assert tmp_path / "a-1.txt" == keep(tmp_path, "a.txt", "one")
    assert tmp_path / "a-2.txt" == keep(tmp_path, "a.txt", "two")
    assert not target.exists()
    assert Path("/x/coldstart") == evidence_folder({"XDG_STATE_HOME": "/x"})


def test_a_line_is_edited_at_its_caret() -> None:
    """What every shell can."""
    line = Typed.of("xau state:ready")

    assert ("xau ", "") == line.edited("erase_word").parts
    assert "xau state:read" == line.edited("erase").text
    assert ("", "xau state:ready") == line.edited("start").parts
    assert "!xau state:ready" == line.edited("start").insert("!").text
    assert "" == line.edited("erase_all").text
    assert "xau stat:ready" == Typed("xau state:ready", 9).edited("erase").text
    assert line == line.edited("right")
    assert 200 == len(Typed.of("x" * 500).insert("y").text)


async def test_the_wheel_moves_when_the_mouse_is_heard() -> None:
    """--mouse must do something; without it no mouse event arrives."""
    app, _ = staged(scenes.end_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        app.screen.on_mouse_scroll_down(None)  # type: ignore[attr-defined]
        assert _marked(await drawn(pilot)).startswith(">SPX500")
        app.screen.on_mouse_scroll_up(None)  # type: ignore[attr-defined]
        assert _marked(await drawn(pilot)).startswith(">XAU/USD")


async def test_lists_of_one_process_and_none_are_drawn_calmly() -> None:
    """Before the engine has opened there is nothing to list."""
    empty = replace(scenes.cold(), processes=())
    app, _ = staged(empty, logs=LogBook())
    async with app.run_test(size=(80, 24)) as pilot:
        assert " no process has been spawned yet" == (await _seen(pilot, "2"))[3]
        assert " all is well" == (await _seen(pilot, "3"))[3]
        assert " nothing yet" == (await _seen(pilot, "l"))[3]
        assert " nothing yet" == (await _seen(pilot, "slash", "x", "enter"))[3]
        await pilot.press("escape", "j", "n", "enter", "pagedown", "y", "r", "escape", "escape")
        assert (await drawn(pilot))[0].startswith("fx-1")
