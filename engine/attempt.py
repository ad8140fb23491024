"""Doing a thing until it succeeds: what the world can break is a reason, never a crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import TypeVar

from uds import CacheDown, CacheRegressed, CacheTimeout, DiskFailed, DiskFull

from .broker.port import FetchFailed, RateLimited
from .broker.session import REQUEST_TIMEOUT_S, FetchSilent
from .degraded import DegradedCode, Scope
from .events import ReasonCleared, ReasonRaised
from .intensity import Backoff
from .process import Tools
from .sayings import Saying, said_of, saying
from .status import Status

_T = TypeVar("_T")


class Partner(Enum):
    """Whom the call depends on, with the failures that are waited out, most special first."""

    BROKER = (
        (RateLimited, DegradedCode.BROKER_RATE_LIMITED),
        (FetchFailed, DegradedCode.BROKER_FETCH_FAILED),
    )
    DISK = ((DiskFull, DegradedCode.DISK_FULL), (DiskFailed, DegradedCode.DISK_ERROR))
    REDIS = (
        (CacheTimeout, DegradedCode.REDIS_TIMEOUT),
        (CacheDown, DegradedCode.REDIS_DOWN),
        (CacheRegressed, DegradedCode.REDIS_REGRESSED),
    )

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """The failures that are waited out."""
        return tuple(kind for kind, _ in self.value)

    @property
    def codes(self) -> frozenset[DegradedCode]:
        """The reasons they become."""
        return frozenset(code for _, code in self.value)

    def code_of(self, error: Exception) -> DegradedCode:
        """The reason one of its failures becomes."""
        codes: tuple[tuple[type[Exception], DegradedCode], ...] = self.value
        return next(code for kind, code in codes if isinstance(error, kind))


async def attempt(
    tools: Tools,
    partner: Partner,
    scope: Scope,
    call: Callable[[], Awaitable[_T]],
    flaw_of: Callable[[_T], Sequence[Saying]] = lambda _: (),
    says_anything: Callable[[_T], bool] = lambda _: True,
) -> _T:
    """Call until it succeeds; success clears what stood against the same partner and scope.

    It clears only once no other call of the same scope is failing: the answer to one page says
    nothing about the page beside it, a disk call that had nothing to do nothing about the disk,
    and one symbol's tails nothing about another's. `flaw_of` says what was wrong with a
    result that can be used all the same; that is said too. A result that does not say anything
    clears nothing. A failure that is not the partner's is not caught: it crashes the process.
    """
    failures = 0
    unsettled = tools.unsettled
    try:
        while True:
            try:
                if partner is not Partner.BROKER:
                    await tools.tenure.assure()
                result = await call()
            except partner.failures as error:
                failures += 1
                unsettled[(partner.name, scope)] += failures == 1
                delay_s = _delay_s(tools, error, failures)
                said = *said_of(error), saying("attempt_due", failures + 1, f"{delay_s:.1f}")
                due_ms = tools.clock.now_ms() + round(delay_s * 1_000)
                code = partner.code_of(error)
                raised = ReasonRaised.told(code, scope, *said, next_attempt_ms=due_ms)
                tools.board.post(raised)
                if failures == 1:
                    tools.say(f"{code.value}: {raised.detail}", logging.WARNING)
                await _wait_out(tools, partner, scope, delay_s)
            else:
                break
    finally:
        if failures:
            unsettled[(partner.name, scope)] -= 1
    if failures:
        tools.say(f"{partner.name} does it again, failed before: {failures}")
    flaw = flaw_of(result)
    if flaw:
        tools.board.post(ReasonRaised.told(partner.value[-1][1], scope, *flaw))
    elif says_anything(result) and not unsettled[(partner.name, scope)]:
        clear(tools, partner, scope)
    return result


async def _wait_out(tools: Tools, partner: Partner, scope: Scope, delay_s: float) -> None:
    """Until the next attempt is due; of Redis, no longer than until its watch says it is back."""
    if partner is not Partner.REDIS:
        await tools.clock.sleep(delay_s)
        return

    def is_back(status: Status) -> bool:
        return not any(r.code in partner.codes and r.scope == scope for r in status.reasons)

    try:
        async with asyncio.timeout(delay_s):
            await tools.board.until(is_back)
    except TimeoutError:
        return


def clear(tools: Tools, partner: Partner, scope: Scope) -> None:
    """The partner did what it was asked: its reasons of this scope no longer hold."""
    for reason in tools.board.status.reasons:
        if reason.code in partner.codes and reason.scope == scope:
            tools.board.post(ReasonCleared(reason.code, scope))


def _delay_s(tools: Tools, error: Exception, failures: int) -> float:
    """By class: a refusal as scheduled, a limit as told, silence less what it took already."""
    limits = tools.config.supervisor
    schedule = Backoff(limits.backoff_min_s, limits.backoff_max_s)
    planned_s = schedule.delay_s(failures, tools.chance.random())
    if isinstance(error, RateLimited):
        return max(planned_s, error.retry_after_s)
    if isinstance(error, FetchSilent):
        return max(schedule.min_s, planned_s - REQUEST_TIMEOUT_S)
    return planned_s
