"""A commit, beside one atomic manifest; the segments before it; the checkpoint after it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from engine.config import Config
from uds import Store, layout
from uds.model import Bars, SeriesKey, Symbol, Timeframe

from .disk_floor import write_atomically
from .session import Row, Target, Watch, print_table
from .turns import Step, take_turns
from .waist_case import COLD_START_BARS, history
from .waist_store import Asked, bench_folder, commit_all, fill, opened, terms_of

_FLOOR = "floor: one atomic manifest (write, fsync, rename, folder)"
_ONE = "commit of one symbol"
_ALL = "commit of 13, one after another"
_TOGETHER = "commit of 13, together"
_SEGMENTS_ONE = "before it: 8 segments of one symbol durable"
_SEGMENTS_ALL = "before it: 104 segments of 13 durable"
_FLOOR_STATE = "floor: as many bytes, atomically"
_CHECKPOINT = "checkpoint of 13 symbols, a minute each"
_D1_BARS = 180
_Data = Mapping[Symbol, Mapping[Timeframe, Bars]]


def measure(config: Config, rounds: int) -> list[Target]:
    """Time both, print the tables."""
    data = history(config, config.symbols, COLD_START_BARS + rounds, _D1_BARS)
    with bench_folder() as (folder, asked):
        store_context = opened(terms_of(config), folder)
        store = asked(store_context.__aenter__())
        asked(commit_all(store, _without_newest(data, rounds + 2)))
        targets = _commits(store, asked, folder, data, rounds)
        _checkpoints(store, asked, folder, data, rounds)
        asked(store_context.__aexit__(None, None, None))
    return targets


def _commits(store: Store, asked: Asked, folder: Path, data: _Data, rounds: int) -> list[Target]:
    symbols, timeframes = store.terms.symbols, store.terms.timeframes
    some = symbols[0]
    generation = asked(store.commit(some))
    document = (folder / layout.manifest_path(some, generation)).read_bytes()

    def begin(*chosen: Symbol) -> None:
        for symbol in chosen:
            store.begin(symbol, keeping=timeframes)

    async def one_by_one() -> None:
        for symbol in symbols:
            await store.commit(symbol)

    async def together() -> None:
        await asyncio.gather(*(store.commit(symbol) for symbol in symbols))

    async def segments(*chosen: Symbol) -> None:
        for symbol in chosen:
            await fill(store, symbol, data[symbol])

    steps = {
        _FLOOR: Step(lambda: write_atomically(folder, "floor.json", document)),
        _ONE: Step(lambda: asked(store.commit(some)), lambda: begin(some)),
        _ALL: Step(lambda: asked(one_by_one()), lambda: begin(*symbols)),
        _TOGETHER: Step(lambda: asked(together()), lambda: begin(*symbols)),
        _SEGMENTS_ONE: Step(lambda: asked(segments(some))),
        _SEGMENTS_ALL: Step(lambda: asked(segments(*symbols)), prepare=lambda: None),
    }
    watch = Watch()
    turns = take_turns(steps, rounds)
    print_table(
        watch.heading(f"commits, manifest of {len(document):,} bytes, {rounds} rounds"),
        [Row(name, turns.pass_s(name), turns.ratio(name, _FLOOR)) for name in steps],
        "x floor",
    )
    asked(one_by_one())
    return [
        Target("commit of one symbol / one atomic manifest", turns.ratio(_ONE, _FLOOR), 3),
        Target("commit of all 13 / one atomic manifest", turns.ratio(_ALL, _FLOOR), 24),
    ]


def _checkpoints(store: Store, asked: Asked, folder: Path, data: _Data, rounds: int) -> None:
    """The live generations get a minute each, then the state file is written."""
    symbols = store.terms.symbols

    async def serve() -> None:
        await store.connect()
        for symbol in symbols:
            await fill(store, symbol, _without_newest(data, rounds + 2)[symbol])
            await store.commit(symbol)
            await store.prime(symbol)
            await store.flip(symbol)
        await store.checkpoint(0)

    asked(serve())
    minutes = iter(range(rounds + 2, 0, -1))

    async def live_minute() -> None:
        left = next(minutes)
        for symbol in symbols:
            m1 = data[symbol][Timeframe.M1]
            await store.append(SeriesKey(symbol, Timeframe.M1), m1.take(slice(-left, -left + 1)))

    saved_ms = iter(range(1, rounds + 2))
    document = (folder / layout.STATE).read_bytes()
    steps = {
        _FLOOR_STATE: Step(lambda: write_atomically(folder, "floor.json", document)),
        _CHECKPOINT: Step(
            lambda: asked(store.checkpoint(next(saved_ms))), lambda: asked(live_minute())
        ),
    }
    watch = Watch()
    turns = take_turns(steps, rounds)
    print_table(
        watch.heading(f"checkpoint, state file of {len(document):,} bytes, {rounds} rounds"),
        [Row(name, turns.pass_s(name), turns.ratio(name, _FLOOR_STATE)) for name in steps],
        "x floor",
    )


def _without_newest(data: _Data, count: int) -> dict[Symbol, dict[Timeframe, Bars]]:
    return {
        symbol: {**series, Timeframe.M1: series[Timeframe.M1].take(slice(0, -count))}
        for symbol, series in data.items()
    }
