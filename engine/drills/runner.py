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
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from uds.model import MINUTE_MS, Symbol

from ..bootstrap import begin_rebuild
from ..degraded import MEANINGS, DegradedCode, Severity
from ..gate import GateState
from ..status import Status
from .checks import AFTER, HELD, failed
from .drill import DEAD_MAN_S, LOUD_S, STOPS, Origin, Variant
from .facts import READS_MIN, VariantFacts
from .injection import Injection, Scene
from .readers import Readers
from .shape import DrillPhase
from .watch import Watch, watching

POLL_S = 0.01
_SETTLES_S = 20.0
SLACK_S = 8.0
"""So long past its bound a thing is waited for, so that the drill can say how late it was."""
_STOP_WORDS = frozenset({"fenced", "unsafe", "forced_open"})


class Stopped(Exception):
    """A stop condition came true; the message is a sentence."""


@dataclass(slots=True)
class Course:
    """How far one variant has come, and what was measured."""

    scene: Scene
    """The engine."""
    variant: Variant
    """What is run."""
    injection: Injection
    """How it is put in."""
    watch: Watch
    """What was seen."""
    readers: Readers
    """What readers got."""
    tell: Callable[[DrillPhase, str], None]
    """Hears of each phase, with what was seen."""
    origin_s: float | None = None
    """From when on the seconds to loud are counted; None until it is known."""
    loud_s: float | None = None
    """When the reason was said, by the monotonic clock."""
    out_s: float | None = None
    """When the fault was taken out."""
    well_s: float | None = None
    """When all was well again."""
    minute_s: float = 0.0
    """When the next minute is final, by the monotonic clock, as seen at the injection."""
    stood: bool = True
    """Whether the reason stood."""
    failed: tuple[str, ...] = ()
    """Checks that did not hold."""
    left: tuple[str, ...] = ()
    """What stayed behind."""
    aborted: str = ""
    """Why it was ended early."""
    is_recovered: bool = False
    """Whether the recovery was waited for to its end."""

    @property
    def is_ended(self) -> bool:
        """Whether somebody or something ended it early."""
        return bool(self.aborted or self.failed)

    @property
    def now_s(self) -> float:
        """The monotonic clock."""
        return self.scene.tools.clock.monotonic_s()

    @property
    def status(self) -> Status:
        """The engine's."""
        return self.scene.tools.board.status

    def facts(self) -> VariantFacts:
        """All that was measured."""
        variant, watch = self.variant, self.watch
        said = watch.first_said(variant.codes)
        loud_s = None
        if self.loud_s is not None and self.origin_s is not None:
            loud_s = round(max(0.0, self.loud_s - self.origin_s), 3)
        from_s = self.out_s if variant.hold_s else self.loud_s or self.origin_s
        recovered_s = None
        if self.well_s is not None and from_s is not None:
            recovered_s = round(max(0.0, self.well_s - from_s), 3)
        return VariantFacts(
            variant=variant.name,
            was_well=True,
            injected=self.injection.hits,
            wants_reason=bool(variant.codes),
            code=said.code.value if said else None,
            loud_s=loud_s if variant.codes else None,
            loud_max_s=variant.detectable_s + LOUD_S,
            stood=self.stood,
            recovered_s=recovered_s,
            recovered_max_s=variant.recovers_s,
            wider=tuple(watch.wider),
            failed=self.failed,
            left=self.left,
            readers=self.readers.facts,
            answer_max_s=variant.radius.answer_s,
            restarted=watch.restarted,
            gates=tuple(watch.gates),
            aborted=self.aborted,
            timeline=tuple(watch.timeline),
        )


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
        course.left = _left(course)
        await files.end()
    return course.facts()


def is_well(status: Status) -> bool:
    """Whether all cells are served, the gate is open and nothing is degraded."""
    return status.gate_state is GateState.OPEN and status.ready_cells == len(status.cells)


async def _put_in(course: Course) -> None:
    course.tell(DrillPhase.INJECT, course.variant.name)
    tools = course.scene.tools
    settle_ms = tools.markets[course.scene.victim].settle_ms
    due_ms = (tools.clock.now_ms() - settle_ms) // MINUTE_MS * MINUTE_MS + MINUTE_MS + settle_ms
    course.minute_s = course.now_s + tools.clock.delay_s(due_ms)
    course.watch.moved_s = course.now_s
    course.watch.note(f"put in: {course.variant.name}")
    if course.variant.origin is Origin.INJECTED:
        course.origin_s = course.now_s
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
        said = course.watch.first_said(variant.codes)
        if said is not None:
            course.loud_s = said.at_s
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
        await asyncio.sleep(POLL_S)
    standing = {reason.code for reason in course.status.reasons}
    course.stood = not variant.hold_s or not variant.codes or bool(standing & {*variant.codes})
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
    expected = _all_codes(course.variant)
    for said in course.watch.said:
        if said.code in STOPS - expected:
            raise Stopped(f"{said.code.value} was raised")
    word = course.status.gate_state.value
    if word in _STOP_WORDS and word not in course.variant.radius.gates:
        raise Stopped(f"the gate is {word}")


def _take_out(course: Course) -> None:
    course.injection.take_out()
    if course.out_s is None:
        course.out_s = course.now_s
    course.watch.is_in = False
    course.watch.note(f"taken out: {course.variant.name}")
    course.tell(DrillPhase.REVERT, course.variant.name)


async def _recover(course: Course) -> None:
    """Until all is well again, or long past the bound."""
    course.tell(DrillPhase.RECOVER, course.variant.name)
    bound_s = course.variant.recovers_s + SLACK_S
    until_s = course.now_s + max(bound_s, _SETTLES_S)
    while course.now_s < until_s:
        if course.well_s is None and _is_over(course):
            course.well_s = course.now_s
        if course.well_s is not None and _is_settled(course):
            break
        await asyncio.sleep(POLL_S)
    course.is_recovered = True
    if course.well_s is None:
        return
    course.watch.note("well again")
    course.failed += await failed(AFTER, course.scene, course.watch)


def _left(course: Course) -> tuple[str, ...]:
    """What stayed behind; reasons need their time, which an abort does not grant them."""
    if course.aborted:
        return course.injection.left()
    standing = _standing(course, _must_go(course.variant))
    doubt = () if _is_well_again(course) else ("all is not well again",)
    return (*course.injection.left(), *standing, *doubt)


def _is_over(course: Course) -> bool:
    """Whether the recovery predicate holds: no reason of it stands and its symbol is sealed."""
    if _standing(course, {*course.variant.codes}):
        return False
    if course.variant.origin is Origin.SILENT:
        return True
    is_sealed = not course.variant.rebuilds or not _is_drafting(course)
    return course.status.gate_state.is_open and is_sealed


def _is_settled(course: Course) -> bool:
    """Whether the hypothesis holds again, and readers have seen it."""
    is_read = course.readers.facts.given >= READS_MIN
    return _is_well_again(course) and not _is_drafting(course) and is_read


def _is_well_again(course: Course) -> bool:
    status, stays = course.status, course.variant.radius.stays
    degraded = {r.code for r in status.reasons if r.severity is Severity.DEGRADED}
    is_complete = status.ready_cells == len(status.cells)
    return status.gate_state.is_open and is_complete and degraded <= stays


def _is_drafting(course: Course) -> bool:
    return course.scene.tools.store.is_drafting(course.scene.victim)


def _all_codes(variant: Variant) -> set[DegradedCode]:
    return {*variant.codes, *variant.radius.also}


def _must_go(variant: Variant) -> set[DegradedCode]:
    return _all_codes(variant) - variant.radius.stays


def _standing(course: Course, codes: set[DegradedCode]) -> tuple[str, ...]:
    """Reasons that stand; those that only inform may go with the next boot."""
    return tuple(
        f"{reason.code.value} still stands"
        for reason in course.status.reasons
        if reason.code in codes and MEANINGS[reason.code].severity is Severity.DEGRADED
    )


async def _unless_stopped(
    work: Coroutine[object, object, None], stop: asyncio.Event | None, course: Course
) -> None:
    """Do it; an abort or a stop condition ends it and is noted."""
    task = asyncio.create_task(work, name="drill course")
    told = asyncio.create_task((stop or asyncio.Event()).wait(), name="drill abort")
    try:
        await asyncio.wait((task, told), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            course.aborted = course.aborted or "it was aborted"
            return
        failure = task.exception()
        if isinstance(failure, Stopped):
            course.failed += (f"stopped because {failure}",)
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
            course.failed += (f"the dead man took it out after {DEAD_MAN_S:.0f} s",)
            course.injection.take_out()

    timer = asyncio.get_running_loop().call_later(DEAD_MAN_S, die)
    try:
        yield
    finally:
        timer.cancel()


def new_course(
    scene: Scene,
    variant: Variant,
    injection: Injection,
    readers: Readers,
    tell: Callable[[DrillPhase, str], None],
) -> Course:
    """A course that begins now."""
    tools = scene.tools
    watch = Watch(tools, variant, scene.victim, tools.board.status, tools.clock.monotonic_s())
    return Course(scene, variant, injection, watch, readers, tell)


def victim_of(symbols: tuple[Symbol, ...]) -> Symbol:
    """The symbol that suffers: the last, so that the first ones on a screen stay as they are."""
    return symbols[-1]
