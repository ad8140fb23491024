"""A recorded boot under the operator's hand: where the tape stands, and how fast it runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine import Status

if TYPE_CHECKING:
    from engine import Recording

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)
"""Recorded seconds in a second."""
_PLACE = re.compile(
    r"(?P<sign>[+-]?)(?:(?:(?P<hours>[0-9]{1,3}):)?(?P<minutes>[0-9]{1,3}):)?"
    r"(?P<seconds>[0-9]{1,6}(?:\.[0-9]+)?)s?"
)


class Tape:
    """One recording and the place on it; time comes from outside, in seconds."""

    def __init__(self, recording: Recording, now_s: Callable[[], float]) -> None:
        self._recording = recording
        self._now_s = now_s
        self._place_ms = float(recording.begin_ms)
        self._ran_at_s: float | None = None
        self._speed_at = SPEEDS.index(1.0)
        self._status = recording.status(0)
        self._step = 0

    @property
    def is_running(self) -> bool:
        """Whether it moves; at the end it stops by itself."""
        return self._ran_at_s is not None

    @property
    def speed(self) -> float:
        """Recorded seconds in a second."""
        return SPEEDS[self._speed_at]

    @property
    def now_ms(self) -> int:
        """The recorded moment, UTC ms."""
        self._roll()
        return int(self._place_ms)

    @property
    def status(self) -> Status:
        """The status as it was then; the same object until it changes."""
        self._roll()
        step = self._standing
        if step != self._step:
            self._step, self._status = step, self._recording.status(step)
        return self._status

    @property
    def next_change_s(self) -> float | None:
        """Seconds until the next recorded change; None when none comes by itself."""
        self._roll()
        following = self._standing + 1
        if not self.is_running or following >= len(self._recording.steps):
            return None
        return (self._recording.steps[following].at_ms - self._place_ms) / 1_000 / self.speed

    @property
    def since_s(self) -> float:
        """Recorded seconds since the beginning."""
        return (self.now_ms - self._recording.begin_ms) / 1_000

    @property
    def position(self) -> tuple[int, int]:
        """The step it stands on, from 1, and how many there are."""
        return self._standing + 1, len(self._recording.steps)

    def play(self) -> None:
        """Let it run; from the end it begins again."""
        if self._place_ms >= self._recording.end_ms:
            self._put(self._recording.begin_ms)
        self._ran_at_s = self._now_s()

    def pause(self) -> None:
        """Let it stand."""
        self._roll()
        self._ran_at_s = None

    def turn_speed(self, steps: int) -> None:
        """Faster, or slower with a negative number."""
        self._roll()
        self._speed_at = max(0, min(len(SPEEDS) - 1, self._speed_at + steps))

    def step(self, moments: int) -> None:
        """So many changes on, or back; it stands there. What happened at once is one change."""
        self.pause()
        steps = self._recording.steps
        at, limit = self._standing, len(steps) - 1
        for _ in range(abs(moments)):
            if moments > 0:
                at = self._recording.at(steps[min(at + 1, limit)].at_ms)
            else:
                at = self._recording.at(steps[at].at_ms - 1)
        self._put(steps[at].at_ms)

    def seek(self, text: str) -> bool:
        """To `12.5`, `1:02` (since the beginning), `+5`, `-5` (from here); whether it was read."""
        found = _PLACE.fullmatch(text.strip())
        if found is None:
            return False
        hours, minutes, seconds = (float(found[part] or 0) for part in _PARTS)
        away_ms = (hours * 3_600 + minutes * 60 + seconds) * 1_000
        match found["sign"]:
            case "+":
                self._put(self.now_ms + away_ms)
            case "-":
                self._put(self.now_ms - away_ms)
            case _:
                self._put(self._recording.begin_ms + away_ms)
        return True

    @property
    def _standing(self) -> int:
        return self._recording.at(int(self._place_ms))

    def _put(self, place_ms: float) -> None:
        begin_ms, end_ms = self._recording.begin_ms, self._recording.end_ms
        self._place_ms = float(max(begin_ms, min(end_ms, place_ms)))
        if self._ran_at_s is not None:
            self._ran_at_s = self._now_s()

    def _roll(self) -> None:
        """Move on by the time that has passed."""
        if self._ran_at_s is None:
            return
        now_s = self._now_s()
        self._place_ms += (now_s - self._ran_at_s) * 1_000 * self.speed
        self._ran_at_s = now_s
        if self._place_ms >= self._recording.end_ms:
            self._place_ms, self._ran_at_s = float(self._recording.end_ms), None


_PARTS = ("hours", "minutes", "seconds")
