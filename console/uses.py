"""What the engine uses of its host, from two readings of it: shares of the time between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from engine import HostUse


if TYPE_CHECKING:
    from uds import Used


class Uses(NamedTuple):
    """The newest reading, and the one before."""

    now: HostUse
    """The newest."""
    before: HostUse | None = None
    """The one before; None until there is one."""

    def after(self, reading: HostUse) -> Uses:
        """With one reading more; one of an engine that began later stands for itself."""
        return Uses(reading, self.now if reading.at_s > self.now.at_s else None)

    @property
    def over_s(self) -> float:
        """The time that is looked at, in seconds."""
        return self.now.at_s - (self.before.at_s if self.before else 0.0)

    def loop_share(self, process: str) -> float | None:
        """How much of that time a process held the loop; at first, since the engine opened.

        None where it is not counted.
        """
        busy_s = self.now.busy_s.get(process)
        if busy_s is None:
            return None
        return self._share(busy_s, self.before.busy_s.get(process, 0.0) if self.before else 0.0)

    @property
    def engine_share(self) -> float | None:
        """Cores that the whole process used; None until known: it is older than the engine."""
        return self._cores(self.now.engine, self.before.engine if self.before else None)

    @property
    def server_share(self) -> float | None:
        """Cores that the embedded server used; None until known, and where there is none."""
        return self._cores(self.now.server, self.before.server if self.before else None)

    def _cores(self, now: Used | None, before: Used | None) -> float | None:
        return None if now is None or before is None else self._share(now.cpu_s, before.cpu_s)

    def _share(self, now_s: float, before_s: float) -> float | None:
        """Another server under the old name began anew."""
        return max(0.0, now_s - before_s) / self.over_s if self.over_s > 0 else None
