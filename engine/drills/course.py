"""How far one variant of a drill has come, what was measured of it, and whether all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from uds.model import Symbol

from ..degraded import MEANINGS, DegradedCode, Severity
from ..gate import GateState
from ..sayings import Saying, saying
from ..status import Status
from .drill import LOUD_S, Origin, Stage, Variant, Way
from .facts import READS_MIN, VariantFacts
from .injection import Injection, Scene
from .readers import Readers
from .shape import DrillPhase
from .watch import Said, Watch


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
    unhit_s: float = 0.0
    """Until then it had befallen nothing: what was said before is not about it."""
    code: DegradedCode | None = None
    """The reason that was said; None until one was."""
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
    was_over: bool = False
    """Whether all was well before a fault that was held in was taken out."""
    reads_before: int = 0
    """How often readers had asked when it was put in."""
    reads_meanwhile: int | None = None
    """How often they asked while it was in, or until all was well; None until then."""
    failed: tuple[Saying, ...] = ()
    """Checks that did not hold."""
    left: tuple[Saying, ...] = ()
    """What stayed behind."""
    aborted: Saying | None = None
    """Why it was ended early; None when it was not."""
    is_recovered: bool = False
    """Whether the recovery was waited for to its end."""

    @property
    def is_ended(self) -> bool:
        """Whether somebody or something ended it early."""
        return self.aborted is not None or bool(self.failed)

    @property
    def now_s(self) -> float:
        """The monotonic clock."""
        return self.scene.tools.clock.monotonic_s()

    @property
    def status(self) -> Status:
        """The engine's."""
        return self.scene.tools.board.status

    def reason(self) -> Said | None:
        """The first of the expected reasons that can be about this fault; None while none is."""
        if self.variant.origin is Origin.HIT and not self.injection.hits:
            self.unhit_s = self.now_s
            return None
        return self.watch.first_said(self.variant.codes, self.unhit_s)

    def count_reads(self) -> None:
        """From now on the answers are not those of the failure any more."""
        if self.reads_meanwhile is None:
            self.reads_meanwhile = self.readers.facts.total - self.reads_before

    def facts(self) -> VariantFacts:
        """All that was measured."""
        variant, watch = self.variant, self.watch
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
            code=self.code.value if self.code is not None else None,
            loud_s=loud_s if variant.codes else None,
            loud_max_s=variant.detectable_s + LOUD_S,
            stood=self.stood,
            was_over=self.was_over,
            recovered_s=recovered_s,
            recovered_max_s=variant.recovers_s,
            wider=tuple(watch.wider),
            failed=self.failed,
            left=self.left,
            readers=self.readers.facts,
            answer_max_s=variant.radius.answer_s,
            reads_meanwhile=self.reads_meanwhile or 0,
            reads_meanwhile_needed=int(_is_read_beside(variant)),
            compares_needed=int(self.readers.compares),
            restarted=watch.restarted,
            gates=tuple(watch.gates),
            aborted=self.aborted,
            timeline=tuple(watch.timeline),
        )

    # -- whether all is well ------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether the recovery predicate holds: no reason of it stands and its symbol is sealed."""
        if self.standing({*self.variant.codes}):
            return False
        if self.variant.origin is Origin.SILENT:
            return True
        is_sealed = not self.variant.rebuilds or not self._is_drafting
        return self.status.gate_state.is_open and is_sealed

    @property
    def is_settled(self) -> bool:
        """Whether the hypothesis holds again, and readers have seen it."""
        read = self.readers.facts
        is_read = read.given >= READS_MIN and read.compared >= int(self.readers.compares)
        return self.is_well_again and not self._is_drafting and is_read

    @property
    def is_well_again(self) -> bool:
        """Whether all cells are served and nothing is degraded that was not so by its nature."""
        status, stays = self.status, self.variant.radius.stays
        degraded = {r.code for r in status.reasons if r.severity is Severity.DEGRADED}
        is_complete = status.ready_cells == len(status.cells)
        return status.gate_state.is_open and is_complete and degraded <= stays

    @property
    def _is_drafting(self) -> bool:
        return self.scene.tools.store.is_drafting(self.scene.victim)

    def left_behind(self) -> tuple[Saying, ...]:
        """What stayed behind; reasons need their time, which an abort does not grant them."""
        if self.aborted is not None:
            return self.injection.left()
        must_go = {*self.variant.codes, *self.variant.radius.also} - self.variant.radius.stays
        doubt = () if self.is_well_again else (saying("not_well_again"),)
        return (*self.injection.left(), *self.standing(must_go), *doubt)

    def standing(self, codes: set[DegradedCode]) -> tuple[Saying, ...]:
        """Reasons that stand; those that only inform may go with the next boot."""
        return tuple(
            saying("reason_stands", reason.code.value)
            for reason in self.status.reasons
            if reason.code in codes and MEANINGS[reason.code].severity is Severity.DEGRADED
        )


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


def is_well(status: Status) -> bool:
    """Whether all cells are served, the gate is open and nothing is degraded."""
    return status.gate_state is GateState.OPEN and status.ready_cells == len(status.cells)


def victim_of(symbols: tuple[Symbol, ...]) -> Symbol:
    """The symbol that suffers: the last, so that the first ones on a screen stay as they are."""
    return symbols[-1]


def _is_read_beside(variant: Variant) -> bool:
    """Whether readers can be answered while it is in: not by an engine that starts or stands."""
    return variant.stage is Stage.OPEN and variant.way is not Way.STALL
