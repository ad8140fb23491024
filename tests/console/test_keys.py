"""Keys move a selection, ask before they act, and never leave without a question."""

from __future__ import annotations

import pytest
from textual.events import Key

from console.hold import Hold
from console.offers import Deed
from console.screens.confirm import ConfirmScreen
from console.screens.help import HelpScreen
from console.screens.leave import LeaveScreen
from console.screens.phrase import PhraseScreen
from console.terminal.keeper import Parting

from . import scenes
from .stage import drawn, staged

UKRAINIAN = {"j": "о", "l": "д", "b": "и", "r": "к", "q": "й", "y": "н"}


def _marked(rows: list[str]) -> str:
    return next(row for row in rows if row.startswith(">"))


@pytest.mark.parametrize("keys", ["jjkj", ["down", "down"], UKRAINIAN["j"] * 2])
async def test_rows_are_reached_by_vim_keys_arrows_and_the_ukrainian_layout(
    keys: list[str] | str,
) -> None:
    """The operator's keyboard layout must not matter."""
    app, _ = staged(scenes.end_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys)
        assert _marked(await drawn(pilot)).startswith(">NGAS")


async def test_the_selection_stops_at_the_edges() -> None:
    """Moving past an edge must neither wrap nor fall off."""
    app, _ = staged(scenes.end_of_boot())
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.press("k", "h", "dollar_sign", "right", "G", "j")
        assert "USD/JPY/D1" in (await drawn(pilot))[2]
        await pilot.press("g", "0")
        assert "XAU/USD/M1" in (await drawn(pilot))[2]


async def test_rebuild_asks_and_only_yes_acts() -> None:
    """Enter is the default answer, and the default is no."""
    app, client = staged(scenes.end_of_boot(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        for answer in ("n", "escape", "enter", "ctrl+q", "т"):
            await pilot.press("b")
            assert isinstance(app.screen, ConfirmScreen)
            await pilot.press(answer)
            assert not isinstance(app.screen, ConfirmScreen)
        assert [] == client.acted

        await pilot.press("j", "b", "y")
        rows = await drawn(pilot)
    assert [("rebuild", "XAG/USD")] == client.acted
    assert "rebuild XAG/USD done" == rows[22]


async def test_the_same_keys_act_on_the_ukrainian_layout() -> None:
    """и asks to rebuild and н says yes: the keys lie in the same places."""
    app, client = staged(scenes.end_of_boot(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(UKRAINIAN["b"], UKRAINIAN["y"])
        await drawn(pilot)
    assert [("rebuild", "XAU/USD")] == client.acted


async def test_restart_from_the_grid_first_goes_to_the_processes() -> None:
    """A cell is no process: the operator must have chosen one before it is restarted."""
    app, client = staged(scenes.end_of_boot(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("r")
        assert not isinstance(app.screen, ConfirmScreen)
        rows = await drawn(pilot)
        assert _marked(rows).startswith(">● connector")
        assert "choose a process" in rows[22]
        await pilot.press("j", "r", "y")
        await drawn(pilot)
    assert [("restart", "m1_poller")] == client.acted


async def test_a_refused_action_is_told_and_not_asked() -> None:
    """The engine's reason must reach the operator as it is."""
    app, client = staged(
        scenes.end_of_boot(), refuses="read-only: start without --read-only", armed=True
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b")
        rows = await drawn(pilot)
        assert not isinstance(app.screen, ConfirmScreen)
    assert "read-only: start without --read-only" == rows[22]
    assert [] == client.acted


async def test_an_act_that_breaks_is_told_and_the_screen_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fault in one action must not take the screen, and with it the engine, away."""
    app, client = staged(scenes.end_of_boot(), armed=True)

    async def broken(deed: Deed, phrase: str) -> str:
        raise ZeroDivisionError(deed.text)

    monkeypatch.setattr(client, "act", broken)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b", "y")
        rows = await drawn(pilot)
        assert app.is_running
    assert rows[22].startswith("rebuild did not finish: ZeroDivisionError")


@pytest.mark.parametrize("key", ["q", "й", "ctrl+q", "ctrl+c"])
async def test_leaving_asks_first(key: str) -> None:
    """The engine lives in this process: no key may end it without a question."""
    app, client = staged(scenes.end_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        for stay in ("n", "escape", "enter", key):
            await pilot.press(key)
            assert isinstance(app.screen, LeaveScreen)
            await pilot.press(stay)
            assert app.is_running
            assert not isinstance(app.screen, LeaveScreen)
        assert [] == client.acted

        await pilot.press(key, "s")
        await pilot.pause()
    assert [("shutdown", "")] == client.acted
    assert Parting.STOPPED is app.return_value


@pytest.mark.parametrize("keys", [["d"], ["в"], ["q", "d"]])
async def test_detaching_acts_on_nothing(keys: list[str]) -> None:
    """The prompt comes back at once; what goes on is told there."""
    app, client = staged(scenes.end_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys)
        await pilot.pause()
    assert [] == client.acted
    assert Parting.DETACHED is app.return_value


async def test_help_opens_scrolls_and_closes() -> None:
    """Help is longer than 24 rows; every row must be reachable."""
    app, _ = staged(scenes.end_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        first = await drawn(pilot)
        await pilot.press("G")
        last = await drawn(pilot)
        assert "served as before" in last[23]
        await pilot.press("g")
        assert first == await drawn(pilot)
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpScreen)


async def test_an_answer_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old answer must not be read as a new one."""
    monkeypatch.setattr("console.screens.home._TOLD_S", 0.05)
    app, _ = staged(scenes.end_of_boot(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("r")
        assert (await drawn(pilot, 0.1))[22].startswith("mode cold")


async def test_the_console_only_looks_until_it_is_armed() -> None:
    """A key that is hit by chance at three in the morning asks nothing and does nothing."""
    app, client = staged(scenes.end_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        for key in ("r", "b", "a", "o", "R", "B", UKRAINIAN["b"]):
            await pilot.press(key, "y")
            rows = await drawn(pilot)
            assert app.screen_stack == [app.screen]
            assert rows[0].startswith("[RO]")
        await pilot.press("b")
        assert (await drawn(pilot))[22].startswith("this console only looks; A lets it act")
        await pilot.press("A")
        assert (await drawn(pilot))[0].startswith("[ARMED 4:12]")
        await pilot.press("b", "y", "Ф")
        assert (await drawn(pilot))[0].startswith("[RO]")
        await pilot.press("b", "y")
    assert [("rebuild", "XAU/USD")] == client.acted


async def test_an_engine_that_is_read_only_cannot_be_armed() -> None:
    """Its refusal is told in its own words."""
    app, client = staged(scenes.end_of_boot(), refuses="started --read-only")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("A", "b", "y")
        await pilot.press("A")
        rows = await drawn(pilot)
    assert "started --read-only" == rows[22]
    assert rows[0].startswith("[RO]")
    assert [] == client.acted


async def test_what_destroys_wants_its_word_letter_by_letter() -> None:
    """y, Enter and half a word do nothing; keys that mean something elsewhere are text here."""
    app, client = staged(scenes.end_of_boot(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        for keys in (("y", "enter"), ("enter",), (*"all", "escape"), (*"al", "enter")):
            await pilot.press("B")
            assert isinstance(app.screen, PhraseScreen)
            await pilot.press(*keys)
            await drawn(pilot)
            assert app.screen_stack == [app.screen]
        assert [] == client.acted
        assert (await drawn(pilot))[22] == "nothing was done: that was not all"
        await pilot.press("B", *"alll", "backspace", "enter")
        await pilot.press("o", *"gate", "enter")
        await pilot.press("tab", "j", "R", *"m1_poller", "enter")
        await drawn(pilot)
    assert [
        ("rebuild-all", ""),
        ("open-gate", ""),
        ("restart-force", "m1_poller"),
    ] == client.acted


async def test_a_reason_is_acknowledged_where_it_is_read() -> None:
    """From the grid `a` first goes to the reasons: none is selected there."""
    app, client = staged(scenes.closed_with_reasons(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a")
        assert (await drawn(pilot))[22].startswith("choose a reason")
        await pilot.press("j", "a", "y")
        await drawn(pilot)
    assert [("acknowledge", "CHILD_RESTARTING tick_publisher")] == client.acted


async def test_a_typed_command_is_completed_recalled_and_done() -> None:
    """What has no key is typed; names need neither capitals nor slashes."""
    app, client = staged(scenes.end_of_boot(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon", *"rebui", "tab")
        assert ":rebuild▏   rebuild  rebuild-all" in (await drawn(pilot))[23]
        await pilot.press("space", *"xauusd", "space", *"gbp", "tab", "enter")
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("y")
        await pilot.press("Ж", "up")
        assert " :rebuild xauusd GBP/CAD▏" in (await drawn(pilot))[23]
        await pilot.press("down", *"shut", "tab", "enter", "y")
        await pilot.press("colon", *"logs", "enter")
        assert "LOGS" in (await drawn(pilot))[2]
        await pilot.press("colon", *"make tea", "enter")
        assert (await drawn(pilot))[22].startswith("there is no command make")
        await pilot.press("colon", *"rebuild", "enter")
        assert (await drawn(pilot))[22] == "type :rebuild SYMBOL…"
    assert [("rebuild", "XAU/USD GBP/CAD"), ("shutdown", "")] == client.acted


async def test_the_palette_finds_by_name_and_by_what_it_does() -> None:
    """Whoever does not know the key reads what there is."""
    app, client = staged(scenes.end_of_boot(), armed=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p", *"journal events", "enter")
        assert "JOURNAL" in (await drawn(pilot))[2]
        await pilot.press("1", "j", "ctrl+p", *"anew", "enter", "y")
        await drawn(pilot)
        await pilot.press("ctrl+p", *"nonsense", "enter")
        assert app.screen_stack == [app.screen]
    assert [("rebuild", "XAG/USD")] == client.acted


async def test_keys_can_be_given_to_other_commands() -> None:
    """Footer, help and the same places of the other layout follow; the old key means nothing."""
    app, client = staged(scenes.end_of_boot(), armed=True, keys={"rebuild": ("x",)})
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b")
        assert app.screen_stack == [app.screen]
        await pilot.press("x", "y", "ч", "y")
        rows = await drawn(pilot)
        assert "r restart x rebuild f drill l logs" in rows[23]
        await pilot.press("question_mark")
        assert any(row.startswith(" x :rebuild SYMBOL…") for row in await drawn(pilot))
    assert [("rebuild", "XAU/USD"), ("rebuild", "XAU/USD")] == client.acted


@pytest.mark.parametrize("key", ["q", "d", "й", "ctrl+c"])
async def test_an_attached_console_leaves_without_a_question(key: str) -> None:
    """The engine is not ours to end."""
    app, client = staged(scenes.end_of_boot(), is_host=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await pilot.pause()
    assert [] == client.acted
    assert Parting.DETACHED is app.return_value


async def test_a_lost_engine_is_dimmed_and_dated_and_looked_for() -> None:
    """The last picture stays readable; nobody may take it for the present."""
    app, client = staged(scenes.closed_with_reasons(), is_host=False)
    async with app.run_test(size=(80, 24)) as pilot:
        before = await drawn(pilot)
        client.hold = Hold(lost_s=42.4, why="No engine answers.")
        await pilot.press("j", "k", "ctrl+r")
        rows = await drawn(pilot)
        assert "◌ STALE 00:42" in rows[0]
        assert rows[22] == "connecting again, Ctrl+R does it at once: No engine answers."
        assert before[1:22] == rows[1:22]
        line = app.screen.query_one("#processes").render_line(0)
        assert {"#8a8a8a"} == {segment.style.color.name for segment in line if segment.text.strip()}
    assert 1 == client.looked_again


async def test_what_is_typed_ahead_is_given_to_the_screen_it_was_meant_for() -> None:
    """A stalled line delivers a whole command in one breath."""
    app, _ = staged(scenes.end_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        await drawn(pilot)
        driver = app._driver
        assert driver is not None
        for key, character in ((":", ":"), *((c, c) for c in "logs"), ("enter", "\r")):
            name = {":": "colon"}.get(key, key)
            driver.send_message(Key(name, character))
        rows = await drawn(pilot, 0.5)
        assert " LOGS" in rows[2]
        for name, character in (
            ("slash", "/"),
            ("e", "e"),
            ("r", "r"),
            ("enter", "\r"),
            ("j", "j"),
        ):
            driver.send_message(Key(name, character))
        rows = await drawn(pilot, 0.5)
    assert " /er " in rows[22]
