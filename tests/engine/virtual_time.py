"""An event loop whose time jumps to the next timer, so that a minute's wait costs nothing."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ParamSpec

_P = ParamSpec("_P")
_LIMIT_S = 21_600.0
"""More virtual time than any test may need: waiting in vain fails instead of spinning."""


class Deadlock(Exception):
    """Nobody is ready and no timer is set: what the test waits for cannot come."""


class _JumpingSelector(selectors.BaseSelector):
    """Never waits: with nothing to read, it moves the loop's time on instead."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._inner = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = self._inner.select(0)
        if not events and timeout is None:
            raise Deadlock("nobody is ready and no timer is set")
        if not events:
            self.now_s += max(0.0, timeout or 0.0)
        return events

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop; its time begins at zero."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds by the virtual clock."""
        return self._jumping.now_s

    def pass_time(self, seconds: float) -> None:
        """Let time go by while nobody runs."""
        self._jumping.now_s += seconds


class VirtualClock:
    """The engine's clock over the running virtual loop."""

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms

    def now_ms(self) -> int:
        """The market's wall clock, UTC ms."""
        return self._start_ms + round(self.monotonic_s() * 1_000)

    def real_ms(self) -> int:
        """The same: these tests have one wall clock."""
        return self.now_ms()

    def monotonic_s(self) -> float:
        """Seconds since the test began."""
        return asyncio.get_running_loop().time()

    def delay_s(self, until_ms: int) -> float:
        """How long until the clock says so: its wall time and the loop's are one."""
        return (until_ms - self.now_ms()) / 1_000

    async def sleep(self, delay_s: float) -> None:
        """Wait without taking time."""
        await asyncio.sleep(delay_s)


def in_virtual_time(test: Callable[_P, Awaitable[None]]) -> Callable[_P, None]:
    """Run an asynchronous test on a loop of its own, in virtual time."""

    @functools.wraps(test)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        async def limited() -> None:
            async with asyncio.timeout(_LIMIT_S):
                await test(*args, **kwargs)

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(limited())

    return run


async def settle(turns: int = 20) -> None:
    """Let everything that is ready run, without time passing."""
    for _ in range(turns):
        await asyncio.sleep(0)
