"""The fenced functions: one contract, held by the dictionary and by the real server."""

from __future__ import annotations

import json
from collections.abc import Coroutine

import pytest
import redis

from uds import codec, layout
from uds.errors import CacheRegressed, Fenced
from uds.incarnation import Incarnation, Revoked
from uds.memory_cache import MemoryCache
from uds.model import FencingToken, Generation, SeriesKey, Timeframe
from uds.ports import Cache, Pointer

from .conftest import NAMESPACE
from .samples import GOLD, TIMEFRAMES, bars, minute, preview, token

SILVER = "XAG/USD"
M1, M5, D1 = TIMEFRAMES
G1, G2, G3 = Generation(1, 1), Generation(1, 2), Generation(2, 1)
COPY = FencingToken(1, "c0" * 16)
"""The owner of a copy of the folder: the same number, another boot."""


def tails(text: str, *timeframes: Timeframe) -> dict[Timeframe, bytes]:
    """A value for each timeframe that tells where it came from."""
    return {tf: f"{text}-{tf.name}\0".encode() for tf in timeframes or TIMEFRAMES}


async def live(cache: Cache, generation: Generation = G1, owner: int = 1) -> None:
    """Make a complete generation of gold the live one."""
    await cache.claim([GOLD], token(owner))
    await cache.write(GOLD, token(owner), generation, tails(generation.short))
    await cache.flip(GOLD, token(owner), generation, 0, TIMEFRAMES)


def fenced_calls(cache: Cache, owner: FencingToken) -> list[Coroutine[object, object, object]]:
    """Everything that a wrong owner could do to what readers see."""
    return [
        cache.holds([GOLD], owner),
        cache.write(GOLD, owner, G2, tails("wrong")),
        cache.flip(GOLD, owner, G2, 0, TIMEFRAMES),
        cache.extend(GOLD, owner, G1, 0, tails("wrong")),
        cache.preview(GOLD, owner, 60_000, [preview(10)]),
        cache.forget(GOLD, owner, G1, TIMEFRAMES),
    ]


# -- ownership ----------------------------------------------------------------------------------


async def test_a_claim_is_held(cache: Cache) -> None:
    """Both calls may be repeated: a timed-out one may have been applied."""
    for _ in range(2):
        await cache.claim([GOLD, SILVER], token(1))
        assert (None, None) == await cache.holds([GOLD, SILVER], token(1))


async def test_who_asks_for_its_hold_hears_what_is_served(cache: Cache) -> None:
    """An older pointer than ours, or none, is how a server that lost something is noticed."""
    await live(cache)
    await live(cache, G2)
    await cache.extend(GOLD, token(1), G2, 0, tails("new", M1))
    await cache.claim([SILVER], token(1))

    assert (None, Pointer(G2, 1, G1)) == await cache.holds([SILVER, GOLD], token(1))


async def test_a_lower_token_is_fenced_everywhere(cache: Cache) -> None:
    """A zombie that wakes up must not make anything visible (Z1)."""
    await live(cache)
    await cache.claim([GOLD], token(2))

    for call in (cache.claim([GOLD], token(1)), *fenced_calls(cache, token(1))):
        with pytest.raises(Fenced):
            await call
    assert (Pointer(G1, 0, None), tails("1-1")) == await cache.read(GOLD, TIMEFRAMES)


async def test_a_copied_folder_is_fenced_everywhere(cache: Cache) -> None:
    """Its owner has the same number, but another boot: one goes on, the other does nothing."""
    await live(cache)

    for call in (cache.claim([GOLD], COPY), *fenced_calls(cache, COPY)):
        with pytest.raises(Fenced, match="copy of this data folder"):
            await call
    assert (Pointer(G1, 0, None), tails("1-1")) == await cache.read(GOLD, TIMEFRAMES)
    await cache.holds([GOLD], token(1))


async def test_a_later_owner_takes_over_from_a_copy_too(cache: Cache) -> None:
    """Restarting the right one is the way out of a split."""
    await cache.claim([GOLD], COPY)
    await cache.claim([GOLD], token(2))

    with pytest.raises(Fenced):
        await cache.holds([GOLD], COPY)


async def test_being_fenced_on_one_symbol_fences(cache: Cache) -> None:
    """The others are claimed all the same: who is fenced writes to none of them."""
    await cache.claim([SILVER], token(2))

    with pytest.raises(Fenced):
        await cache.claim([SILVER, GOLD], token(1))
    await cache.holds([GOLD], token(1))
    with pytest.raises(Fenced):
        await cache.holds([GOLD, SILVER], token(1))


async def test_to_be_fenced_is_said_before_a_loss(cache: Cache) -> None:
    """Who hears of a loss claims again; who is fenced must stop, whichever symbol is first."""
    await cache.claim([SILVER], token(2))

    with pytest.raises(Fenced):
        await cache.holds([GOLD, SILVER], token(1))


async def test_without_a_claim_nothing_is_written(cache: Cache) -> None:
    """An emptied server knows no owner; a write to it would be nobody's."""
    for call in fenced_calls(cache, token(1)):
        with pytest.raises(CacheRegressed, match="UNCLAIMED"):
            await call
    assert await cache.read(GOLD, TIMEFRAMES) is None


async def test_an_older_owner_come_back_is_a_loss_not_a_fence(cache: Cache) -> None:
    """A server restored from a backup names our predecessor: we claim again, we do not stop."""
    await cache.claim([GOLD], token(1))

    for call in fenced_calls(cache, token(2)):
        with pytest.raises(CacheRegressed, match="UNCLAIMED"):
            await call
    await cache.claim([GOLD], token(2))
    await cache.holds([GOLD], token(2))


async def test_a_revoked_start_changes_nothing(cache: Cache) -> None:
    """A child that was replaced goes on in a thread or a task that nobody could cancel."""
    await live(cache)
    old = Incarnation("m1_poller", 1)
    with old.active():
        old.revoke()
        asking, *changing = fenced_calls(cache, token(1))
        assert (Pointer(G1, 0, None),) == await asking
        others = (cache.claim([SILVER], token(1)), cache.publish_tick(GOLD, b"{}"))
        for call in (*others, *changing):
            with pytest.raises(Revoked):
                await call

    assert (Pointer(G1, 0, None), tails("1-1")) == await cache.read(GOLD, TIMEFRAMES)
    with pytest.raises(CacheRegressed, match="UNCLAIMED"):
        await cache.holds([SILVER], token(1))


# -- priming and flipping -------------------------------------------------------------------------


async def test_nothing_is_served_before_the_flip(cache: Cache) -> None:
    """Tails that no pointer names are not there for readers."""
    await cache.claim([GOLD], token(1))
    await cache.write(GOLD, token(1), G1, tails("1-1"))

    assert await cache.read(GOLD, TIMEFRAMES) is None


async def test_a_flip_serves_the_whole_generation(cache: Cache) -> None:
    """Pointer and values in one step."""
    await live(cache)

    assert (Pointer(G1, 0, None), tails("1-1")) == await cache.read(GOLD, TIMEFRAMES)


async def test_a_reader_gets_the_timeframes_it_asks_for(cache: Cache) -> None:
    """Also none: the pointer alone."""
    await live(cache)

    assert (Pointer(G1, 0, None), tails("1-1", M5)) == await cache.read(GOLD, [M5])
    assert (Pointer(G1, 0, None), {}) == await cache.read(GOLD, [])
    assert (Pointer(G1, 0, None), {}) == await cache.read(GOLD, [Timeframe.H4])


async def test_an_incomplete_generation_is_not_flipped_to(cache: Cache) -> None:
    """One tail missing: the old one stays."""
    await live(cache)
    await cache.write(GOLD, token(1), G2, tails("1-2", M1, M5))

    with pytest.raises(CacheRegressed, match="INCOMPLETE"):
        await cache.flip(GOLD, token(1), G2, 0, TIMEFRAMES)
    assert (Pointer(G1, 0, None), {}) == await cache.read(GOLD, [])


async def test_the_next_flip_remembers_the_one_before(cache: Cache) -> None:
    """Readers that still hold it can finish."""
    await live(cache)
    await live(cache, G2)

    assert (Pointer(G2, 0, G1), tails("1-2")) == await cache.read(GOLD, TIMEFRAMES)


async def test_a_repeated_flip_changes_nothing(cache: Cache) -> None:
    """The reply was lost, the flip was not (Z4); what came since must stay."""
    await live(cache)
    await live(cache, G2)
    await cache.extend(GOLD, token(1), G2, 0, tails("new", M1))
    await cache.flip(GOLD, token(1), G2, 0, TIMEFRAMES)

    assert (Pointer(G2, 1, G1), tails("new", M1)) == await cache.read(GOLD, [M1])


async def test_nobody_flips_back(cache: Cache) -> None:
    """A reader never sees an older generation than before."""
    await live(cache, G2)
    await cache.write(GOLD, token(1), G1, tails("1-1"))

    with pytest.raises(Fenced):
        await cache.flip(GOLD, token(1), G1, 0, TIMEFRAMES)


async def test_a_generation_put_back_keeps_its_place(cache: Cache) -> None:
    """After a loss it is primed again, with as many extensions as it had."""
    await cache.claim([GOLD], token(1))
    await cache.write(GOLD, token(1), G1, tails("1-1"))
    await cache.flip(GOLD, token(1), G1, 7, TIMEFRAMES)

    assert (Pointer(G1, 7, None), {}) == await cache.read(GOLD, [])


async def test_a_live_generation_is_sealed(cache: Cache) -> None:
    """Only `extend` may touch what readers are served from."""
    await live(cache)

    with pytest.raises(CacheRegressed, match="SEALED"):
        await cache.write(GOLD, token(1), G1, tails("late"))
    assert (Pointer(G1, 0, None), tails("1-1")) == await cache.read(GOLD, TIMEFRAMES)


async def test_so_is_the_one_before(cache: Cache) -> None:
    """A reader that still holds its name must not find other bars under it."""
    await live(cache)
    await live(cache, G2)

    with pytest.raises(CacheRegressed, match="SEALED"):
        await cache.write(GOLD, token(1), G1, tails("late"))


# -- extending ------------------------------------------------------------------------------------


async def test_an_extension_replaces_some_tails_and_advances(cache: Cache) -> None:
    """All that closed in a minute becomes visible in one step."""
    await live(cache)
    await cache.extend(GOLD, token(1), G1, 0, tails("new", M1, M5))

    expected = tails("new", M1, M5) | tails("1-1", D1)
    assert (Pointer(G1, 1, None), expected) == await cache.read(GOLD, TIMEFRAMES)


async def test_a_repeated_extension_is_ignored(cache: Cache) -> None:
    """It was applied, its answer was lost; the second one adds nothing, whatever it carries."""
    await live(cache)
    await cache.extend(GOLD, token(1), G1, 0, tails("new", M1))
    await cache.extend(GOLD, token(1), G1, 0, tails("again", M1))

    assert (Pointer(G1, 1, None), tails("new", M1)) == await cache.read(GOLD, [M1])


@pytest.mark.parametrize("from_seq", [0, 3, 9])
async def test_an_extension_out_of_turn_is_refused(cache: Cache, from_seq: int) -> None:
    """One was lost on the way, so the tails cannot be what the caller thinks."""
    await live(cache)
    for seq in range(2):
        await cache.extend(GOLD, token(1), G1, seq, tails(f"{seq}", M1))

    with pytest.raises(CacheRegressed, match="OUT_OF_SEQ"):
        await cache.extend(GOLD, token(1), G1, from_seq, tails("x", M1))
    assert (Pointer(G1, 2, None), tails("1", M1)) == await cache.read(GOLD, [M1])


async def test_only_the_live_generation_is_extended(cache: Cache) -> None:
    """A minute of the one before would appear nowhere, or in the wrong place."""
    await live(cache)
    await live(cache, G2)

    with pytest.raises(CacheRegressed, match="NOT_LIVE"):
        await cache.extend(GOLD, token(1), G1, 0, tails("x"))


# -- forming bars ---------------------------------------------------------------------------------


async def shown(cache: Cache, raw: redis.Redis) -> list[int]:
    """Opens of the forming bars of gold that readers find, as minutes after T0."""
    if isinstance(cache, MemoryCache):
        found = [one.open_time_ms for one in cache.previews.values()]
    else:
        values = (raw.get(layout.preview_key(NAMESPACE, SeriesKey(GOLD, tf))) for tf in TIMEFRAMES)
        found = [json.loads(value)["open_time_ms"] for value in values if isinstance(value, bytes)]
    return [(open_ms - minute(0)) // 60_000 for open_ms in found]


async def live_bars(cache: Cache, generation: Generation = G1, m1_count: int = 10) -> None:
    """Make a generation with some M1 and one M5 the live one."""
    await cache.claim([GOLD], token(1))
    counts = {M1: m1_count, M5: 1, D1: 0}
    packed = {tf: codec.pack_tail(tf, bars(count, 0, tf)) for tf, count in counts.items()}
    await cache.write(GOLD, token(1), generation, packed)
    await cache.flip(GOLD, token(1), generation, 0, TIMEFRAMES)


async def test_forming_bars_stand_beside_the_final_ones(
    cache: Cache, raw_redis: redis.Redis
) -> None:
    """The newest one of each timeframe; the tails do not change (I3)."""
    await live_bars(cache)
    before = await cache.read(GOLD, TIMEFRAMES)
    for first in (10, 11):
        await cache.preview(GOLD, token(1), 60_000, [preview(first), preview(1, M5)])
    await cache.preview(GOLD, token(1), 60_000, [preview(0, D1)])

    assert [11, 5, 0] == await shown(cache, raw_redis)
    assert before == await cache.read(GOLD, TIMEFRAMES)


async def test_a_forming_bar_that_is_final_already_goes(
    cache: Cache, raw_redis: redis.Redis
) -> None:
    """A late tick must not draw over a final bar, nor an older preview stay beside it."""
    await live_bars(cache)
    await cache.preview(GOLD, token(1), 60_000, [preview(10)])
    await cache.preview(GOLD, token(1), 60_000, [preview(9), preview(0, M5)])

    assert [] == await shown(cache, raw_redis)


async def test_an_extension_ends_the_forming_bars_of_its_timeframes(
    cache: Cache, raw_redis: redis.Redis
) -> None:
    """The final bar is there; the others go on forming."""
    await live_bars(cache)
    await cache.preview(GOLD, token(1), 60_000, [preview(10), preview(2, M5)])
    await cache.extend(GOLD, token(1), G1, 0, {M1: codec.pack_tail(M1, bars(11))})

    assert [10] == await shown(cache, raw_redis)


@pytest.mark.parametrize(("m1_count", "left"), [(10, [10, 10]), (11, [10])])
async def test_a_flip_ends_the_forming_bars_that_are_final_in_it(
    cache: Cache, raw_redis: redis.Redis, m1_count: int, left: list[int]
) -> None:
    """A rebuild brought the minute that was forming; the others go on forming."""
    await live_bars(cache)
    await cache.preview(GOLD, token(1), 60_000, [preview(10), preview(2, M5)])
    await live_bars(cache, G2, m1_count)

    assert left == await shown(cache, raw_redis)


async def test_only_the_owner_of_something_live_shows_forming_bars(cache: Cache) -> None:
    """A zombie's last tick, or a tick before the first flip, is not drawn."""
    with pytest.raises(CacheRegressed, match="UNCLAIMED"):
        await cache.preview(GOLD, token(1), 60_000, [preview(10)])
    await cache.claim([GOLD], token(1))
    with pytest.raises(CacheRegressed, match="NOT_LIVE"):
        await cache.preview(GOLD, token(1), 60_000, [preview(10)])
    await live_bars(cache)
    await cache.claim([GOLD], token(2))
    with pytest.raises(Fenced):
        await cache.preview(GOLD, token(1), 60_000, [preview(10)])


# -- the rest -------------------------------------------------------------------------------------


async def test_forgotten_tails_are_gone(cache: Cache) -> None:
    """Twice is once; others are left, and nobody can flip to them any more."""
    await live(cache)
    await cache.write(GOLD, token(1), G2, tails("1-2"))
    for _ in range(2):
        await cache.forget(GOLD, token(1), G2, [M5])

    assert (Pointer(G1, 0, None), tails("1-1")) == await cache.read(GOLD, TIMEFRAMES)
    with pytest.raises(CacheRegressed, match="INCOMPLETE"):
        await cache.flip(GOLD, token(1), G2, 0, TIMEFRAMES)
    await cache.flip(GOLD, token(1), G2, 0, [M1, D1])


@pytest.mark.parametrize("generation", [G1, G2])
async def test_what_readers_may_hold_is_never_forgotten(
    cache: Cache, generation: Generation
) -> None:
    """Neither the live generation nor the one before, whoever asks by mistake."""
    await live(cache)
    await live(cache, G2)

    with pytest.raises(CacheRegressed, match="SEALED"):
        await cache.forget(GOLD, token(1), generation, TIMEFRAMES)
    assert (Pointer(G2, 0, G1), tails("1-2")) == await cache.read(GOLD, TIMEFRAMES)


async def test_symbols_are_apart(cache: Cache) -> None:
    """One symbol's trouble stays its own."""
    await live(cache)
    await cache.claim([SILVER], token(1))

    assert await cache.read(SILVER, TIMEFRAMES) is None


async def test_ticks_may_be_said_to_nobody(cache: Cache) -> None:
    """No subscriber is the usual case, not a failure."""
    await cache.publish_tick(GOLD, b"{}")
