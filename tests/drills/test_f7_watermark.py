"""F7: a symbol without a single bar is said at once; the known one starts as if nothing were."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.broker.faulty import FaultKind
from tests.engine.builders import GOLD, YEN, key
from uds.model import Timeframe

from .stage import Stage, stage_config, staged

HELD_S = 0.5
FIRST_BAR_S = 8.0


async def test_a_new_symbol_is_said_and_served_once_the_source_has_it(folder: Path) -> None:
    """WATERMARK_MISSING of its cells; its first bar comes within 8 s of the source's."""
    async with staged(stage_config(folder, GOLD)) as known:
        await known.opened()

    def say_nothing(stage: Stage) -> None:
        stage.hit(FaultKind.EMPTY, symbol=YEN)

    async with staged(stage_config(folder), before=say_nothing) as stage:
        loud_s = await stage.said(stage.began, "WATERMARK_MISSING")
        detectable_s = next(
            (p.at_ms - stage.began.at_ms) / 1_000
            for p in stage.events(stage.began)
            if type(p.event).__name__ == "ModesDecided"
        )
        await stage.until(lambda status: GOLD in status.generations)
        mark = stage.mark()
        await asyncio.sleep(HELD_S)
        assert {"WATERMARK_MISSING"} == stage.codes
        assert 0 == stage.answers.given
        stage.broker.heal()
        healed = stage.mark()
        first_s = await stage.until(
            lambda status: (status.cells[key(YEN, Timeframe.M1)].watermark_ms or 0) > 0, healed
        )
        healed_s = await stage.healed(healed, "WATERMARK_MISSING")

        assert first_s <= FIRST_BAR_S
        radius = stage.untouched(mark, (GOLD,))
        stage.note(
            "F7", "new symbol, no bar", "WATERMARK_MISSING", detectable_s, loud_s, healed_s, radius
        )
