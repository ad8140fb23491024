"""The symbol under the cursor comes next: said once it rests, and only while anything waits."""

from __future__ import annotations

import asyncio

import pytest

from console.preference import Preference
from engine import ActionRefused
from engine.status import Status

from . import scenes
from .stage import staged

RESTED_S = 0.75
"""Longer than the cursor must rest."""


class Engine:
    """What it was told, unless it refuses."""

    def __init__(self) -> None:
        self.wish: str | None = None
        self.told: list[str] = []
        self.is_deaf = False
        self.preference = Preference(self._prefer, lambda: self.wish, rest_s=0.05)

    async def _prefer(self, symbol: str) -> None:
        if self.is_deaf:
            raise ActionRefused("not now")
        self.told.append(symbol)

    async def point(self, wish: str | None, wait_s: float = 0.15) -> None:
        """Move the cursor."""
        self.wish = wish
        self.preference.turn()
        await asyncio.sleep(wait_s)


async def test_a_wish_is_told_once_it_rests_and_not_again() -> None:
    """Thirteen rows passed by a held key are no thirteen wishes."""
    engine = Engine()
    keeping = asyncio.create_task(engine.preference.keep())
    for symbol in ("A", "B", "C"):
        await engine.point(symbol, wait_s=0.0)
    await engine.point("D")
    await engine.point("D")
    await engine.point(None)
    engine.is_deaf = True
    await engine.point("E")
    engine.is_deaf = False
    await engine.point("E")
    keeping.cancel()

    assert ["D", "E"] == engine.told


@pytest.mark.parametrize(
    ("now", "keys", "rows"),
    [
        (scenes.middle_of_boot(), ("down", "down"), [2]),
        (scenes.middle_of_boot(), (), []),
        (scenes.middle_of_boot(), ("tab", "down"), []),
        (scenes.middle_of_boot(), ("2", "down"), []),
        (scenes.end_of_boot(), ("down", "down"), []),
    ],
    ids=["moved", "untouched", "processes", "another page", "open gate"],
)
async def test_the_symbol_under_the_cursor_comes_next_while_the_gate_is_closed(
    now: Status, keys: tuple[str, ...], rows: list[int]
) -> None:
    """Who looks at a row waits for it; who has moved nowhere waits for nothing."""
    app, client = staged(now)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys)
        await asyncio.sleep(RESTED_S)

    assert [now.symbols[row] for row in rows] == client.preferred
