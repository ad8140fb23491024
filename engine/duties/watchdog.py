"""Watches the loop and the clocks: a stall, a pause or a jump is said, and ownership asked again.

A beat that comes late was held up by something that does not let others run, or by nobody
letting us run. Both look alike from inside; so a gap that is long enough for a successor to
have taken the data is treated as a pause. The wall clock is compared with the monotonic one:
when they do not agree on how long a beat was, somebody set it.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys

from uds import Fenced

from ..degraded import DegradedCode
from ..events import ClockMoved, ReasonCleared, ReasonRaised
from ..figures import grouped
from ..process import Tools
from ..sayings import saying
from ..tenure import PAUSE_S, say_fenced

BEAT_S = 0.25
LAG_S = 0.25
"""A beat later than this is a stall."""
DUMP_S = 2.0
"""After a longer one the log shows what every task is doing."""
JUMP_S = 1.0
"""A larger disagreement of the clocks over one beat is a jump."""
_CALM_BEATS = 4
_SWITCH_S = 0.000_5
"""How long the loop waits for a thread that computes: Python's own 5 ms add up in a start."""
_log = logging.getLogger(__name__)


async def watch_loop(tools: Tools) -> None:
    """Beat until fenced or cancelled."""
    clock, board = tools.clock, tools.board
    sys.setswitchinterval(_SWITCH_S)
    calm = 0
    is_unproved = False
    tools.tenure.beat()  # a pause within the first beat is a pause
    while True:
        begun_s, begun_ms = clock.monotonic_s(), clock.real_ms()
        await clock.sleep(BEAT_S)
        took_s = clock.monotonic_s() - begun_s
        jumped_s = (clock.real_ms() - begun_ms) / 1_000 - took_s
        tools.tenure.beat()
        calm = 0 if _say_stall(tools, took_s) else calm + 1
        if calm == _CALM_BEATS:
            _clear(tools, DegradedCode.LOOP_STALLED)
        if abs(jumped_s) > JUMP_S:
            jumped = saying("clock_jumped", f"{jumped_s:+.1f}")
            board.post(ReasonRaised.told(DegradedCode.CLOCK_JUMP, None, jumped))
            board.post(ClockMoved(round(jumped_s * 1_000)))
        is_unproved = is_unproved or abs(jumped_s) > JUMP_S or took_s > PAUSE_S
        if is_unproved:
            try:
                is_unproved = not await tools.tenure.prove()
            except Fenced as error:
                say_fenced(board, error)
                return
            if not is_unproved:
                _clear(tools, DegradedCode.CLOCK_JUMP)


def _say_stall(tools: Tools, took_s: float) -> bool:
    """Whether the beat came so late that it is a reason."""
    lag_s = took_s - BEAT_S
    if lag_s <= LAG_S:
        return False
    late = saying("loop_late", grouped(lag_s * 1_000))
    tools.board.post(ReasonRaised.told(DegradedCode.LOOP_STALLED, None, late))
    if lag_s > DUMP_S:
        _log.warning("%s Every task now:\n%s", late, _stacks())
    return True


def _clear(tools: Tools, code: DegradedCode) -> None:
    if any(reason.code is code for reason in tools.board.status.reasons):
        tools.board.post(ReasonCleared(code, None))


def _stacks() -> str:
    """What every task is doing, by name."""
    text = io.StringIO()
    for task in sorted(asyncio.all_tasks(), key=asyncio.Task.get_name):
        task.print_stack(file=text)
    return text.getvalue()
