"""F3: M5 to H1 gone, from memory while it runs or from disk between two starts; H4 is not late."""

from __future__ import annotations

from pathlib import Path

from engine.derive import derive
from tests.engine.builders import GOLD, NOON, YEN, key
from uds.layout import series_folder
from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Bars, Timeframe

from .stage import Stage, rows, stage_config, staged

LOST = (Timeframe.M5, Timeframe.M15, Timeframe.M30, Timeframe.H1)
SETTLE_MS = 500
BEFORE_MINUTE_MS = 2_500
"""So long before the minute turns the engine opens; it is settled half a second after."""


def is_batch(stage: Stage) -> None:
    """M3 to H4 of both symbols, byte for byte what one batch makes of the served M1."""
    for symbol in (GOLD, YEN):
        served, market = stage.engine.store.tail(symbol), stage.engine.tools.markets[symbol]
        assert served is not None
        batch = derive(
            served.tails[Timeframe.M1],
            market.anchors,
            market.calendar,
            served.coverage,
            stage.engine.clock.now_ms(),
            market.settle_ms,
        )
        for timeframe in DERIVED_TIMEFRAMES:
            assert batch[timeframe].same_as(served.tails[timeframe]), (symbol, timeframe)


async def test_tails_lost_from_memory_are_made_again_with_the_next_minute(folder: Path) -> None:
    """Said with have and need when the minute finds them gone; every H4 is there."""
    open_ms = NOON + 60 * MINUTE_MS
    async with staged(stage_config(folder), open_ms - BEFORE_MINUTE_MS) as stage:
        await stage.opened()
        refused = stage.answers.refused
        for timeframe in LOST:
            stage.engine.store._series(key(GOLD, timeframe)).bars = Bars.empty()
        mark = stage.mark()
        loud_s = await stage.said(mark, "CASCADE_EMPTY")
        healed = stage.mark()
        healed_s = await stage.healed(healed, "CASCADE_EMPTY")
        await stage.until(lambda _: newest_ms(stage, GOLD) == newest_ms(stage, YEN) == open_ms)

        details = [r.detail for r in stage.status.healed if r.code.value == "CASCADE_EMPTY"]
        assert [f"XAU/USD/{tf.name}" for tf in LOST] == [text.split()[0] for text in details]
        assert refused == stage.answers.refused
        is_batch(stage)
        radius = stage.untouched(mark, (YEN,))
        minute_s = (open_ms + SETTLE_MS - mark.at_ms) / 1_000
        stage.note(
            "F3", "M5-H1 gone from memory", "CASCADE_EMPTY", minute_s, loud_s, healed_s, radius
        )


def newest_ms(stage: Stage, symbol: str) -> int | None:
    """Close of the newest M1 readers get."""
    served = stage.engine.store.tail(symbol)
    return served.tails[Timeframe.M1].last_close_ms if served else None


async def test_files_lost_between_two_starts_are_made_again_without_a_request(folder: Path) -> None:
    """Coverage says that the bars were there; the broker is asked for nothing on their account."""
    config = stage_config(folder)
    async with staged(config) as first:
        await first.opened()
        before = first.engine.store.tail(GOLD)
    for timeframe in LOST:
        for path in (folder / series_folder(key(GOLD, timeframe))).iterdir():
            path.unlink()

    # Half a minute later: whatever the first start derived is settled when the second one begins.
    async with staged(config, NOON + MINUTE_MS // 2) as stage:
        loud_s = await stage.said(stage.began, "CASCADE_EMPTY")
        detectable_s = await stage.said(stage.began, "CORRUPT_JSONL")
        healed_s = await stage.healed(stage.began, "CASCADE_EMPTY", "CORRUPT_JSONL") - loud_s
        await stage.opened()
        after = stage.engine.store.tail(GOLD)

        assert before is not None
        assert after is not None
        for timeframe in DERIVED_TIMEFRAMES:
            had = rows(before.tails[timeframe])
            assert had == rows(after.tails[timeframe])[: len(had)]
        is_batch(stage)
        requests = stage.status.broker.requests
        assert requests.get("M1", 0) <= 2
        radius = f"{sum(requests.values())} requests; {stage.untouched(stage.began, ())}"
        stage.note(
            "F3", "M5-H1 gone from disk", "CASCADE_EMPTY", detectable_s, loud_s, healed_s, radius
        )
