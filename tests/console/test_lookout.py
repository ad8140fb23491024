"""What a page shows beyond the status: asked for while it is shown, and at no other time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from console.lookout import Lookout, Wish
from engine import ActionRefused, EngineSilent

ONE, TWO = Wish("timeline", (), 60.0), Wish("xray", (("symbol", "NGAS"),), 60.0)


class Page:
    """What the operator looks at, and what the engine was asked."""

    def __init__(self) -> None:
        self.wish: Wish | None = None
        self.refusal: Exception | None = None
        self.asked: list[tuple[str, Mapping[str, object]]] = []
        self.told: list[tuple[Wish, object]] = []
        self.lookout = Lookout(self._look, lambda: self.wish, lambda *told: self.told.append(told))

    async def turned(self, wish: Wish | None) -> None:
        """Turn a page and let it be looked at."""
        self.wish = wish
        self.lookout.turn()
        await asyncio.sleep(0.02)

    async def _look(self, op: str, args: Mapping[str, object]) -> object:
        self.asked.append((op, args))
        if self.refusal is not None:
            raise self.refusal
        return len(self.asked)


async def test_each_page_is_asked_for_at_once_and_once() -> None:
    """A drawing turns nothing: ten of them a second must not become ten questions."""
    page = Page()
    keeping = asyncio.create_task(page.lookout.keep())
    await page.turned(None)
    assert [] == page.asked
    await page.turned(ONE)
    await page.turned(ONE)
    await page.turned(TWO)
    await page.turned(None)
    keeping.cancel()

    assert [("timeline", {}), ("xray", {"symbol": "NGAS"})] == page.asked
    assert [(ONE, 1), (TWO, 2)] == page.told


async def test_a_page_that_is_watched_is_asked_for_again() -> None:
    """A start that is under way moves."""
    page = Page()
    page.wish = ONE._replace(every_s=0.01)
    keeping = asyncio.create_task(page.lookout.keep())
    await asyncio.sleep(0.15)
    keeping.cancel()

    assert 3 <= len(page.asked) <= 16


@pytest.mark.parametrize("refusal", [ActionRefused("no"), EngineSilent("late")])
async def test_an_engine_that_does_not_answer_changes_nothing(refusal: Exception) -> None:
    """The page stays as it was; the header says that the engine is gone."""
    page = Page()
    page.refusal = refusal
    keeping = asyncio.create_task(page.lookout.keep())
    await page.turned(ONE)
    page.refusal = None
    await page.turned(TWO)
    keeping.cancel()

    assert [TWO] == [wish for wish, _ in page.told]
