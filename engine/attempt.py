"""Doing a thing until it succeeds: what the world can break is a reason, never a crash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

from uds import CacheDown, CacheRegressed, CacheTimeout, DiskFailed, DiskFull

from .broker.port import FetchFailed, RateLimited
from .degraded import DegradedCode, Scope
from .events import ReasonCleared, ReasonRaised
from .intensity import Backoff
from .process import Tools

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
    tools: Tools, partner: Partner, scope: Scope, call: Callable[[], Awaitable[_T]]
) -> _T:
    """Call until it succeeds; success clears what stood against the same partner and scope.

    A failure that is not the partner's is not caught: it crashes the process.
    """
    limits = tools.config.supervisor
    schedule = Backoff(limits.backoff_min_s, limits.backoff_max_s)
    failures = 0
    while True:
        try:
            result = await call()
        except partner.failures as error:
            failures += 1
            delay_s = _delay_s(error, schedule.delay_s(failures, tools.chance.random()))
            detail = f"{error} Attempt {failures + 1} in {delay_s:.1f} s."
            tools.board.post(ReasonRaised(partner.code_of(error), scope, detail))
            await tools.clock.sleep(delay_s)
        else:
            clear(tools, partner, scope)
            return result


def clear(tools: Tools, partner: Partner, scope: Scope) -> None:
    """The partner did what it was asked: its reasons of this scope no longer hold."""
    for reason in tools.board.status.reasons:
        if reason.code in partner.codes and reason.scope == scope:
            tools.board.post(ReasonCleared(reason.code, scope))


def _delay_s(error: Exception, planned_s: float) -> float:
    return max(planned_s, error.retry_after_s) if isinstance(error, RateLimited) else planned_s
