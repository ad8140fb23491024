"""The simulated broker's manners: late, paged, limited, and never ahead of its clock."""

from __future__ import annotations

import asyncio

import pytest

from engine.broker.port import BarsRequest, FetchFailed, RateLimited, Tick
from engine.broker.sim import SimBroker
from engine.broker.token_bucket import TokenBucket
from engine.clock import ManualClock
from tests.engine.sample_markets import market, ms
from uds.model import MINUTE_MS, Bars, Timeframe, joined

DAY_MS = 86_400_000
NOON = ms("2024-11-20T12:00")


def minutes_request(from_ms: int = NOON - 2 * DAY_MS, until_ms: int = NOON + DAY_MS) -> BarsRequest:
    """M1 of USD/JPY, reaching into the future unless told otherwise."""
    return BarsRequest("USD/JPY", Timeframe.M1, from_ms, until_ms)


@pytest.mark.asyncio
async def test_a_request_takes_exactly_the_latency_it_reports() -> None:
    """The replay floor sums reported latencies; a hidden cost would be blamed on the engine."""
    clock = ManualClock(NOON)
    broker = SimBroker(market=market(), clock=clock, latency_ms=50, login_s=0.5)

    logged_in_s = await broker.login()
    answer = await broker.fetch_bars(minutes_request())

    assert 0.5 == logged_in_s
    assert 0.05 == answer.latency_s
    assert pytest.approx(0.55) == clock.monotonic_s()


@pytest.mark.asyncio
async def test_local_work_is_inside_the_latency() -> None:
    """Drawing bars costs this machine, not the broker, so it must not lengthen the wait."""

    class WorkingClock(ManualClock):
        """Every look at it costs 4 ms, as if something had been computed."""

        def monotonic_s(self) -> float:
            self.advance(0.004)
            return super().monotonic_s()

    clock = WorkingClock(NOON)
    broker = SimBroker(market=market(), clock=clock, latency_ms=50)

    began_s = ManualClock.monotonic_s(clock)
    await broker.fetch_bars(minutes_request())

    assert pytest.approx(0.054) == ManualClock.monotonic_s(clock) - began_s


@pytest.mark.asyncio
async def test_a_long_range_is_answered_with_its_newest_page() -> None:
    """Brokers accept short: paging goes backwards from the newest bar."""
    broker = SimBroker(market=market(), clock=ManualClock(NOON), page_bars_max=300)

    newest = (await broker.fetch_bars(minutes_request())).bars
    before = (await broker.fetch_bars(minutes_request(until_ms=int(newest.open_time_ms[0])))).bars

    assert 300 == len(newest) == len(before)
    both = joined((before, newest))
    assert market().m1("USD/JPY", *_span(both)).same_as(both)


def _span(bars: Bars) -> tuple[int, int]:
    return int(bars.open_time_ms[0]), int(bars.open_time_ms[-1]) + 1


@pytest.mark.asyncio
async def test_a_closed_minute_shows_up_after_the_publish_delay() -> None:
    """Real brokers send a closed M1 seconds late; whoever polls too early must see nothing."""
    closes_ms = NOON + MINUTE_MS
    clock = ManualClock(closes_ms + 4_999)
    broker = SimBroker(market=market(), clock=clock, latency_ms=0, publish_delay_s=5)

    early = (await broker.fetch_bars(minutes_request())).bars
    clock.advance(0.001)
    later = (await broker.fetch_bars(minutes_request())).bars

    assert NOON == early.last_close_ms
    assert closes_ms == later.last_close_ms


@pytest.mark.asyncio
async def test_the_forming_day_is_not_served() -> None:
    """Only closed D1 bars are final; a forming one would be stored for ever."""
    day_closes_ms = ms("2024-11-20T22:00")
    clock = ManualClock(day_closes_ms + 4_999)
    broker = SimBroker(market=market(), clock=clock, latency_ms=0, publish_delay_s=5)
    request = BarsRequest("XAU/USD", Timeframe.D1, NOON - 180 * DAY_MS, NOON + 9 * DAY_MS)

    early = (await broker.fetch_bars(request)).bars
    clock.advance(0.001)
    later = (await broker.fetch_bars(request)).bars

    assert day_closes_ms - DAY_MS == early.last_close_ms
    assert day_closes_ms == later.last_close_ms


@pytest.mark.asyncio
async def test_a_future_range_and_a_shut_market_are_empty_answers() -> None:
    """No rows is an answer, not an error."""
    broker = SimBroker(market=market(), clock=ManualClock(NOON), latency_ms=0)
    saturday_ms = ms("2024-11-16T12:00")

    future = await broker.fetch_bars(minutes_request(from_ms=NOON))
    weekend = await broker.fetch_bars(minutes_request(saturday_ms, saturday_ms + 3_600_000))

    assert 0 == len(future.bars)
    assert 0 == len(weekend.bars)


@pytest.mark.asyncio
async def test_too_many_requests_are_refused_with_the_exact_wait() -> None:
    """A session that waits as told must get through; one that does not must be refused."""
    clock = ManualClock(NOON)
    broker = SimBroker(
        market=market(), clock=clock, latency_ms=0, requests_per_s=4, requests_burst=2
    )

    await broker.fetch_bars(minutes_request())
    await broker.fetch_bars(minutes_request())
    with pytest.raises(RateLimited) as refused:
        await broker.fetch_bars(minutes_request())
    clock.advance(refused.value.retry_after_s)
    answer = await broker.fetch_bars(minutes_request())

    assert pytest.approx(0.25) == refused.value.retry_after_s
    assert 1_000 == len(answer.bars)


def test_a_token_bucket_lets_the_rate_through_and_no_more() -> None:
    """Over any time the requests let through are the burst and the rate, to the last one."""
    bucket = TokenBucket(rate_per_s=7, burst=3)
    now_s, granted_s = 0.1, []

    while now_s < 100:
        wait_s = bucket.take(now_s)
        if wait_s:
            now_s += wait_s
        else:
            granted_s.append(now_s)

    assert 3 == granted_s.count(0.1)
    assert 3 + 699 == len(granted_s)
    in_a_second = zip(granted_s, granted_s[3 + 7 :], strict=False)
    assert all(after_s - before_s >= 1 - 1e-6 for before_s, after_s in in_a_second)


@pytest.mark.asyncio
async def test_jitter_is_drawn_from_the_seed_and_bounded() -> None:
    """Two runs of one seed must wait alike, or a measured floor could not be repeated."""

    async def latencies(seed: int) -> list[float]:
        broker = SimBroker(
            market=market(), clock=ManualClock(NOON), latency_ms=100, jitter=0.3, seed=seed
        )
        request = minutes_request(from_ms=NOON)
        return [(await broker.fetch_bars(request)).latency_s for _ in range(20)]

    first, again, other = await latencies(1), await latencies(1), await latencies(2)

    assert first == again
    assert first != other
    assert 20 == len(set(first))
    assert all(0.07 <= latency_s <= 0.13 for latency_s in first)


@pytest.mark.asyncio
async def test_requests_beyond_the_slots_wait() -> None:
    """Slots are the broker's promise; an engine that asks wider must not get it wider."""
    under_way, most = 0, 0

    class CountingClock(ManualClock):
        """Knows how many wait at once."""

        async def sleep(self, delay_s: float) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await super().sleep(delay_s)
            under_way -= 1

    broker = SimBroker(market=market(), clock=CountingClock(NOON), concurrency=3)

    await asyncio.gather(*(broker.fetch_bars(minutes_request()) for _ in range(9)))

    assert 3 == most


@pytest.mark.asyncio
async def test_an_unknown_symbol_is_a_failed_fetch() -> None:
    """The world may name a symbol we have no market for; that is an error with a sentence."""
    broker = SimBroker(market=market(), clock=ManualClock(NOON))

    with pytest.raises(FetchFailed, match="EUR/TRY"):
        await broker.fetch_bars(BarsRequest("EUR/TRY", Timeframe.M1, NOON - DAY_MS, NOON))


@pytest.mark.asyncio
async def test_ticks_come_as_the_clock_passes_them() -> None:
    """Over a minute the stream is the market's ticks of that minute, each once, in order."""
    clock = ManualClock(NOON)
    broker = SimBroker(market=market(), clock=clock)
    symbols = ("USD/JPY", "XAU/USD")
    ticks: list[Tick] = []

    async for tick in broker.ticks(symbols):
        if tick.ts_ms >= NOON + MINUTE_MS:
            break
        assert tick.ts_ms < clock.now_ms() <= tick.ts_ms + 250
        ticks.append(tick)

    for symbol in symbols:
        expected = [tuple(quote) for quote in market().ticks_of_minute(symbol, NOON)]
        assert expected == [
            (tick.ts_ms, tick.bid, tick.ask, tick.minute_volume)
            for tick in ticks
            if tick.symbol == symbol
        ]


@pytest.mark.asyncio
async def test_a_leap_of_the_clock_does_not_flood_with_ticks() -> None:
    """After a suspended night the ticks of hours ago are no news."""
    clock = ManualClock(NOON)
    stream = SimBroker(market=market(), clock=clock).ticks(("USD/JPY",))
    await anext(stream)

    clock.advance(3_600)
    leapt_ms = clock.now_ms()
    tick = await anext(stream)
    while tick.ts_ms < NOON + 2 * MINUTE_MS:
        tick = await anext(stream)

    assert tick.ts_ms >= leapt_ms - MINUTE_MS
