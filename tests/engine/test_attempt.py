"""What the world can break is waited out, loudly, and said to be over when it is."""

from __future__ import annotations

import asyncio

import pytest

from engine.attempt import Partner, attempt
from engine.broker.port import FetchFailed, RateLimited
from engine.degraded import DegradedCode
from engine.events import ReasonCleared, ReasonRaised
from tests.engine.builders import GOLD, NOON, YEN, House, build_house, market_broker, small_config
from tests.engine.virtual_time import VirtualClock, in_virtual_time, settle
from uds import CacheDown, CacheRegressed, CacheTimeout, DiskFailed, Fenced


class Flaky:
    """A call that fails with each of these in turn and then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.called_at_s: list[float] = []

    async def __call__(self) -> str:
        self.called_at_s.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    @property
    def waits_s(self) -> list[float]:
        """How long it was waited before each repetition."""
        return [b - a for a, b in zip(self.called_at_s, self.called_at_s[1:], strict=False)]


async def a_house() -> House:
    """Tools without processes."""
    config = small_config()
    clock = VirtualClock(NOON)
    return await build_house(config, market_broker(config, clock), clock)


@in_virtual_time
async def test_success_at_once_says_nothing() -> None:
    """A healthy start has no reasons and none healed."""
    house = await a_house()

    assert "done" == await attempt(house.tools, Partner.DISK, GOLD, Flaky())
    assert (set(), set()) == (house.codes, house.healed_codes)


@pytest.mark.parametrize(
    ("partner", "error", "code"),
    [
        (Partner.BROKER, FetchFailed("No."), "BROKER_FETCH_FAILED"),
        (Partner.BROKER, RateLimited("Slow down.", 0.1), "BROKER_RATE_LIMITED"),
        (Partner.DISK, DiskFailed("Full."), "DISK_ERROR"),
        (Partner.REDIS, CacheDown("Refused."), "REDIS_DOWN"),
        (Partner.REDIS, CacheTimeout("Silent."), "REDIS_TIMEOUT"),
        (Partner.REDIS, CacheRegressed("Empty."), "REDIS_REGRESSED"),
    ],
)
def test_each_failure_has_its_code_while_it_is_waited_out(
    partner: Partner, error: Exception, code: str
) -> None:
    """The most special code wins: a timeout is also a CacheDown, a rate limit a FetchFailed."""

    @in_virtual_time
    async def waits() -> None:
        house = await a_house()
        trying = asyncio.create_task(attempt(house.tools, partner, GOLD, Flaky(error)))
        await settle()

        assert {code} == house.codes
        (reason,) = house.board.status.reasons
        assert GOLD == reason.scope
        assert reason.detail.startswith(f"{error} Attempt 2 in 0.1 s")

        assert "done" == await trying
        assert (set(), {code}) == (house.codes, house.healed_codes)

    waits()


@in_virtual_time
async def test_the_waits_follow_the_schedule_and_every_failure_is_counted() -> None:
    """A partner that is down for a while is asked ever more seldom."""
    house = await a_house()
    flaky = Flaky(*(FetchFailed("No.") for _ in range(8)))

    await attempt(house.tools, Partner.BROKER, GOLD, flaky)

    plain_s = [0.10, 0.22, 0.46, 1.0, 2.15, 4.64, 10.0, 10.0]
    assert [pytest.approx(wait_s, rel=0.22) for wait_s in plain_s] == flaky.waits_s
    assert [8] == [reason.count for reason in house.board.status.healed]


@in_virtual_time
async def test_a_rate_limit_is_waited_out_as_long_as_the_broker_asks() -> None:
    """Returning earlier only lengthens the ban; the schedule is no excuse."""
    house = await a_house()
    flaky = Flaky(RateLimited("Slow down.", 7.5), RateLimited("Slow down.", 0.0))

    await attempt(house.tools, Partner.BROKER, GOLD, flaky)

    assert pytest.approx(7.5) == flaky.waits_s[0]
    assert flaky.waits_s[1] > 0.1


@in_virtual_time
async def test_success_clears_what_a_former_life_left_standing() -> None:
    """A process that crashed in the middle of trying is not there to clear its reason."""
    house = await a_house()
    for scope in (GOLD, YEN):
        house.board.post(ReasonRaised(DegradedCode.BROKER_RATE_LIMITED, scope, "before"))
    house.board.post(ReasonRaised(DegradedCode.DISK_ERROR, GOLD, "before"))

    await attempt(house.tools, Partner.BROKER, GOLD, Flaky())

    standing = [(reason.code.value, reason.scope) for reason in house.board.status.reasons]
    assert [("BROKER_RATE_LIMITED", YEN), ("DISK_ERROR", GOLD)] == standing


@pytest.mark.parametrize("error", [Fenced("Another."), RuntimeError("Bug."), CacheDown("Other.")])
def test_what_is_not_the_partners_failure_is_not_caught(error: Exception) -> None:
    """A bug must crash its process and a fence must stop it; neither may be retried for ever."""

    @in_virtual_time
    async def raises() -> None:
        house = await a_house()
        with pytest.raises(type(error)):
            await attempt(house.tools, Partner.DISK, GOLD, Flaky(error))
        assert set() == house.codes

    raises()


@pytest.mark.parametrize(
    ("partner", "error", "code"),
    [
        (Partner.DISK, DiskFailed("Broken."), "DISK_ERROR"),
        (Partner.REDIS, CacheRegressed("Empty."), "REDIS_REGRESSED"),
    ],
)
def test_one_success_says_nothing_of_a_call_that_still_fails(
    partner: Partner, error: Exception, code: str
) -> None:
    """A call with nothing to do, or of another symbol, would else call the failing one healed."""

    @in_virtual_time
    async def beside() -> None:
        house = await a_house()
        trying = asyncio.create_task(attempt(house.tools, partner, None, Flaky(error)))
        await settle()
        await attempt(house.tools, partner, None, Flaky())
        assert {code} == house.codes

        await trying
        assert set() == house.codes

    beside()


@in_virtual_time
async def test_who_waits_for_redis_goes_on_as_soon_as_it_is_back() -> None:
    """Its watch knows after a quarter of a second; ten more would hide a minute from readers."""
    house = await a_house()
    flaky = Flaky(*[CacheDown("Refused.")] * 8)
    trying = asyncio.create_task(attempt(house.tools, Partner.REDIS, None, flaky))
    while flaky.errors:
        await asyncio.sleep(1)
    back_s = asyncio.get_running_loop().time()
    house.board.post(ReasonCleared(DegradedCode.REDIS_DOWN, None))

    assert "done" == await trying
    assert back_s == asyncio.get_running_loop().time()
    assert flaky.waits_s[-1] < flaky.waits_s[-2]
