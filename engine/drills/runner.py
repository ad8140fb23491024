"""One variant of a drill on one engine: written down, put in, watched, taken out, measured.

Theory of operation. The order is always the same: the way back is durable before the fault is
put in, and gone only after the fault is out and nothing is left of it. Whatever ends the
watching (success, a bound that was missed, an abort, an exception, a cancellation, the dead man)
goes through one `finally` that takes the fault out; that step needs no waiting and may be
repeated. The dead man is a timer of its own: it takes the fault out even where the runner
itself hangs. Only then is the engine's recovery measured.

Nothing here decides. What was measured is handed on as facts (`facts.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager

from uds.model import MINUTE_MS

from ..bootstrap import begin_rebuild
from ..sayings import Saying, saying
from .checks import AFTER, HELD, failed
from .course import Course
from .drill import DEAD_MAN_S, LOUD_S, STOPS, Origin
from .facts import VariantFacts
from .shape import DrillPhase
from .watch import watching

POLL_S = 0.01
_SETTLES_S = 20.0
SLACK_S = 8.0
"""So long past its bound a thing is waited for, so that the drill can say how late it was."""
_STOP_WORDS = frozenset({"fenced", "unsafe", "forced_open"})


class Stopped(Exception):
    """A stop condition came true."""

    def __init__(self, said: Saying) -> None:
        super().__init__(str(said))
        self.said = said
        """Which."""


async def run_variant(
    course: Course,
    place: Mapping[str, object],
    *,
    is_in: bool = False,
    stop: asyncio.Event | None = None,
) -> VariantFacts:
    """Measure one variant; `is_in` says that a fault of a start was armed before it.

    `place` is what the journal says beside the way back. `stop` is set by whoever aborts. The
    facts of a course that was aborted are those until then.
    """
    files = course.scene.tools.store.drills
    async with watching(course.watch), _dead_man(course):
        try:
            if not is_in:
                await files.begin({**place, "undo": dict(course.injection.undo())})
                await _put_in(course)
            await _unless_stopped(_observe(course), stop, course)
            if course.variant.hold_s is None and not course.is_ended:
                await _unless_stopped(_recover(course), stop, course)
        finally:
            _take_out(course)
        await course.injection.tidy()
        if not (course.is_recovered or course.aborted):
            await _unless_stopped(_recover(course), stop, course)
        course.left = course.left_behind()
        await files.end()
    return course.facts()


async def _put_in(course: Course) -> None:
    course.tell(DrillPhase.INJECT, course.variant.name)
    tools = course.scene.tools
    settle_ms = tools.markets[course.scene.victim].settle_ms
    due_ms = (tools.clock.now_ms() - settle_ms) // MINUTE_MS * MINUTE_MS + MINUTE_MS + settle_ms
    course.minute_s = course.now_s + tools.clock.delay_s(due_ms)
    course.watch.moved_s = course.now_s
    course.watch.note("put_in", course.variant.name)
    if course.variant.origin is Origin.INJECTED:
        course.origin_s = course.now_s
    course.reads_before = course.readers.facts.total
    course.unhit_s = course.now_s
    await course.injection.put_in()
    if course.variant.rebuilds:
        begin_rebuild(tools, course.scene.victim)


async def _observe(course: Course) -> None:
    """Until it was said, and for as long as it is to be held in."""
    course.tell(DrillPhase.OBSERVE, course.variant.name)
    variant = course.variant
    loud_by_s = variant.detectable_s + LOUD_S + SLACK_S
    begun_s = course.now_s
    while course.loud_s is None:
        _stop_if_wider(course)
        _find_origin(course)
        reason = course.reason()
        if reason is not None:
            course.loud_s, course.code = reason.at_s, reason.code
            _find_origin(course)
        elif not variant.codes and course.injection.hits:
            break
        elif (
            course.now_s - (course.origin_s or begun_s + _ORIGIN_WAIT_S[variant.origin]) > loud_by_s
        ):
            return
        else:
            await asyncio.sleep(POLL_S)
    if variant.hold_s is None:
        return
    held_until_s = course.now_s + variant.hold_s
    while course.now_s < held_until_s:
        _stop_if_wider(course)
        standing = {reason.code for reason in course.status.reasons}
        course.stood &= not variant.codes or bool(standing & {*variant.codes})
        await asyncio.sleep(POLL_S)
    has_lapsed = (course.watch.lapsed_s or 0.0) > (course.loud_s or course.now_s)
    course.stood &= not (has_lapsed and variant.hold_s)
    course.was_over = bool(variant.hold_s) and course.is_over
    course.failed += await failed(HELD, course.scene, course.watch)


_ORIGIN_WAIT_S = dict.fromkeys(Origin, 25.0) | {Origin.MINUTE: 75.0}
"""How long the origin itself may take to come."""


def _find_origin(course: Course) -> None:
    """From when on it could be told, as soon as that is known."""
    if course.origin_s is not None and course.variant.origin is not Origin.SILENT:
        return
    watch = course.watch
    match course.variant.origin:
        case Origin.INJECTED:
            course.origin_s = watch.began_s
        case Origin.HIT:
            course.origin_s = course.now_s if course.injection.hits else None
        case Origin.OPENED:
            course.origin_s = course.scene.tools.opened_s
        case Origin.DECIDED:
            course.origin_s = watch.decided_s
        case Origin.PRIMING:
            course.origin_s = watch.priming_s
        case Origin.MINUTE:
            course.origin_s = course.minute_s
        case Origin.SILENT:
            course.origin_s = watch.silent_from_s or watch.moved_s or watch.began_s


def _stop_if_wider(course: Course) -> None:
    """A live drill that does what nobody predicted ends at once; raises Stopped."""
    expected = {*course.variant.codes, *course.variant.radius.also}
    for said in course.watch.said:
        if said.code in STOPS - expected:
            raise Stopped(saying("stopped_by_reason", said.code.value))
    word = course.status.gate_state.value
    if word in _STOP_WORDS and word not in course.variant.radius.gates:
        raise Stopped(saying("stopped_by_gate", word))


def _take_out(course: Course) -> None:
    course.count_reads()
    course.injection.take_out()
    if course.out_s is None:
        course.out_s = course.now_s
    course.watch.is_in = False
    course.watch.note("taken_out", course.variant.name)
    course.tell(DrillPhase.REVERT, course.variant.name)


async def _recover(course: Course) -> None:
    """Until all is well again, or long past the bound."""
    course.tell(DrillPhase.RECOVER, course.variant.name)
    bound_s = course.variant.recovers_s + SLACK_S
    until_s = course.now_s + max(bound_s, _SETTLES_S)
    while course.now_s < until_s:
        if course.well_s is None and course.is_over:
            course.well_s = course.now_s
            course.count_reads()
        if course.well_s is not None and course.is_settled:
            break
        await asyncio.sleep(POLL_S)
    course.is_recovered = True
    if course.well_s is None:
        return
    course.watch.note("well_again")
    course.failed += await failed(AFTER, course.scene, course.watch)


async def _unless_stopped(
    work: Coroutine[object, object, None], stop: asyncio.Event | None, course: Course
) -> None:
    """Do it; an abort or a stop condition ends it and is noted."""
    task = asyncio.create_task(work, name="drill course")
    told = asyncio.create_task((stop or asyncio.Event()).wait(), name="drill abort")
    try:
        await asyncio.wait((task, told), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            course.aborted = course.aborted or saying("aborted_unnamed")
            return
        failure = task.exception()
        if isinstance(failure, Stopped):
            course.failed += (failure.said,)
        elif failure is not None:
            raise failure
    finally:
        told.cancel()
        task.cancel()
        await asyncio.wait((task, told))


@asynccontextmanager
async def _dead_man(course: Course) -> AsyncIterator[None]:
    """Take the fault out after a minute, whatever the runner does meanwhile."""

    def die() -> None:
        if course.out_s is None:
            course.failed += (saying("dead_man", f"{DEAD_MAN_S:.0f}"),)
            course.injection.take_out()

    timer = asyncio.get_running_loop().call_later(DEAD_MAN_S, die)
    try:
        yield
    finally:
        timer.cancel()
