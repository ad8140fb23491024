"""The simulated disk: kills, power cuts and pauses before every single step, and its own honesty.

Each promise of the Disk seam is a `Promise`: what is there before, what is done, and what must
hold of the files while it is under way and once it has returned. The same table proves the
scripts and convicts the planted bugs: a promise that no missing sync can break proves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random

import pytest

from uds.errors import DiskFailed, FolderLocked
from uds.fault import Fault
from uds.incarnation import Incarnation, Revoked
from uds.memory_disk import MemoryDisk, NodeCrashed, Platter
from uds.ports import Append

Found = Mapping[str, bytes]
SEEDS = range(12)


class CutBefore:
    """Cuts the power, or kills, before the number-th step; counts those that it lets pass."""

    def __init__(self, number: int, end: Callable[[], None]) -> None:
        self.number = number
        self.end = end
        self.passed = 0

    async def before(self, name: str, path: str) -> Fault | None:
        """End it all when the time has come."""
        if self.passed == self.number:
            self.end()
        self.passed += 1
        return None


class PauseBefore:
    """Stops the node before the number-th step until it is let go: SIGSTOP and SIGCONT."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.passed = 0
        self.is_reached = asyncio.Event()
        self.may_go = asyncio.Event()

    async def before(self, name: str, path: str) -> Fault | None:
        """Wait when the time has come."""
        if self.passed == self.number:
            self.is_reached.set()
            await self.may_go.wait()
        self.passed += 1
        return None


@dataclass(frozen=True)
class Promise:
    """What one operation promises about a power cut."""

    name: str
    """What it is called in a report of pytest."""
    before: Callable[[MemoryDisk], Awaitable[object]]
    """Makes what is there and durable."""
    do: Callable[[MemoryDisk], Awaitable[object]]
    """The operation."""
    meanwhile: Callable[[Found], bool]
    """What holds as long as it has not returned."""
    afterwards: Callable[[Found], bool]
    """What holds once it has."""
    bugs: tuple[str, ...]
    """Steps each of which it cannot do without."""
    may_be_repeated: bool = True
    """Whether doing it twice leaves what doing it once leaves."""


async def nothing(_: MemoryDisk) -> None:
    """An empty disk."""


async def two_states(disk: MemoryDisk) -> None:
    """A state file and the one before."""
    await disk.replace("state", b"state 1", keep_as="state.prev")
    await disk.replace("state", b"state 2", keep_as="state.prev")


def whole_states(found: Found) -> bool:
    """Neither a missing state nor a part of one."""
    states = [b"state %d" % n for n in (1, 2, 3)]
    return found.get("state") in states and found.get("state.prev") in states


PROMISES = (
    Promise(
        "an appended batch stays, and comes in order",
        lambda disk: disk.append([Append("a/old", b"old ")]),
        lambda disk: disk.append([Append("a/old", b"new"), Append("a/b/x", b"x" * 20)]),
        lambda found: (
            found["a/old"].startswith(b"old ")
            and ("a/b/x" not in found or b"old new" == found["a/old"])
        ),
        lambda found: found["a/old"] == b"old new" and found.get("a/b/x") == b"x" * 20,
        ("append.Sync", "append.SyncFolder"),
        may_be_repeated=False,
    ),
    Promise(
        "a created file stays",
        nothing,
        lambda disk: disk.create("owner/00000001", b"boot"),
        lambda found: set(found) <= {"owner/00000001"},
        lambda found: dict(found) == {"owner/00000001": b"boot"},
        ("create.Sync", "create.SyncFolder"),
        may_be_repeated=False,
    ),
    Promise(
        "a replaced file is the old or the new one",
        two_states,
        lambda disk: disk.replace("state", b"state 3"),
        whole_states,
        lambda found: found["state"] == b"state 3" and found["state.prev"] == b"state 1",
        ("replace.Sync", "replace.SyncFolder"),
    ),
    Promise(
        "of a replaced file the one before stays",
        two_states,
        lambda disk: disk.replace("state", b"state 3", keep_as="state.prev"),
        whole_states,
        lambda found: found["state"] == b"state 3" and found["state.prev"] == b"state 2",
        ("replace.Sync", "replace.SyncFolder"),
        may_be_repeated=False,
    ),
    Promise(
        "a commit stays, and is whole",
        lambda disk: disk.replace("manifest/1", b"truth"),
        lambda disk: disk.link("manifest/1", "commit/1"),
        lambda found: found["manifest/1"] == b"truth" == found.get("commit/1", b"truth"),
        lambda found: found.get("commit/1") == b"truth",
        ("link.SyncFolder",),
    ),
    Promise(
        "a torn tail stays cut off",
        lambda disk: disk.append([Append("x", b"good torn")]),
        lambda disk: disk.truncate("x", 4),
        lambda found: found["x"].startswith(b"good"),
        lambda found: found["x"] == b"good",
        ("truncate.Sync",),
    ),
    Promise(
        "a collected file stays away, and no other goes",
        lambda disk: disk.append([Append("a/x", b"1"), Append("a/y", b"2")]),
        lambda disk: disk.remove(["a/x"]),
        lambda found: found["a/y"] == b"2" and found.get("a/x", b"1") == b"1",
        lambda found: dict(found) == {"a/y": b"2"},
        ("remove.SyncFolder",),
    ),
)


async def attempt(
    promise: Promise, number: int, seed: int, bug: str | None = None, is_kill: bool = False
) -> tuple[bool, Platter]:
    """Cut off before the number-th step: whether it had returned by then, and what is left."""
    platter, random = Platter(), Random(seed)
    await promise.before(MemoryDisk(platter))
    seam = CutBefore(number, platter.crash if is_kill else partial(platter.power_cut, random))
    disk = MemoryDisk(platter, seam, frozenset({bug} if bug else ()))
    try:
        await promise.do(disk)
    except NodeCrashed:
        return False, platter
    seam.end()
    return True, platter


async def each_cut(
    promise: Promise, bug: str | None = None, is_kill: bool = False
) -> list[tuple[bool, Found]]:
    """(returned, files) after an end before each step and after the last one."""
    outcomes: list[tuple[bool, Found]] = []
    for seed in SEEDS:
        has_returned, number = False, 0
        while not has_returned:
            has_returned, platter = await attempt(promise, number, seed, bug, is_kill)
            outcomes.append((has_returned, dict(platter.files)))
            number += 1
    return outcomes


def keeps(promise: Promise, outcomes: list[tuple[bool, Found]]) -> bool:
    """Whether a promise was kept in every outcome."""
    return all(
        promise.afterwards(found) if has_returned else promise.meanwhile(found)
        for has_returned, found in outcomes
    )


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
@pytest.mark.parametrize("is_kill", [True, False], ids=["kill -9", "power cut"])
async def test_every_promise_survives_an_end_before_every_step(
    promise: Promise, is_kill: bool
) -> None:
    """Exhaustive in the steps, drawn in what a cut takes: durable means durable (Z3, Z6)."""
    outcomes = await each_cut(promise, is_kill=is_kill)

    assert keeps(promise, outcomes)
    assert {True, False} == {has_returned for has_returned, _ in outcomes}


@pytest.mark.parametrize(
    ("promise", "bug"),
    [(promise, bug) for promise in PROMISES for bug in promise.bugs],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
async def test_every_missing_sync_is_found(promise: Promise, bug: str) -> None:
    """Zero losses mean nothing as long as a planted bug loses nothing either."""
    assert not keeps(promise, await each_cut(promise, bug))


@pytest.mark.parametrize(
    "promise", [p for p in PROMISES if p.may_be_repeated], ids=lambda promise: promise.name
)
async def test_whoever_comes_after_a_kill_may_repeat_it(promise: Promise) -> None:
    """What the killed one left is visible but perhaps not durable; the repetition must be."""
    for seed in SEEDS:
        has_returned, number = False, 0
        while not has_returned:
            has_returned, platter = await attempt(promise, number, seed, is_kill=True)
            await promise.do(MemoryDisk(platter))
            platter.power_cut(Random(seed))
            assert promise.afterwards(platter.files)
            number += 1


async def test_whoever_appends_to_a_file_of_a_killed_one_makes_its_name_durable() -> None:
    """It exists, but nobody synced the folders it is in: the bytes would go with the name."""
    killed_count = 0
    for number in range(9):
        for seed in SEEDS:
            platter = Platter()
            killed = MemoryDisk(platter, CutBefore(number, platter.crash))
            try:
                await killed.append([Append("a/b/x", b"1")])
            except NodeCrashed:
                killed_count += 1
            await MemoryDisk(platter).append([Append("a/b/x", b"2")])
            platter.power_cut(Random(seed))
            assert platter.files["a/b/x"] in (b"2", b"12")
    assert 8 * len(SEEDS) == killed_count


async def test_a_second_boot_never_gets_the_token_of_one_that_used_it() -> None:
    """Whatever a kill or a power cut left of the first creation (F10)."""
    for seed in SEEDS:
        for number in range(6):
            platter, random = Platter(), Random(seed)
            seam = CutBefore(number, partial(platter.power_cut, random))
            try:
                has_token = await MemoryDisk(platter, seam).create("owner/1", b"first")
            except NodeCrashed:
                continue
            platter.power_cut(random)
            assert has_token
            assert not await MemoryDisk(platter).create("owner/1", b"second")
            assert b"first" == platter.files["owner/1"]


# -- many nodes -----------------------------------------------------------------------------------


class Dice:
    """Lets others go first, as often as the dice say."""

    def __init__(self, random: Random) -> None:
        self.random = random

    async def before(self, name: str, path: str) -> Fault | None:
        """Yield a few times."""
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)
        return None


@pytest.mark.parametrize("seed", range(20))
async def test_of_many_nodes_one_creates(seed: int) -> None:
    """Step by step interleaved, not only call by call (F10)."""
    platter, random = Platter(), Random(seed)
    nodes = [MemoryDisk(platter, Dice(random)) for _ in range(5)]
    won = await asyncio.gather(*(node.create("owner/1", b"%d" % n) for n, node in enumerate(nodes)))

    assert 1 == sum(won)
    assert b"%d" % won.index(True) == platter.files["owner/1"]


async def test_a_paused_writer_never_mixes_with_its_successor() -> None:
    """Stopped before any step of a replace, then let go: one of the two files, whole (Z1)."""
    done = failed = 0
    for number in range(20):
        platter, seam = Platter(), PauseBefore(number)
        await two_states(MemoryDisk(platter))
        zombie = asyncio.create_task(
            MemoryDisk(platter, seam).replace("state", b"zombie's", keep_as="state.prev")
        )
        reaching = asyncio.create_task(seam.is_reached.wait())
        await asyncio.wait((zombie, reaching), return_when=asyncio.FIRST_COMPLETED)
        reaching.cancel()
        await MemoryDisk(platter).replace("state", b"successor's", keep_as="state.prev")
        seam.may_go.set()
        try:
            await zombie
            done += 1
        except DiskFailed:
            failed += 1
        assert platter.files["state"] in (b"zombie's", b"successor's")
        assert platter.files["state.prev"] in (b"state 2", b"zombie's", b"successor's")

    assert done
    assert failed


async def test_a_paused_writer_that_was_revoked_changes_nothing_more() -> None:
    """The supervisor revokes before it starts the next: all the zombie can do is raise."""
    for number in range(6):
        platter, seam, old = Platter(), PauseBefore(number), Incarnation("m1_poller", 1)
        await two_states(MemoryDisk(platter))
        with old.active():
            zombie = asyncio.create_task(MemoryDisk(platter, seam).replace("state", b"zombie's"))
        reaching = asyncio.create_task(seam.is_reached.wait())
        await asyncio.wait((zombie, reaching), return_when=asyncio.FIRST_COMPLETED)
        reaching.cancel()
        before = dict(platter.files)
        old.revoke()
        seam.may_go.set()
        with pytest.raises(Revoked):
            await zombie
        assert before == platter.files


async def test_a_dead_node_can_do_nothing() -> None:
    """Its coroutines may still be scheduled; others on the same platter live on."""
    platter = Platter()
    dead, living = MemoryDisk(platter), MemoryDisk(platter)
    await dead.append([Append("x", b"1")])
    dead.crash()

    for late in (dead.append([Append("x", b"2")]), dead.read("x"), dead.names(""), dead.lock("")):
        with pytest.raises(NodeCrashed):
            await late
    assert b"1" == await living.read("x")
    platter.crash()
    with pytest.raises(NodeCrashed):
        await living.size("x")
    assert b"1" == await MemoryDisk(platter).read("x")


def test_a_crash_is_handled_by_nobody() -> None:
    """Neither as an error of ours nor as any other: a dead process runs no handler."""
    assert not issubclass(NodeCrashed, Exception)


async def test_the_lock_has_one_holder_until_it_closes_or_dies() -> None:
    """As flock: a kill frees it, and so does a power cut."""
    platter = Platter()
    for release in (MemoryDisk.close, MemoryDisk.crash, lambda _: platter.power_cut(Random(0))):
        owner = MemoryDisk(platter)
        await owner.lock("first")
        with pytest.raises(FolderLocked):
            await MemoryDisk(platter).lock("second")
        release(owner)
    await MemoryDisk(platter).lock("second")
