"""What the terminal has still to take: whole frames, bounded, written without ever waiting.

Theory of operation. A terminal that does not read (a stalled link, a paused window) must cost the
engine nothing, and a frame may be lost but never torn. All that is written in one turn of the
loop is one frame, so the marks around it cannot be separated from it. Frames are passed on as far
as the kernel takes them; the rest waits for the descriptor to be writable. A new frame is dropped
when more than BACKLOG_MAX bytes wait already, and when nothing was taken for STALLED_AFTER_S; then
those that have not begun are dropped as well, because a newer picture replaces them. Frames only
say what differs from the frame before, so one lost frame spoils all that follow: from the first
one dropped until everything is drained nothing is passed on, and then the whole screen is asked
for. What switches the terminal's modes is never dropped.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

BACKLOG_MAX = 16 * 1024
"""Bytes that may wait; one frame may exceed them."""
STALLED_AFTER_S = 1.0
_RETRY_S = 0.05


class _Frame(NamedTuple):
    data: bytes
    can_drop: bool


class Outlet:
    """Writes to one descriptor that does not block; `lost` is told once, when it fails."""

    def __init__(
        self,
        fd: int,
        *,
        lost: Callable[[OSError], None],
        stalled: Callable[[bool], None],
        redraw: Callable[[], None],
    ) -> None:
        """`stalled` is told True and later False, `redraw` when the whole screen is wanted."""
        self._fd = fd
        self._lost, self._stalled, self._redraw = lost, stalled, redraw
        self._loop = asyncio.get_running_loop()
        self._parts: list[str] = []
        self._frames: deque[_Frame] = deque()
        self._sent = 0
        self._stall_timer: asyncio.TimerHandle | None = None
        self._retry_timer: asyncio.TimerHandle | None = None
        self._is_watching = False
        self._is_dropping = False
        self._is_stalled = False
        self._is_ending = False
        self._is_closed = False

    @property
    def backlog(self) -> int:
        """Bytes that wait for the terminal."""
        return sum(len(frame.data) for frame in self._frames) - self._sent

    def write(self, text: str) -> None:
        """A part of this turn's frame; dropped with it when the terminal does not keep up."""
        if self._is_closed or self._is_dropping:
            return
        if not self._parts:
            self._loop.call_soon(self._seal)
        self._parts.append(text)

    def switch(self, text: str) -> None:
        """A change of modes; it is never dropped."""
        self._seal()
        if not self._is_closed:
            self._frames.append(_Frame(text.encode(), can_drop=False))
            self._pump()

    def close(self, text: str, within_s: float) -> None:
        """End with this change of modes; unbegun frames are dropped, the rest has this long."""
        if self._is_closed:
            return
        self._is_ending = True
        self._parts.clear()
        self._drop()
        self._frames.append(_Frame(text.encode(), can_drop=False))
        until_s = self._loop.time() + within_s
        ready = select.poll()
        ready.register(self._fd, select.POLLOUT)
        self._pump()
        while self._frames and not self._is_closed and (left_s := until_s - self._loop.time()) > 0:
            ready.poll(min(left_s, _RETRY_S) * 1_000)
            self._pump()
        self.abandon()

    def abandon(self) -> None:
        """Write nothing any more."""
        self._is_closed = True
        self._parts.clear()
        self._frames.clear()
        self._sent = 0
        self._rest()

    def _seal(self) -> None:
        """Close the frame of this turn."""
        if not self._parts:
            return
        frame = _Frame("".join(self._parts).encode("utf-8", "replace"), can_drop=True)
        self._parts.clear()
        if self._is_closed or self._is_dropping:
            return
        if self.backlog > BACKLOG_MAX:
            self._drop()
            return
        self._frames.append(frame)
        self._pump()

    def _pump(self) -> None:
        """Pass on what the kernel takes now."""
        sent_before, frames_before = self._sent, len(self._frames)
        try:
            while self._frames:
                self._sent += os.write(self._fd, memoryview(self._frames[0].data)[self._sent :])
                if self._sent == len(self._frames[0].data):
                    self._frames.popleft()
                    self._sent = 0
        except BlockingIOError:
            self._wait((self._sent, len(self._frames)) != (sent_before, frames_before))
        except OSError as error:
            self.abandon()
            self._lost(error)
        else:
            self._drained()

    def _wait(self, has_moved: bool) -> None:
        """Until the terminal takes more; a second without any is a stall."""
        if self._stall_timer is not None and has_moved:
            self._stall_timer.cancel()
            self._stall_timer = None
        if self._stall_timer is None:
            self._stall_timer = self._loop.call_later(STALLED_AFTER_S, self._stall)
        if has_moved or not self._is_watching:
            self._watch()
        else:
            # the kernel calls it writable and takes nothing: asking at once would spin
            self._unwatch()
            self._retry_timer = self._loop.call_later(_RETRY_S, self._pump)

    def _stall(self) -> None:
        """Nothing was taken for a while: drop what has not begun, and say so."""
        self._drop()
        if not self._is_stalled:
            self._is_stalled = True
            self._stalled(True)

    def _drop(self) -> None:
        self._is_dropping = True
        begun = 1 if self._sent else 0
        kept = [f for at, f in enumerate(self._frames) if at < begun or not f.can_drop]
        self._frames = deque(kept)

    def _drained(self) -> None:
        """Everything is out: a lost frame makes the whole screen due."""
        self._rest()
        was_dropping, was_stalled = self._is_dropping, self._is_stalled
        self._is_dropping = self._is_stalled = False
        if self._is_ending:
            return
        if was_stalled:
            self._stalled(False)
        if was_dropping:
            self._redraw()

    def _watch(self) -> None:
        if not self._is_watching:
            self._is_watching = True
            self._loop.add_writer(self._fd, self._pump)

    def _unwatch(self) -> None:
        if self._is_watching:
            self._is_watching = False
            self._loop.remove_writer(self._fd)

    def _rest(self) -> None:
        self._unwatch()
        for timer in (self._stall_timer, self._retry_timer):
            if timer is not None:
                timer.cancel()
        self._stall_timer = self._retry_timer = None
