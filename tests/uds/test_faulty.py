"""The seams that obey a plan: each kind of fault at each operation, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import pytest

from tests.uds.samples import preview, token
from uds.errors import CacheDown, CacheTimeout, DiskFailed, DiskFull
from uds.fault import Fault, FaultKind, FaultPlan
from uds.faulty import FaultyCache, FaultyDisk, FaultySteps
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk, NodeCrashed
from uds.model import Generation, Timeframe
from uds.ports import Append, Cache, Disk

GOLD, YEN = "XAU/USD", "USD/JPY"
G1 = Generation(1, 1)
M1 = Timeframe.M1


class Naps:
    """Remembers how long it was slept, and takes no time."""

    def __init__(self) -> None:
        self.taken_s: list[float] = []

    async def __call__(self, delay_s: float) -> None:
        """Sleep."""
        self.taken_s.append(delay_s)


@pytest.fixture
def plan() -> FaultPlan:
    """A plan with nothing in it."""
    return FaultPlan(7)


@pytest.fixture
def naps() -> Naps:
    """The clock's sleep."""
    return Naps()


@pytest.fixture
def behind() -> MemoryDisk:
    """The disk behind the seam, with one file."""
    disk = MemoryDisk()
    disk.files["a/x"] = b"0123"
    return disk


@pytest.fixture
def disk(behind: MemoryDisk, plan: FaultPlan, naps: Naps) -> FaultyDisk:
    """The disk as the waist sees it."""
    return FaultyDisk(behind, plan, naps)


CHANGES: dict[str, Callable[[Disk], Awaitable[object]]] = {
    "append": lambda disk: disk.append([Append("a/x", b"4")]),
    "make": lambda disk: disk.make(["a/b", "c"]),
    "create": lambda disk: disk.create("a/y", b"1"),
    "replace": lambda disk: disk.replace("a/x", b"1", keep_as="a/x.prev"),
    "truncate": lambda disk: disk.truncate("a/x", 1),
    "link": lambda disk: disk.link("a/x", "b/x"),
    "remove": lambda disk: disk.remove(["a/x"]),
}
LOOKS: dict[str, Callable[[Disk], Awaitable[object]]] = {
    "names": lambda disk: disk.names("a"),
    "read": lambda disk: disk.read("a/x", 1, 3),
    "size": lambda disk: disk.size("a/x"),
}


async def test_bytes_are_made_behind_the_seam_unless_a_fault_is_about_them(
    disk: FaultyDisk, behind: MemoryDisk, plan: FaultPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk behind makes them in a thread; here the loop would wait for them."""
    handed: list[Iterable[Append]] = []

    async def append(appends: Iterable[Append]) -> None:
        handed.append(appends)

    monkeypatch.setattr(behind, "append", append)
    plan.arm("elsewhere", Fault(FaultKind.SLOW, "disk.read"))
    made = iter([Append("a/x", b"4")])
    await disk.append(made)

    assert [made] == handed


@pytest.mark.parametrize("operation", [*CHANGES, *LOOKS])
async def test_an_unarmed_disk_is_the_disk_behind(
    disk: FaultyDisk, behind: MemoryDisk, operation: str
) -> None:
    """The seam is in production: it must answer and change exactly what the other would."""
    do = (CHANGES | LOOKS)[operation]
    alone = MemoryDisk()
    alone.files = dict(behind.files)

    assert await do(alone) == await do(disk)
    assert alone.files == behind.files


@pytest.mark.parametrize("operation", [*CHANGES, *LOOKS])
async def test_a_refused_operation_does_nothing(
    disk: FaultyDisk, behind: MemoryDisk, plan: FaultPlan, operation: str
) -> None:
    """Input/output error, and it says that it was injected: an operator reads it too."""
    plan.arm("Z3", Fault(FaultKind.REFUSE, f"disk.{operation}", times=1))
    before = dict(behind.files)

    with pytest.raises(DiskFailed, match=r"Input/output error: .* This failure was injected"):
        await (CHANGES | LOOKS)[operation](disk)
    assert before == behind.files
    assert 1 == plan.injected("Z3")
    await (CHANGES | LOOKS)[operation](disk)


@pytest.mark.parametrize("operation", CHANGES)
async def test_a_full_disk_takes_nothing(
    disk: FaultyDisk, behind: MemoryDisk, plan: FaultPlan, operation: str
) -> None:
    """DISK_FULL, not DISK_ERROR: another remedy (Z3)."""
    plan.arm("Z3", Fault(FaultKind.FULL, "disk.*"))
    before = dict(behind.files)

    with pytest.raises(DiskFull, match="No space left on device"):
        await CHANGES[operation](disk)
    assert before == behind.files


@pytest.mark.parametrize("operation", CHANGES)
async def test_a_lost_reply_is_a_failure_of_something_done(
    disk: FaultyDisk, behind: MemoryDisk, plan: FaultPlan, operation: str
) -> None:
    """On an ambiguous result nothing may be deleted, and all may be repeated."""
    alone = MemoryDisk()
    alone.files = dict(behind.files)
    await CHANGES[operation](alone)
    plan.arm("Z3", Fault(FaultKind.LOSE_REPLY, f"disk.{operation}"))

    with pytest.raises(DiskFailed):
        await CHANGES[operation](disk)
    assert alone.files == behind.files


@pytest.mark.parametrize("operation", [*CHANGES, *LOOKS])
async def test_a_slow_operation_is_done_later(
    disk: FaultyDisk, behind: MemoryDisk, plan: FaultPlan, naps: Naps, operation: str
) -> None:
    """On the clock it was given, so that the simulation does not wait (F6)."""
    plan.arm("F6", Fault(FaultKind.SLOW, f"disk.{operation}", delay_s=2.5))
    alone = MemoryDisk()
    alone.files = dict(behind.files)
    do = (CHANGES | LOOKS)[operation]

    assert await do(alone) == await do(disk)
    assert alone.files == behind.files
    assert [2.5] == naps.taken_s


@pytest.mark.parametrize(
    ("kept_bytes", "left"),
    [
        (None, {"a/x": b"0123first"}),
        (0, {"a/x": b"0123first", "a/y": b""}),
        (3, {"a/x": b"0123first", "a/y": b"sec"}),
    ],
)
async def test_a_batch_fails_at_one_file(
    disk: FaultyDisk,
    behind: MemoryDisk,
    plan: FaultPlan,
    kept_bytes: int | None,
    left: dict[str, bytes],
) -> None:
    """Those before it are whole, of it a part, of those after it nothing."""
    plan.arm("Z3", Fault(FaultKind.FULL, "disk.append", "a/y", kept_bytes=kept_bytes))

    with pytest.raises(DiskFull, match="append a/y"):
        await disk.append(
            [Append("a/x", b"first"), Append("a/y", b"second"), Append("a/z", b"third")]
        )
    assert left == behind.files


async def test_a_corrupt_read_leaves_the_file_as_it_is(
    disk: FaultyDisk, behind: MemoryDisk, plan: FaultPlan
) -> None:
    """One bit, always the same one: a drill on live data must cost no data (F8)."""
    plan.arm("F8", Fault(FaultKind.CORRUPT, "disk.read", "a/*"))
    damaged = await disk.read("a/x")

    assert damaged is not None
    assert 1 == sum((one ^ other).bit_count() for one, other in zip(b"0123", damaged, strict=True))
    assert damaged == await disk.read("a/x")
    assert b"0123" == behind.files["a/x"]
    plan.revert("F8")
    assert b"0123" == await disk.read("a/x")


async def test_nothing_cannot_be_corrupt(
    disk: FaultyDisk, behind: MemoryDisk, plan: FaultPlan
) -> None:
    """An empty or missing file has no bit to flip, so nothing is counted."""
    behind.files["empty"] = b""
    plan.arm("F8", Fault(FaultKind.CORRUPT, "*"))

    assert b"" == await disk.read("empty")
    assert await disk.read("missing") is None
    await disk.append([Append("a/x", b"4")])
    assert 0 == plan.injected("F8")


async def test_the_lock_and_its_end_are_never_in_the_way(
    disk: FaultyDisk, behind: MemoryDisk, plan: FaultPlan
) -> None:
    """A drill must not cost the folder."""
    plan.arm("Z3", Fault(FaultKind.REFUSE, "*"))
    await disk.lock("{}")
    assert behind.platter.holder is behind
    disk.close()

    assert behind.platter.holder is None


# -- steps -----------------------------------------------------------------------------------------


async def test_a_plan_reaches_single_steps(plan: FaultPlan, naps: Naps) -> None:
    """The second sync fails, the first did not."""
    disk = MemoryDisk(seam=FaultySteps(plan, naps))
    plan.arm("Z3", Fault(FaultKind.REFUSE, "append.Sync", "a/*", after=1))
    plan.arm("F6", Fault(FaultKind.SLOW, "append.Write", times=1, delay_s=0.2))
    await disk.append([Append("a/x", b"1"), Append("b/x", b"2")])

    with pytest.raises(DiskFailed):
        await disk.append([Append("a/x", b"3")])
    assert 1 == plan.injected("Z3")
    assert [0.2] == naps.taken_s


async def test_a_plan_kills_and_looks_cannot_be_full(plan: FaultPlan, naps: Naps) -> None:
    """A full disk can be read; a dead node can do nothing."""
    disk = MemoryDisk(seam=FaultySteps(plan, naps))
    plan.arm("full", Fault(FaultKind.FULL, "read"))
    assert await disk.read("x") is None
    assert 0 == plan.injected("full")
    plan.arm("kill", Fault(FaultKind.CRASH, "read"))

    for _ in range(2):
        with pytest.raises(NodeCrashed):
            await disk.read("x")
    assert 1 == plan.injected("kill")


# -- the cache -------------------------------------------------------------------------------------


@pytest.fixture
async def redis() -> MemoryCache:
    """The cache behind the seam, with one live generation of gold."""
    cache = MemoryCache()
    await cache.claim([GOLD, YEN], token(1))
    await cache.write(GOLD, token(1), G1, {M1: b""})
    await cache.flip(GOLD, token(1), G1, 0, [M1])
    return cache


@pytest.fixture
def cache(redis: MemoryCache, plan: FaultPlan, naps: Naps) -> FaultyCache:
    """The cache as the waist sees it."""
    return FaultyCache(redis, plan, naps)


CALLS: dict[str, Callable[[Cache], Awaitable[object]]] = {
    "connect": lambda cache: cache.connect(),
    "claim": lambda cache: cache.claim([YEN, GOLD], token(1)),
    "holds": lambda cache: cache.holds([YEN, GOLD], token(1)),
    "write": lambda cache: cache.write(GOLD, token(1), Generation(1, 2), {M1: b"2"}),
    "flip": lambda cache: cache.flip(GOLD, token(1), G1, 0, [M1]),
    "extend": lambda cache: cache.extend(GOLD, token(1), G1, 0, {M1: b"3"}),
    "read": lambda cache: cache.read(GOLD, [M1]),
    "preview": lambda cache: cache.preview(GOLD, token(1), 1_000, [preview(0)]),
    "forget": lambda cache: cache.forget(GOLD, token(1), Generation(1, 9), [M1]),
    "publish_tick": lambda cache: cache.publish_tick(GOLD, b"tick"),
}


@pytest.mark.parametrize("call", CALLS)
async def test_an_unarmed_cache_is_the_cache_behind(
    cache: FaultyCache, redis: MemoryCache, call: str
) -> None:
    """The seam is in production: it must pass on everything."""
    answer = await CALLS[call](cache)

    assert answer == await CALLS[call](redis)


@pytest.mark.parametrize("call", CALLS)
async def test_a_refused_connection_is_said_at_once(
    cache: FaultyCache, plan: FaultPlan, naps: Naps, call: str
) -> None:
    """A killed server refuses; nobody waits for it (F2)."""
    plan.arm("F2", Fault(FaultKind.REFUSE, f"cache.{call}", times=1))

    with pytest.raises(CacheDown, match="This failure was injected") as down:
        await CALLS[call](cache)
    assert not isinstance(down.value, CacheTimeout)
    assert [] == naps.taken_s
    assert 1 == plan.injected("F2")
    await CALLS[call](cache)


@pytest.mark.parametrize("call", CALLS)
async def test_a_stopped_server_costs_half_a_second(
    cache: FaultyCache, plan: FaultPlan, naps: Naps, call: str
) -> None:
    """As at the real client: never more than 0.6 s, and nothing was done (F2)."""
    plan.arm("F2", Fault(FaultKind.TIME_OUT, "cache.*"))

    with pytest.raises(CacheTimeout, match=r"within 0\.5 s"):
        await CALLS[call](cache)
    assert [0.5] == naps.taken_s


async def test_nothing_reaches_a_stopped_server(
    cache: FaultyCache, redis: MemoryCache, plan: FaultPlan
) -> None:
    """Neither when it refuses nor when it is silent."""
    for kind in (FaultKind.REFUSE, FaultKind.TIME_OUT):
        plan.arm("F2", Fault(kind, "cache.*"))
        with pytest.raises(CacheDown):
            await CALLS["extend"](cache)
        with pytest.raises(CacheDown):
            await CALLS["publish_tick"](cache)

    assert 0 == redis.live[GOLD].seq
    assert [] == redis.ticks


async def test_a_lost_reply_of_an_extension_is_repeated(
    cache: FaultyCache, redis: MemoryCache, plan: FaultPlan, naps: Naps
) -> None:
    """It was applied, so the repetition must find itself done (Z4)."""
    plan.arm("Z4", Fault(FaultKind.LOSE_REPLY, "cache.extend", times=1))

    with pytest.raises(CacheTimeout):
        await CALLS["extend"](cache)
    assert 1 == redis.live[GOLD].seq
    assert [0.5] == naps.taken_s
    await CALLS["extend"](cache)
    assert 1 == redis.live[GOLD].seq


async def test_a_slow_call_is_done_later(
    cache: FaultyCache, redis: MemoryCache, plan: FaultPlan, naps: Naps
) -> None:
    """Slow is not down (F6)."""
    plan.arm("F6", Fault(FaultKind.SLOW, "cache.*", GOLD, delay_s=0.3))
    await CALLS["extend"](cache)

    assert 1 == redis.live[GOLD].seq
    assert [0.3] == naps.taken_s


async def test_of_many_symbols_one_is_enough(cache: FaultyCache, plan: FaultPlan) -> None:
    """All symbols are claimed together, so one symbol's fault stops the call."""
    plan.arm("F2", Fault(FaultKind.REFUSE, "cache.claim", GOLD))

    with pytest.raises(CacheDown, match=f"claim {GOLD}"):
        await CALLS["claim"](cache)
    await cache.claim([YEN], token(1))


async def test_a_corrupt_tail_is_good_in_redis(
    cache: FaultyCache, redis: MemoryCache, plan: FaultPlan
) -> None:
    """One bit of one tail; an empty tail has none to flip."""
    plan.arm("F8", Fault(FaultKind.CORRUPT, "cache.read"))
    assert await redis.read(GOLD, [M1]) == await cache.read(GOLD, [M1])
    assert await cache.read(YEN, [M1]) is None
    assert 0 == plan.injected("F8")
    await CALLS["extend"](redis)
    found = await cache.read(GOLD, [M1])

    assert found is not None
    assert 1 == (found[1][M1][0] ^ b"3"[0]).bit_count()
    assert b"3" == redis.tails[GOLD, G1, M1]
    assert 1 == plan.injected("F8")


async def test_closing_the_cache_is_never_in_the_way(cache: FaultyCache, plan: FaultPlan) -> None:
    """Letting go must always work."""
    plan.arm("F2", Fault(FaultKind.REFUSE, "*"))

    await cache.close()
