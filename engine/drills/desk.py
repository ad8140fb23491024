"""Drills on the running engine: who may begin one, its course, its end, and what a boot finds.

Theory of operation. One task runs one drill. It is not the engine's own: whatever it fails
with is its verdict, and the engine goes on. The engine's stop, an abort and a failure all take
the same road: the fault comes out first (`runner.py`), then the journal goes, then the verdict is
written. A kill leaves the journal behind. The next boot, which holds the folder's lock,
finds it: what the fault was made of died with the process, a server that was stopped is ended
like any survivor, and evidence that was made up is removed here. So nothing stays behind but
a line in the history that says the drill was interrupted, and one in the journal of that boot
that says what was done about it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

from uds import DiskFailed, UdsError

from ..deepening import pause_depth
from ..events import DrillChanged, DrillEnded, DrillReverted
from ..gate import GateState
from ..ground import Seams
from ..process import Tools
from ..refusals import refusal
from ..sayings import Saying, saying
from ..sources import simulated_market
from ..supervisor import Supervisor
from .catalog import CATALOG
from .checklist import ended, entered, first_status, measured
from .choice import Choice, chosen
from .course import is_well, new_course, victim_of
from .drill import Drill, Origin, Variant
from .facts import READS_MIN, DrillFacts, VariantFacts, in_english
from .grounds import Ground
from .history import History, keep_outcome
from .injection import Scene
from .injections import about, injection_of, no_target
from .readers import Readers, reading
from .report import drill_report
from .runner import run_variant
from .shape import DrillOutcome, DrillPhase, DrillStatus, Place, Verdict
from .taking_back import take_back

_KEPT = 50
_WELL_S = 5.0
_SOON_S = 15.0
_RESTS_S = 20.0
_LOOK_S = 0.05
_FOLLOW_S = 2.0
_ANYWHERE = ("0.0.0.0", "::")
_log = logging.getLogger(__name__)


class Drillable(Protocol):
    """An engine as its drills see it."""

    tools: Tools
    """Everything its processes are given."""
    supervisor: Supervisor
    """Keeper of its processes."""
    seams: Seams | None
    """Where faults may be put in; None where nobody may."""

    async def stopped(self) -> None:
        """Wait for the stop that somebody asked for."""
        ...


class DrillDesk:
    """The drills of one running engine."""

    def __init__(self, engine: Drillable) -> None:
        self._engine = engine
        self._tools = engine.tools
        self._files = engine.tools.store.drills
        self._history = History(self._files, engine.tools.board, _KEPT)
        self._stop = asyncio.Event()
        self._why: Saying | None = None
        self._running: asyncio.Task[DrillFacts] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._found: list[VariantFacts] = []
        self._runs: tuple[Variant, ...] = ()
        self.newest: DrillFacts | None = None
        """What was measured in the last drill that ended; None before."""

    # -- who may begin one -------------------------------------------------------------------

    def must_be_possible(self, drill_id: str, *, is_allowed: bool) -> None:
        """Raises ActionRefused with the ground."""
        drill = CATALOG[drill_id]
        if not drill.can_live:
            in_sandbox = saying("in_sandbox", drill_id)
            raise refusal(saying("no_live_run", drill_id, drill.seam), in_sandbox)
        config = self._tools.config
        if not (is_allowed or config.allows_drills()):
            ground = "env_prod" if config.drills.live is None else "live_false"
            raise refusal(saying(ground), saying("allow_word"))
        if self._is_busy:
            running = self._tools.board.status.drill
            raise refusal(saying("is_running", running.id if running else ""))
        word = self._tools.board.status.gate_state
        if word is not GateState.OPEN:
            raise refusal(saying("gate_not_open", word.value))
        choice = self.choice(drill_id)
        if not choice.runs:
            raise refusal(saying("nothing_here", drill_id), *choice.why_not)

    @property
    def _is_busy(self) -> bool:
        return any(t is not None and not t.done() for t in (self._running, self._ending))

    def choice(self, drill_id: str) -> Choice:
        """Which of its ways of failing are run here."""
        return chosen(CATALOG[drill_id], is_ours=self._tools.store.server is not None)

    def report(self) -> dict[str, object] | None:
        """The last drill that ended as `drill run --json` has it; None before."""
        return None if self.newest is None else drill_report((self.newest,))

    # -- its course --------------------------------------------------------------------------

    def begin(self, drill_id: str, by: str) -> None:
        """Start it; its course is in the status."""
        drill = CATALOG[drill_id]
        self._stop, self._why, self._found = asyncio.Event(), None, []
        self._runs = self.choice(drill_id).runs
        now_ms = self._tools.clock.now_ms()
        self._post(first_status(drill, self._runs, by, now_ms))
        self._running = asyncio.create_task(self._run(drill), name=f"drill {drill_id}")
        self._ending = asyncio.create_task(self._end(drill), name=f"end of drill {drill_id}")

    def abort(self, by: str) -> None:
        """End the one that runs: its fault is taken out. Raises ActionRefused."""
        if not self._is_busy:
            raise refusal(saying("none_runs"))
        self._end_early(saying("aborted", by))

    async def serve(self) -> None:
        """Look for what a kill left behind, then follow the history until the engine's stop."""
        await self._remember()
        stopped = asyncio.create_task(self._engine.stopped(), name="drill desk stop")
        try:
            while not stopped.done():
                await asyncio.wait((stopped,), timeout=_FOLLOW_S)
                await self._follow()
        finally:
            stopped.cancel()
            self._end_early(saying("engine_stopped"))
            if self._ending is not None:
                await asyncio.wait((self._ending,))

    async def _follow(self) -> None:
        """Sandboxes write beside us; a fault that is in here must not meet a call of ours."""
        if self._is_busy:
            return
        try:
            await self._history.follow()
        except UdsError as error:
            _log.debug("The history of drills could not be read: %s", error)

    def _end_early(self, why: Saying) -> None:
        self._why = self._why or why
        self._stop.set()

    async def _run(self, drill: Drill) -> DrillFacts:
        tools = self._tools
        is_simulated = tools.config.broker.kind == "sim"
        truth = simulated_market(tools.config).m1 if is_simulated else None
        readers = Readers(tools.clock, tuple(tools.board.status.cells), truth)
        host, port = tools.config.api.host, tools.board.status.api_port
        async with (
            reading(readers, "127.0.0.1" if host in _ANYWHERE else host, port or 0),
            self._undisturbed(),
        ):
            for variant in self._runs:
                if self._stop.is_set():
                    break
                facts = await self._run_variant(drill, variant, readers)
                self._found.append(facts)
                self._post(measured(self._status, facts, tools.clock.now_ms()))
                if not facts.was_well:
                    break
        return self._facts(drill)

    @asynccontextmanager
    async def _undisturbed(self) -> AsyncIterator[None]:
        """Deepening makes new generations of its own: it rests, and has ended what it began."""
        tools, was_paused = self._tools, self._tools.board.status.depth_paused
        until_s = tools.clock.monotonic_s() + _RESTS_S
        if not was_paused:
            pause_depth(tools, is_paused=True)
        try:
            while any(map(tools.store.is_drafting, tools.markets)):
                if self._stop.is_set() or tools.clock.monotonic_s() > until_s:
                    break
                await asyncio.sleep(_LOOK_S)
            yield
        finally:
            if not was_paused:
                pause_depth(tools, is_paused=False)

    async def _run_variant(self, drill: Drill, variant: Variant, readers: Readers) -> VariantFacts:
        tools, seams = self._tools, self._engine.seams
        assert seams is not None
        await self._wait_for_minute(variant)
        readers.renew()
        is_so = await self._is_well(readers)
        readers.renew()
        scene = Scene(tools, self._engine.supervisor, seams, victim_of(tuple(tools.markets)))
        scene = about(scene, variant)
        injection = await injection_of(scene, variant)
        is_calm = not any(map(tools.store.is_drafting, tools.markets))
        if not (is_so and is_calm):
            return VariantFacts(variant.name)
        if injection is None:
            return no_target(variant)
        course = new_course(scene, variant, injection, readers, self._tell)
        place = {
            "schema": 1,
            "id": drill.id,
            "variant": variant.name,
            "place": Place.LIVE.value,
            "by": self._status.by,
            "began_ms": tools.clock.real_ms(),
            "boot_id": tools.board.status.boot_id,
        }
        facts = await run_variant(course, place, stop=self._stop)
        return facts if facts.aborted is None else replace(facts, aborted=self._why)

    async def _is_well(self, readers: Readers) -> bool:
        """Whether the hypothesis holds: all served, nothing degraded, readers answered."""
        until_s = self._tools.clock.monotonic_s() + _WELL_S
        while self._tools.clock.monotonic_s() < until_s and not self._stop.is_set():
            if is_well(self._tools.board.status) and readers.facts.given >= READS_MIN:
                return True
            await asyncio.sleep(_LOOK_S)
        return False

    async def _wait_for_minute(self, variant: Variant) -> None:
        """What only a new minute can show is put in shortly before one is final."""
        if variant.origin is not Origin.MINUTE:
            return
        clock = self._tools.clock
        settle_ms = self._tools.markets[victim_of(tuple(self._tools.markets))].settle_ms
        while not self._stop.is_set():
            since_s = ((clock.now_ms() - settle_ms) % 60_000) / 1_000
            if 60.0 - since_s <= _SOON_S:
                return
            await asyncio.sleep(_LOOK_S)

    # -- its end -----------------------------------------------------------------------------

    async def _end(self, drill: Drill) -> None:
        """The verdict, whatever became of the course."""
        assert self._running is not None
        await asyncio.wait((self._running,))
        failure = None if self._running.cancelled() else self._running.exception()
        trouble = self._why
        if failure is not None:
            trouble = saying("itself_failed", f"{type(failure).__name__}: {failure}")
            _log.error("%s", trouble, exc_info=failure)
        facts = replace(self._facts(drill), trouble=trouble)
        self.newest = facts
        outcome = facts.outcome(self._tools.clock.real_ms())
        await self._keep(outcome, facts)  # before it is said: then the next one may begin
        self._tools.board.post(DrillEnded(outcome))
        self._post(ended(self._status, facts, self._tools.clock.now_ms()))
        _log.info("drill %s: %s. %s", drill.id, outcome.verdict.value, outcome.why)

    async def _keep(self, outcome: DrillOutcome, facts: DrillFacts) -> None:
        """Into the history; the journal goes in any case, for nothing is in any more."""
        try:
            await keep_outcome(self._files, outcome, facts)
            await self._files.end()
        except DiskFailed as error:
            _log.warning("The outcome of drill %s was not written: %s", outcome.id, error)

    def _facts(self, drill: Drill) -> DrillFacts:
        return DrillFacts(drill.id, Place.LIVE, tuple(self._found), self._why, len(self._runs))

    @property
    def _status(self) -> DrillStatus:
        status = self._tools.board.status.drill
        assert status is not None
        return status

    def _tell(self, phase: DrillPhase, variant: str) -> None:
        self._post(entered(self._status, phase, variant, self._tools.clock.now_ms()))

    def _post(self, status: DrillStatus) -> None:
        self._tools.board.post(DrillChanged(status))

    # -- what a boot finds -------------------------------------------------------------------

    async def _remember(self) -> None:
        """The history; and the way back of a drill that was cut off, gone to its end."""
        try:
            await self._history.follow()
            journal = await self._files.found()
            if journal is not None:
                await self._undo(journal)
        except UdsError as error:
            _log.warning("What drills left behind could not be looked at: %s", error)

    async def _undo(self, journal: Mapping[str, object]) -> None:
        """Take it back and say so; a journal that cannot be read names no drill to judge."""
        found = await take_back(self._files, journal, self._tools.clock.now_ms())
        self._tools.board.post(DrillReverted(found))
        _log.warning("drill %s, cut off by a kill, is taken back: %s", found.id or "?", found.done)
        if found.id:
            grounds = (Ground("", (saying("interrupted", found.variant),)),)
            why, now_ms = in_english(grounds), self._tools.clock.real_ms()
            verdict, place = Verdict.INCONCLUSIVE, Place.LIVE
            outcome = DrillOutcome(found.id, place, verdict, why, None, None, now_ms, grounds)
            self._tools.board.post(DrillEnded(outcome))
            await keep_outcome(self._files, outcome)
        await self._files.end()
