"""The first start over a folder of the platform of before: what is taken, doubted and said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from engine.calendars.buckets import bucket_opens
from engine.config import Config
from engine.history.adoption import LOOK_S, REST_S, Adoption
from engine.history.legacy_evidence import QUIET_MINUTES_MAX
from engine.status import Mode
from tests.engine.builders import (
    CAD,
    GOLD,
    NOON,
    YEN,
    build_house,
    is_open,
    key,
    market_broker,
    simulated_market,
    small_config,
)
from tests.engine.old_folders import (
    BEGIN,
    DAY_MS,
    HOUR_MS,
    Folder,
    adopting,
    derived_of,
    expect_market,
    start,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.legacy import LegacyFolder
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import MINUTE_MS, Bars, Timeframe

LONG_AGO = NOON - 12 * HOUR_MS


@in_virtual_time
async def test_old_m1_are_taken_and_only_the_pause_is_fetched() -> None:
    """Five days of minutes cost no request; every cell is what a batch over them gives."""
    config = small_config(GOLD)
    old = Folder(config)
    before = dict(old.files)
    found = await start(config, old)

    assert (Mode.CATCH_UP, Mode.CATCH_UP) == (found.status.mode, found.status.modes[GOLD])
    assert "legacy files, 30 min of open market away" in found.status.mode_reason
    assert 30 >= found.asked_minutes()
    expect_market(found, config, BEGIN)
    assert old.d1.same_as(found.tail(Timeframe.D1).tail(len(old.d1)))
    assert "00000001-0001" == str(found.status.generations[GOLD])
    assert before == {p: data for p, data in found.house.disk.files.items() if "/part-" in p}
    assert set() == found.house.codes | found.house.healed_codes
    assert ["adopt"] == [s.name for s in found.house.tools.timeline.spans if s.name == "adopt"]


@in_virtual_time
async def test_the_next_start_knows_the_old_files_no_more() -> None:
    """They were adopted into a commit; whatever happens to them afterwards is not ours."""
    config = small_config(GOLD)
    first = await start(config, Folder(config))
    for path in [path for path in first.house.disk.files if "/part-" in path]:
        first.house.disk.files[path] = b"garbage\n"
    again = await start(config, disk=first.house.disk)

    assert [] == again.broker.asked
    assert "legacy" not in again.status.mode_reason
    for timeframe in Timeframe:
        assert first.tail(timeframe).same_as(again.tail(timeframe))


@in_virtual_time
async def test_a_long_pause_is_bootstrapped_in_part_and_keeps_the_depth() -> None:
    """Twelve hours of open market are more than four; the window is fetched, the rest stays."""
    config = small_config(GOLD, bootstrap__warmup_bars__M1=900)
    found = await start(config, Folder(config, until_ms=LONG_AGO))

    assert Mode.PARTIAL_BOOTSTRAP is found.status.mode
    assert "legacy files, 720 min of open market away" in found.status.mode_reason
    assert found.asked_minutes() > 900
    assert BEGIN == found.house.store.load(key(GOLD, Timeframe.M1)).first_open_ms
    expect_market(found, config, BEGIN)


@in_virtual_time
async def test_a_symbol_without_old_files_starts_cold_beside_one_with_them() -> None:
    """Each symbol is its own; the platform's mode is that of the known one."""
    config = small_config(GOLD, CAD)
    found = await start(config, Folder(config))

    assert {GOLD: Mode.CATCH_UP, CAD: Mode.COLD} == dict(found.status.modes)
    assert Mode.CATCH_UP is found.status.mode
    assert found.asked_minutes(CAD) > 300


@in_virtual_time
async def test_a_history_longer_than_the_tail_is_derived_whole() -> None:
    """What leaves the RAM must have been derived before: a tail of 60 bars, twenty days."""
    tails = dict.fromkeys((tf.name for tf in Timeframe), 60)
    config = small_config(GOLD, redis__tail_bars=tails)
    old = Folder(config, begin_ms=NOON - 20 * DAY_MS)
    found = await start(config, old)
    deep = await start(
        config.model_copy(
            update={
                "redis": config.redis.model_copy(
                    update={"tail_bars": dict.fromkeys(Timeframe, 10**6)}
                )
            }
        ),
        disk=found.house.disk,
    )

    m1 = simulated_market(config).m1(GOLD, old.begin_ms, NOON)
    m1 = m1.take(m1.close_time_ms <= NOON - 15_000)
    assert m1.same_as(deep.tail(Timeframe.M1))
    for timeframe, bars in derived_of(config, GOLD, m1, NOON, 15_000).items():
        assert bars.same_as(deep.tail(timeframe)), timeframe


@in_virtual_time
async def test_lines_in_any_order_and_number_make_the_same_cells() -> None:
    """The law of derive does not know how the files were kept."""
    config = small_config(GOLD)
    old = Folder(config)
    chance = Random(11)
    lines = b"".join(old.files[p] for p in sorted(old.files) if "tf_60/" in p).splitlines(True)
    lines += chance.sample(lines, 700)
    chance.shuffle(lines)
    cuts = sorted(chance.sample(range(len(lines)), 3))
    old.files = {p: data for p, data in old.files.items() if "tf_60/" not in p}
    for number, (a, b) in enumerate(pairwise([0, *cuts, len(lines)])):
        old.files[f"XAU_USD/tf_60/part-2026010{number + 1}.jsonl"] = b"".join(lines[a:b])
    found = await start(config, old)

    assert Mode.CATCH_UP is found.status.mode
    expect_market(found, config, BEGIN)


@in_virtual_time
async def test_a_long_hole_is_fetched_and_a_short_silence_believed() -> None:
    """The old platform may have been down; nobody asks again for each quiet minute."""
    config = small_config(GOLD)
    old = Folder(config)
    broken = NOON - 5 * HOUR_MS
    quiet = NOON - 2 * HOUR_MS
    opens = old.m1.open_time_ms
    lost = (opens >= broken) & (opens < broken + 60 * MINUTE_MS)
    silent = (opens >= quiet) & (opens < quiet + QUIET_MINUTES_MAX * MINUTE_MS)
    old.put(Timeframe.M1, old.m1.take(~lost & ~silent))
    found = await start(config, old)

    asked = found.broker.asked_for(GOLD, Timeframe.M1)
    present = found.tail(Timeframe.M1).open_time_ms
    assert 1 == sum(
        one.from_ms <= broken and broken + 60 * MINUTE_MS <= one.until_ms for one in asked
    )
    assert 100 >= found.asked_minutes()
    assert np.isin(opens[lost], present).all()
    assert not np.isin(opens[silent], present).any()


@in_virtual_time
async def test_bad_lines_are_said_their_day_is_fetched_and_it_heals() -> None:
    """F8 for a folder without checksums: which minute was lost is not known, its day is."""
    config = small_config(GOLD)
    old = Folder(config)
    path = max(p for p in old.files if "tf_60/" in p)
    lines = old.files[path].splitlines(True)
    old.files[path] = b"".join([*lines[:100], b'{"broken\n', *lines[101:]])
    found = await start(config, old, live_s=2 * LOOK_S)

    assert {"CORRUPT_JSONL"} == found.house.healed_codes
    assert set() == found.house.codes
    assert Mode.CATCH_UP is found.status.mode
    assert 12 * 60 + 1 >= found.asked_minutes() > 11 * 60
    expect_market(found, config, BEGIN, now_ms=NOON + round(2_000 * LOOK_S))


@in_virtual_time
async def test_damage_out_of_reach_of_the_warm_up_is_said_until_depth_has_fetched_it() -> None:
    """A start fetches its window only: that day comes behind the gate, in the lowest lane."""
    config = small_config(GOLD)
    old = Folder(config)
    path = sorted(p for p in old.files if "tf_60/" in p)[1]
    old.files[path] += b"garbage\n"
    found = await start(config, old, live_s=2 * LOOK_S)

    assert ["CORRUPT_JSONL"] == [reason.code.value for reason in found.status.reasons]
    (reason,) = (r for r in found.house.board.status.healed if r.code.value == "CORRUPT_JSONL")
    assert key(GOLD, Timeframe.M1) == reason.scope
    assert f"{path}: 1 lines from line" in reason.detail
    assert set() == found.house.codes
    assert 2 * 24 * 60 >= found.asked_minutes() >= 22 * 60


@in_virtual_time
async def test_d1_of_another_anchor_are_fetched_again(caplog: pytest.LogCaptureFixture) -> None:
    """A day that opens at midnight is another day."""
    config = small_config(GOLD)
    old = Folder(config)
    opens = bucket_opens(old.d1.open_time_ms, Timeframe.D1, config.anchors.anchors()) + 2 * HOUR_MS
    old.put(Timeframe.D1, replace(old.d1, open_time_ms=opens))
    found = await start(config, old)

    assert 1 == len(found.broker.asked_for(GOLD, Timeframe.D1))
    assert 5 == len(found.tail(Timeframe.D1))
    assert "do not all open at 17:00 America/New_York" in caplog.text


@in_virtual_time
async def test_a_damaged_day_of_d1_is_fetched_again() -> None:
    """Coverage of days is by whole days: a hole inside one would never be asked for."""
    config = small_config(GOLD)
    old = Folder(config)
    path = sorted(p for p in old.files if "tf_86400/" in p)[-2]
    old.files[path] = b'{"broken\n'
    found = await start(config, old, live_s=2 * LOOK_S)

    assert 1 == len(found.broker.asked_for(GOLD, Timeframe.D1))
    assert old.d1.same_as(found.tail(Timeframe.D1).tail(len(old.d1)))
    assert {"CORRUPT_JSONL"} == found.house.healed_codes


@in_virtual_time
async def test_old_m5_to_h4_are_compared_and_never_taken(caplog: pytest.LogCaptureFixture) -> None:
    """The old platform's derived bars were half dead after each start; ours are made of M1."""
    config = small_config(GOLD)
    old = Folder(config)
    m5, h1 = old.derived(Timeframe.M5), old.derived(Timeframe.H1)
    wrong = m5.h.copy()
    wrong[7:9] += 1.0
    old.put(Timeframe.M5, replace(m5, h=wrong).take(slice(0, -3)))
    old.put(Timeframe.H1, h1)
    with caplog.at_level(logging.INFO):
        found = await start(config, old)

    expect_market(found, config, BEGIN)
    first = np.datetime64(int(m5.open_time_ms[7]), "ms").astype("M8[m]").astype(str)
    (said,) = [r.getMessage() for r in caplog.records if "XAU/USD/M5: " in r.getMessage()]
    assert f"{len(m5) - 5:,} bars of the old files equal those made of their M1" in said
    assert f"2 differ, the first {first.replace('T', ' ')}Z with h {wrong[7]:g}" in said
    assert "3 are made that the old files do not have" in said
    assert [f"XAU/USD/H1: {len(h1):,} bars of the old files equal those made of their M1."] == [
        r.getMessage() for r in caplog.records if "XAU/USD/H1: " in r.getMessage()
    ]


def previous_close(bars: Bars) -> Bars:
    """The same bars opened at the close before."""
    o = np.append(bars.o[:1], bars.c[:-1])
    return replace(bars, o=o, h=np.maximum(bars.h, o), low=np.minimum(bars.low, o))


@in_virtual_time
@pytest.mark.parametrize(("is_whole", "word"), [(True, "previous_close"), (False, "mixed")])
async def test_m1_of_another_open_mode_are_not_mixed_in(is_whole: bool, word: str) -> None:
    """Highs and lows of two modes are not comparable: its M1 and D1 are fetched."""
    config = small_config(GOLD, broker__open_mode="first_tick")
    old = Folder(config)
    half = 0 if is_whole else len(old.m1) // 2
    old.put(
        Timeframe.M1,
        old.m1.take(slice(0, half)).merged(previous_close(old.m1.take(slice(half, None)))),
    )
    found = await start(config, old)

    assert (Mode.COLD, f"XAU/USD: legacy files, stored bars are {word}") == (
        found.status.mode,
        found.status.mode_reason,
    )
    assert 1 == len(found.broker.asked_for(GOLD, Timeframe.D1))
    expect_market(found, config, found.tail(Timeframe.M1).first_open_ms or 0)
    assert set() == found.house.codes
    assert (set() if is_whole else {"OPEN_MODE_MIXED"}) == found.house.healed_codes


@in_virtual_time
async def test_a_platform_that_still_writes_is_said_until_it_rests() -> None:
    """Two platforms on one folder is an accident; the operator must hear of it."""
    config = small_config(GOLD)
    old = Folder(config)
    path = max(p for p in old.files if "tf_60/" in p)
    codes: list[set[str]] = []

    def write(disk: MemoryDisk) -> None:
        disk.files[path] = disk.files[path] + b"\n"

    async with _living(config, old, write, codes):
        pass

    assert [set(), {"LEGACY_WRITER_ACTIVE"}, {"LEGACY_WRITER_ACTIVE"}, set()] == codes


@asynccontextmanager
async def _living(
    config: Config, old: Folder, write: Callable[[MemoryDisk], None], codes: list[set[str]]
) -> AsyncIterator[None]:
    """Note the reasons at rest, after a write, shortly before the rest is long enough, after."""
    disk = MemoryDisk()
    disk.files.update(old.files)
    clock = VirtualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock, disk, MemoryCache())
    async with adopting(house):
        await house.board.until(is_open)
        await asyncio.sleep(3 * LOOK_S)
        codes.append(house.codes)
        write(disk)
        await asyncio.sleep(1.5 * LOOK_S)
        codes.append(house.codes)
        await asyncio.sleep(REST_S - 3 * LOOK_S)
        codes.append(house.codes)
        await asyncio.sleep(3 * LOOK_S)
        codes.append(house.codes)
    yield


class BusyDisk(MemoryDisk):
    """The old platform appends a minute to its newest file while that is read."""

    def __init__(self, old: Folder) -> None:
        super().__init__()
        self.path = max(p for p in old.files if "tf_60/" in p)
        self.line = old.files[self.path].splitlines(True)[-1]
        self.files.update(old.files)
        self.files[self.path] = self.files[self.path].removesuffix(self.line)

    async def read(
        self, path: str, from_byte: int = 0, until_byte: int | None = None
    ) -> bytes | None:
        """The file as it is; then its last minute is written."""
        data = await super().read(path, from_byte, until_byte)
        if path == self.path and data is not None and not data.endswith(self.line):
            self.files[path] = data + self.line
        return data


@in_virtual_time
async def test_what_is_written_while_it_is_read_is_read_again() -> None:
    """The newest minute is the one a catch-up begins behind."""
    config = small_config(GOLD)
    old = Folder(config)
    found = await start(config, disk=BusyDisk(old))

    assert {"LEGACY_WRITER_ACTIVE"} == found.house.codes
    assert 30 >= found.asked_minutes()
    expect_market(found, config, BEGIN)


@in_virtual_time
async def test_a_start_that_was_killed_in_between_is_begun_again() -> None:
    """Nothing was committed, so the old files are still the truth; the pages are no harm."""
    config = small_config(GOLD, YEN)
    disk = MemoryDisk()
    for symbol in (GOLD, YEN):
        disk.files.update(Folder(config, symbol).files)
    clock = VirtualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock, disk, MemoryCache())
    await house.store.recover(GOLD)
    assert await Adoption(LegacyFolder(disk)).adopt(house.tools, GOLD) is not None
    found = await start(config, disk=disk)

    assert {GOLD: Mode.CATCH_UP, YEN: Mode.CATCH_UP} == dict(found.status.modes)
    for symbol in (GOLD, YEN):
        expect_market(found, config, BEGIN, symbol)
