"""Whoever reads Redis gets one whole generation, and none older than it had."""

from __future__ import annotations

import pytest

from uds import codec
from uds.errors import BadTail, CacheRegressed
from uds.memory_cache import MemoryCache
from uds.model import Generation, Timeframe
from uds.ports import Pointer
from uds.reader import Reader

from .samples import GOLD, TIMEFRAMES, bars, opens, token

M1, M5, D1 = TIMEFRAMES
G1, G2 = Generation(1, 1), Generation(1, 2)


@pytest.fixture
async def memory() -> MemoryCache:
    """A server that serves ten M1, one M5 and no D1 of gold."""
    memory = MemoryCache()
    await memory.claim([GOLD], token(1))
    await serve(memory, G1)
    return memory


async def serve(memory: MemoryCache, generation: Generation) -> None:
    """Make a generation of gold the live one."""
    counts = {M1: 10, M5: 1, D1: 0}
    packed = {tf: codec.pack_tail(tf, bars(count, 0, tf)) for tf, count in counts.items()}
    await memory.write(GOLD, token(1), generation, packed)
    await memory.flip(GOLD, token(1), generation, 0, TIMEFRAMES)


async def extend(memory: MemoryCache, from_seq: int) -> None:
    """Show one M1 more."""
    tail = codec.pack_tail(M1, bars(11 + from_seq))
    await memory.extend(GOLD, token(1), memory.live[GOLD].generation, from_seq, {M1: tail})


async def test_a_reader_gets_all_it_asked_for(memory: MemoryCache) -> None:
    """Bars, and where in the sequence they stand."""
    await serve(memory, G2)
    await extend(memory, 0)
    served = await Reader(memory).read(GOLD, TIMEFRAMES)

    assert served is not None
    assert (G2, 1, G1) == (served.generation, served.seq, served.previous)
    assert list(range(11)) == opens(served.tails[M1])
    assert {M1: 11, M5: 1, D1: 0} == {tf: len(tail) for tf, tail in served.tails.items()}


async def test_before_the_first_flip_there_is_nothing(memory: MemoryCache) -> None:
    """Which is not an empty tail, and no fault either."""
    assert await Reader(memory).read("XAG/USD", TIMEFRAMES) is None


async def test_a_reader_follows_what_is_served(memory: MemoryCache) -> None:
    """The same again, an extension, a generation that begins to count at 0."""
    reader = Reader(memory)
    places = []
    for coming in (None, extend(memory, 0), extend(memory, 1), serve(memory, G2)):
        if coming is not None:
            await coming
        for _ in range(2):
            served = await reader.read(GOLD, [M1])
            assert served is not None
            places.append((served.generation.n, served.seq))

    assert [(1, 0), (1, 0), (1, 1), (1, 1), (1, 2), (1, 2), (2, 0), (2, 0)] == places


@pytest.mark.parametrize(
    ("older", "sentence"),
    [
        (Pointer(G1, 5, None), "serves 1-1 with 5 extensions of XAU/USD after 1-2 with 1 ext"),
        (Pointer(G2, 0, G1), "serves 1-2 with 0 extensions of XAU/USD after 1-2 with 1 ext"),
        (None, "serves nothing of XAU/USD any more; it served 1-2 with 1 extensions"),
    ],
)
async def test_a_reader_is_never_led_back(
    memory: MemoryCache, older: Pointer | None, sentence: str
) -> None:
    """An old backup, a lost second, an emptied or another server; then the right one again."""
    reader = Reader(memory)
    await serve(memory, G2)
    await extend(memory, 0)
    newest = await reader.read(GOLD, [M1])
    before = memory.live.pop(GOLD)
    if older is not None:
        memory.live[GOLD] = older

    for _ in range(2):
        with pytest.raises(CacheRegressed, match=sentence):
            await reader.read(GOLD, [M1])
    memory.live[GOLD] = before
    again = await reader.read(GOLD, [M1])
    assert newest is not None
    assert again is not None
    assert (newest.generation, newest.seq) == (again.generation, again.seq)


async def test_symbols_are_told_apart(memory: MemoryCache) -> None:
    """One that is behind another is not behind itself."""
    reader = Reader(memory)
    await reader.read(GOLD, [M1])

    assert await reader.read("XAG/USD", [M1]) is None


async def test_a_missing_tail_is_said_and_not_served_as_an_empty_one(memory: MemoryCache) -> None:
    """D1 has no bars and is there; M5 is not there."""
    del memory.tails[GOLD, G1, M5]
    reader = Reader(memory)

    with pytest.raises(CacheRegressed, match="serves 1-1 of XAU/USD without its M5"):
        await reader.read(GOLD, TIMEFRAMES)
    served = await reader.read(GOLD, [D1])
    assert served is not None
    assert 0 == len(served.tails[D1])


@pytest.mark.parametrize("harm", [b"", b"CST1", b"junk" * 10, b"\0" * 16])
@pytest.mark.parametrize("timeframe", [M1, D1])
async def test_a_damaged_tail_is_said(
    memory: MemoryCache, timeframe: Timeframe, harm: bytes
) -> None:
    """Anybody may write to Redis."""
    memory.tails[GOLD, G1, timeframe] = harm

    with pytest.raises(BadTail, match=f"XAU/USD/{timeframe.name}"):
        await Reader(memory).read(GOLD, TIMEFRAMES)


async def test_what_was_refused_is_not_remembered(memory: MemoryCache) -> None:
    """A damaged newer answer must not make the good one before it look old."""
    reader = Reader(memory)
    await reader.read(GOLD, [M1])
    kept = memory.live[GOLD]
    await serve(memory, G2)
    memory.tails[GOLD, G2, M1] = b"harm"
    with pytest.raises(BadTail):
        await reader.read(GOLD, [M1])
    memory.live[GOLD] = kept

    served = await reader.read(GOLD, [M1])
    assert served is not None
    assert G1 == served.generation
