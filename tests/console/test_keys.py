"""Keys move a selection, ask before they act, and never leave without a question."""

from __future__ import annotations

import pytest

from console.keeper import Parting
from console.screens.confirm import ConfirmScreen
from console.screens.help import HelpScreen
from console.screens.leave import LeaveScreen

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
    app, client = staged(scenes.end_of_boot())
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
    app, client = staged(scenes.end_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(UKRAINIAN["b"], UKRAINIAN["y"])
        await drawn(pilot)
    assert [("rebuild", "XAU/USD")] == client.acted


async def test_restart_from_the_grid_first_goes_to_the_processes() -> None:
    """A cell is no process: the operator must have chosen one before it is restarted."""
    app, client = staged(scenes.end_of_boot())
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
    app, client = staged(scenes.end_of_boot(), refuses="read-only: start without --read-only")
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
    app, client = staged(scenes.end_of_boot())

    async def broken(action_id: str, target: str) -> str:
        raise ZeroDivisionError(f"{action_id} of {target}")

    monkeypatch.setattr(client, "act", broken)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b", "y")
        rows = await drawn(pilot)
        assert app.is_running
    assert rows[22].startswith("rebuild XAU/USD did not finish: ZeroDivisionError")


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
        assert "SYMBOL▲" in last[23]
        await pilot.press("g")
        assert first == await drawn(pilot)
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpScreen)


async def test_an_answer_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old answer must not be read as a new one."""
    monkeypatch.setattr("console.screens.home._TOLD_S", 0.05)
    app, _ = staged(scenes.end_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("r")
        assert (await drawn(pilot, 0.1))[22].startswith("mode cold")
