"""Beside a running engine: checkpoints, scrub, repair behind the readers, throwing away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.attempt import Partner, attempt
from engine.bootstrap import begin_rebuild
from engine.degraded import DegradedCode
from engine.duties.housekeeping import BEAT_S, GRACE_S, keep_house, last_checkpoint
from engine.gate import GateState
from engine.proof.verify import verify
from tests.engine.builders import (
    GOLD,
    NOON,
    YEN,
    House,
    build_house,
    is_open,
    key,
    market_broker,
    minutes,
    running,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds import DiskFailed, Fenced, View, layout
from uds.folder_view import FolderView
from uds.memory_disk import MemoryDisk
from uds.model import MINUTE_MS, Symbol, Timeframe
from uds.reader import Reader

M1 = key(GOLD, Timeframe.M1)


@asynccontextmanager
async def kept(disk: MemoryDisk | None = None, start_ms: int = NOON) -> AsyncIterator[House]:
    """An engine of two symbols with its housekeeping, open."""
    config, clock = small_config(), VirtualClock(start_ms)
    house = await build_house(config, market_broker(config, clock), clock, disk)
    async with running(house):
        task = asyncio.create_task(keep_house(house.tools), name="housekeeping")
        await house.board.until(is_open)
        yield house
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def spoil(disk: MemoryDisk, timeframe: Timeframe) -> str:
    """Flip a bit of a price in the middle of gold's newest file of a timeframe."""
    folder = layout.series_folder(key(GOLD, timeframe))
    path = sorted(path for path in disk.files if path.startswith(f"{folder}/"))[-1]
    data = disk.files[path]
    at = data.index(b'"o":', len(data) // 2) + 4
    disk.files[path] = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    return path


def gold_generation(house: House) -> str:
    """What gold's readers get now."""
    return str(house.board.status.generations[GOLD])


@in_virtual_time
async def test_the_state_file_follows_the_minutes() -> None:
    """At most a second behind what is durable."""
    async with kept() as house:
        await asyncio.sleep(3 * 60)
        await asyncio.sleep(2)
        state = json.loads(house.disk.files[layout.STATE])
        watermark_ms = house.store.load(M1).last_open_ms

        assert sorted((GOLD, YEN)) == sorted(state["symbols"])
        assert watermark_ms == state["symbols"][GOLD]["watermarks"]["M1"]
        assert watermark_ms is not None
        assert watermark_ms > NOON


@in_virtual_time
async def test_a_bad_state_file_is_a_reason_until_the_next_checkpoint() -> None:
    """Loud, and healed by what heals it."""
    disk = MemoryDisk()
    async with kept(disk) as house:
        await asyncio.sleep(5)
        await last_checkpoint(house.tools)
    for name in (layout.STATE, layout.STATE_PREVIOUS):
        disk.files[name] = b"\0" * 99
    async with kept(disk, NOON + 10 * MINUTE_MS) as house:
        raised = house.codes | house.healed_codes
        await asyncio.sleep(3)

        assert DegradedCode.STATE_REBUILT.value in raised
        assert DegradedCode.STATE_REBUILT.value not in house.codes
        assert "catch_up" == house.board.status.mode.value  # type: ignore[union-attr]


@in_virtual_time
async def test_state_files_that_were_taken_away_are_missed_once() -> None:
    """Without both a used folder must not look like one that never had any."""
    disk = MemoryDisk()
    async with kept(disk) as house:
        assert DegradedCode.STATE_REBUILT.value not in house.codes | house.healed_codes
        await asyncio.sleep(5)
    for name in (layout.STATE, layout.STATE_PREVIOUS):
        disk.files.pop(name, None)
    async with kept(disk, NOON + 10 * MINUTE_MS) as house:
        raised = house.codes | house.healed_codes
        await asyncio.sleep(3)

        assert DegradedCode.STATE_REBUILT.value in raised
        assert DegradedCode.STATE_REBUILT.value not in house.codes


@in_virtual_time
async def test_the_file_before_is_used_and_it_is_said() -> None:
    """One torn write costs a second of knowledge, not the whole."""
    disk = MemoryDisk()
    async with kept(disk) as house:
        await asyncio.sleep(70)
        assert layout.STATE_PREVIOUS in house.disk.files
    disk.files[layout.STATE] = disk.files[layout.STATE][:-9]
    async with kept(disk, NOON + 10 * MINUTE_MS) as house:
        status, code = house.board.status, DegradedCode.STATE_FALLBACK_PREV
        (found,) = (r for r in (*status.reasons, *status.healed) if r.code is code)
        assert ["state_bad"] == [one.code for one in found.said]
        assert found.detail.startswith(f"{layout.STATE} cannot be used: ")


@in_virtual_time
async def test_damage_under_a_running_engine_is_repaired_behind_the_readers() -> None:
    """F8 live: loud, quarantined, refetched, a new generation; the other symbol notices nothing."""
    async with kept() as house:
        await asyncio.sleep(30)
        before, other = gold_generation(house), house.board.status.generations[YEN]
        tail = house.store.tail(GOLD)
        assert tail is not None
        path = spoil(house.disk, Timeframe.M1)
        await house.board.until(
            lambda s: any(r.code is DegradedCode.CORRUPT_JSONL for r in s.reasons)
        )
        assert tail.tails[Timeframe.M1].same_as(
            house.store.tail(GOLD).tails[Timeframe.M1]  # type: ignore[union-attr]
        )
        await house.board.until(lambda _: gold_generation(house) != before)
        await asyncio.sleep(1)
        served = house.store.tail(GOLD)

        assert served is not None
        assert DegradedCode.CORRUPT_JSONL.value not in house.codes
        assert tail.tails[Timeframe.M1].same_as(
            served.tails[Timeframe.M1].between(0, int(tail.tails[Timeframe.M1].last_close_ms or 0))
        )
        assert other == house.board.status.generations[YEN]
        assert any(p.startswith(layout.QUARANTINE_FOLDER) for p in house.disk.files)
        await asyncio.sleep(GRACE_S + 60)
        assert path in house.disk.files  # the previous generation's: kept for a fall back


@in_virtual_time
async def test_a_damaged_derived_file_is_derived_again() -> None:
    """The broker is not asked: its bars are made of stored M1."""
    async with kept() as house:
        await asyncio.sleep(30)
        before = gold_generation(house)
        m15 = house.store.load(key(GOLD, Timeframe.M15))
        spoil(house.disk, Timeframe.M15)
        await house.board.until(lambda _: gold_generation(house) != before)
        after = house.store.load(key(GOLD, Timeframe.M15))

        assert m15.same_as(after.between(0, int(m15.last_close_ms or 0)))


@in_virtual_time
async def test_superseded_generations_go_after_the_grace() -> None:
    """Live and previous stay on disk, whatever was before them goes."""
    async with kept() as house:
        folder = layout.commit_folder(GOLD)
        for _ in range(3):
            before = gold_generation(house)
            begin_rebuild(house.tools, GOLD)
            await house.board.until(lambda _, before=before: gold_generation(house) != before)
        count_at_flip = len(await house.disk.names(folder))
        await asyncio.sleep(GRACE_S + 2)

        assert 4 == count_at_flip
        assert 2 == len(await house.disk.names(folder))
        assert 1 == len(await house.disk.names(layout.commit_folder(YEN)))


@in_virtual_time
async def test_a_tail_that_somebody_deleted_comes_back() -> None:
    """The heartbeat sees owner and pointer only; a reader of Redis would go without its bars."""
    async with kept() as house:
        await asyncio.sleep(30)
        served = house.store.tail(GOLD)
        assert served is not None
        place = (GOLD, served.generation, Timeframe.H1)
        whole = house.cache.tails.pop(place)
        await house.board.until(
            lambda s: any(r.code is DegradedCode.REDIS_REGRESSED for r in (*s.reasons, *s.healed))
        )
        await asyncio.sleep(1)

        assert whole == house.cache.tails[place]
        assert DegradedCode.REDIS_REGRESSED.value not in house.codes


@in_virtual_time
async def test_bars_that_changed_in_ram_close_the_gate_until_the_disk_gave_them_back() -> None:
    """A wrong bar is worse than none: UNSAFE, then a new generation from what was durable."""
    async with kept() as house:
        await asyncio.sleep(30)
        served = house.store.tail(GOLD)
        assert served is not None
        right = served.tails[Timeframe.H1].c.copy()
        before = gold_generation(house)
        house.store.load(key(GOLD, Timeframe.H1)).c[2] += 1.0
        await house.board.until(lambda s: s.gate_state is GateState.UNSAFE)
        await house.board.until(lambda _: gold_generation(house) != before)
        await asyncio.sleep(2)
        again = house.store.tail(GOLD)

        assert again is not None
        assert right.tolist() == again.tails[Timeframe.H1].c[: len(right)].tolist()
        assert house.board.status.gate_state.is_open
        assert set() == house.codes


class SlowReads(MemoryDisk):
    """Another's look at the same platter, each read a while after the one before."""

    async def read(
        self, path: str, from_byte: int = 0, until_byte: int | None = None
    ) -> bytes | None:
        """What is there by then."""
        await asyncio.sleep(0.2)
        return await super().read(path, from_byte, until_byte)


@in_virtual_time
async def test_verify_accuses_nothing_while_generations_come_and_go_under_it() -> None:
    """It stays with the commit it pinned; a replaced generation's files may vanish at any read."""
    async with kept() as house:
        folder = FolderView(SlowReads(house.disk.platter))
        view = View(folder, Reader(house.cache), "memory", "coldstart")
        clock, seen = house.tools.clock, set()

        async def rebuild() -> None:
            while True:
                begin_rebuild(house.tools, GOLD)
                await asyncio.sleep(GRACE_S + 3)

        rebuilding = asyncio.create_task(rebuild())
        for _ in range(8):
            report = await verify(view, house.tools.config, clock, lambda symbol, share: None)
            seen.add(report.symbols[0].generation)
            said = [note["detail"] for note in report.document()["notes"]]
            assert [] == list(report.faults)
            assert [] == [note for note in said if "older" in note or "stands above" in note]
        rebuilding.cancel()

    assert len(seen) > 4
    assert gold_generation(house) > "00000001-0006"


@in_virtual_time
async def test_a_later_owner_is_seen_in_the_folder_alone() -> None:
    """One whose Redis is another, or who has none yet, is noticed at the next beat."""
    async with kept() as house:
        (task,) = (task for task in asyncio.all_tasks() if task.get_name() == "housekeeping")
        await asyncio.sleep(5)
        await house.disk.create(layout.owner_path(99), b"other\n")
        await asyncio.sleep(BEAT_S)

        assert task.done()
        assert isinstance(task.exception(), Fenced)


@in_virtual_time
async def test_who_was_fenced_leaves_the_state_file_to_its_successor() -> None:
    """All other files bear their owner's token; this one would be lost to a zombie's last word."""
    async with kept() as house:
        await asyncio.sleep(5)
        await house.disk.create(layout.owner_path(99), b"other\n")
        house.disk.files[layout.STATE] = b"the successor's"
        await house.store.append(M1, minutes(NOON + MINUTE_MS, 1))
        await last_checkpoint(house.tools)

        assert b"the successor's" == house.disk.files[layout.STATE]


@in_virtual_time
async def test_what_the_cache_watch_says_of_the_disk_no_reading_takes_back() -> None:
    """DISK_ERROR ends when a write succeeds; a scrub reads, and a checkpoint may have no news."""
    disk = MemoryDisk()
    async with kept(disk) as house:
        connect, is_bad = house.store.connect, True

        async def refused() -> None:
            if is_bad:
                raise DiskFailed("The server's record was not written.")
            await connect()

        house.store.connect = refused  # type: ignore[method-assign]
        house.cache.owners.clear()
        await house.board.until(lambda s: any(r.code is DegradedCode.DISK_ERROR for r in s.reasons))
        await asyncio.sleep(20)
        standing = [r for r in house.board.status.reasons if r.code is DegradedCode.DISK_ERROR]
        assert [1] == [reason.count for reason in standing]
        assert DegradedCode.DISK_ERROR.value not in house.healed_codes

        is_bad = False
        await asyncio.sleep(2)
        assert set() == house.codes


@in_virtual_time
async def test_what_cannot_be_removed_is_said_once_and_takes_nothing_else_back() -> None:
    """A file that nobody may remove stays for good; the same symbol's commit fails for itself."""
    async with kept() as house:
        collect, refused = house.store.collect, [DiskFailed("Operation not permitted.")]

        async def collected(symbol: Symbol) -> object:
            if refused:
                raise refused[0]
            return await collect(symbol)

        async def never() -> None:
            raise DiskFailed("Could not commit.")

        def standing() -> list[int]:
            place = DegradedCode.DISK_ERROR, GOLD
            return [r.count for r in house.board.status.reasons if (r.code, r.scope) == place]

        house.store.collect = collected  # type: ignore[method-assign, assignment]
        await asyncio.sleep(GRACE_S + 20)
        assert [1] == standing()

        commit = asyncio.create_task(attempt(house.tools, Partner.DISK, GOLD, never))
        await asyncio.sleep(BEAT_S / 2)
        refused.clear()
        await asyncio.sleep(2 * BEAT_S)
        assert standing()
        assert GOLD not in {reason.scope for reason in house.board.status.healed}
        commit.cancel()
