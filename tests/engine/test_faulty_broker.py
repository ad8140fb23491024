"""Faults for drills: each kind does what its name says, counts its hits, and ends when healed."""

from __future__ import annotations

import asyncio

import pytest

from engine.broker.faulty import BrokerFault, FaultKind, FaultyBroker
from engine.broker.port import BarsRequest, FetchFailed, LoginFailed, LoginFault, RateLimited
from tests.engine.builders import GOLD, NOON, YEN, ScriptedBroker, minutes
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.model import MINUTE_MS, Bars, Timeframe

TEN = minutes(NOON - 10 * MINUTE_MS, 10)
REQUEST = BarsRequest(GOLD, Timeframe.M1, NOON - 10 * MINUTE_MS, NOON)


def a_broker(*script: BrokerFault) -> FaultyBroker:
    """Ten bars for whoever asks, and these faults."""
    clock = VirtualClock(NOON)
    return FaultyBroker(ScriptedBroker(lambda _: TEN, clock), clock, script)


async def opens(broker: FaultyBroker) -> list[int]:
    """What it answers, as minutes before noon."""
    bars: Bars = (await broker.fetch_bars(REQUEST)).bars
    return [(NOON - int(open_ms)) // MINUTE_MS for open_ms in bars.open_time_ms]


@pytest.mark.parametrize(
    ("kind", "answered"),
    [
        (FaultKind.EMPTY, []),
        (FaultKind.SHORT, [5, 4, 3, 2, 1]),
        (FaultKind.UNORDERED, [*range(1, 11)]),
        (FaultKind.DUPLICATE, [n for n in range(10, 0, -1) for _ in (1, 2)]),
    ],
)
def test_an_answer_is_spoiled_and_then_healed(kind: FaultKind, answered: list[int]) -> None:
    """The drill sees that the fault was injected, and that nothing is left of it."""

    @in_virtual_time
    async def spoils() -> None:
        broker = a_broker()
        fault = broker.inject(BrokerFault(kind))
        assert answered == await opens(broker)
        broker.heal(fault)
        assert [*range(10, 0, -1)] == await opens(broker)
        assert 1 == fault.hits

    spoils()


@in_virtual_time
async def test_a_request_fails_is_limited_or_hangs() -> None:
    """The three ways to get no answer."""
    broker = a_broker(
        BrokerFault(FaultKind.FETCH_ERROR, times=1),
        BrokerFault(FaultKind.RATE_LIMIT, times=1),
        BrokerFault(FaultKind.FETCH_HANGS),
    )
    with pytest.raises(FetchFailed, match="failed XAU/USD M1"):
        await opens(broker)
    with pytest.raises(RateLimited):
        await opens(broker)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3_600):
            await opens(broker)
    broker.heal()
    assert 10 == len(await opens(broker))


@in_virtual_time
async def test_a_login_is_refused_for_now_or_for_good_or_hangs() -> None:
    """F1's three ways."""
    broker = a_broker(
        BrokerFault(FaultKind.LOGIN_REFUSED, times=1), BrokerFault(FaultKind.LOGIN_PERMANENT)
    )
    faults = []
    for _ in range(2):
        with pytest.raises(LoginFailed) as refused:
            await broker.login()
        faults.append(refused.value.fault)
    assert [LoginFault.TRANSIENT, LoginFault.PERMANENT] == faults
    broker.heal()
    broker.inject(BrokerFault(FaultKind.LOGIN_HANGS))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3_600):
            await broker.login()
    broker.heal()
    assert 0.5 == await broker.login()


@in_virtual_time
async def test_a_fault_befalls_only_what_it_names_and_only_in_its_time() -> None:
    """The blast radius of a drill is its own."""
    broker = a_broker(
        BrokerFault(FaultKind.EMPTY, symbol=YEN),
        BrokerFault(FaultKind.EMPTY, timeframe=Timeframe.D1),
        BrokerFault(FaultKind.EMPTY, from_s=60, until_s=120),
    )
    assert 10 == len(await opens(broker))
    await asyncio.sleep(60)
    assert [] == await opens(broker)
    await asyncio.sleep(60)
    assert 10 == len(await opens(broker))
