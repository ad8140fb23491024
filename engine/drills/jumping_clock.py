"""A clock whose wall time a drill may set, in front of the market's own."""

from __future__ import annotations

from ..clock import MovableClock


class JumpingClock:
    """The clock behind it, its wall times off by what was jumped; monotonic time never is."""

    def __init__(self, inner: MovableClock) -> None:
        self._inner = inner
        self._off_ms = 0

    def jump(self, by_s: float) -> None:
        """Say something else from now on."""
        self._off_ms += round(by_s * 1_000)

    def move_to(self, at_ms: int) -> None:
        """Say `at_ms` now and run on from there."""
        self._inner.move_to(at_ms - self._off_ms)

    def now_ms(self) -> int:
        """The market's wall clock, UTC ms."""
        return self._inner.now_ms() + self._off_ms

    def real_ms(self) -> int:
        """The host's wall clock, UTC ms."""
        return self._inner.real_ms() + self._off_ms

    def monotonic_s(self) -> float:
        """Seconds that never jump."""
        return self._inner.monotonic_s()

    def delay_s(self, until_ms: int) -> float:
        """How long to wait until the market's clock says so."""
        return (until_ms - self.now_ms()) / 1_000

    async def sleep(self, delay_s: float) -> None:
        """Wait; what is under way does not notice a jump."""
        await self._inner.sleep(delay_s)
