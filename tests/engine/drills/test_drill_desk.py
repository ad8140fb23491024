"""Live drills: who may begin one, what an abort and a stop do, and what a boot clears away."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.acts.seat import Seat
from engine.board import StatusBoard
from engine.clock import ManualClock
from engine.degraded import DegradedCode
from engine.drills import desk
from engine.drills.history import History, keep_outcome
from engine.drills.sandbox import sandbox_config
from engine.drills.scripts import NOON_MS
from engine.drills.shape import DrillOutcome, DrillPhase, DrillStatus, Place, StepState, Verdict
from engine.errors import ActionRefused
from engine.events import DrillEnded, ReasonRaised
from engine.runtime import Engine, open_engine
from engine.status import Status
from tests.engine.builders import a_status, small_config
from uds import DrillFiles, drills_of
from uds.fault import Fault, FaultKind
from uds.memory_disk import MemoryDisk

PATIENCE_S = 40.0


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name) / "d"


@asynccontextmanager
async def engine_on(data: Path, **changes: object) -> AsyncIterator[Engine]:
    """A small engine whose gate is open."""
    named = {name.replace("__", "."): value for name, value in changes.items()}
    async with open_engine(sandbox_config(data, named), NOON_MS) as engine:
        await reached(engine, lambda status: status.gate_state.value == "open")
        yield engine


async def reached(engine: Engine, is_so: Callable[[Status], bool]) -> Status:
    """Wait for the status."""
    return await asyncio.wait_for(engine.board.until(is_so), PATIENCE_S)


def begin(engine: Engine, drill_id: str, **more: str) -> str:
    """As an operator does."""
    given = {"drill": (drill_id,), **{name: (value,) for name, value in more.items()}}
    return Seat(engine, "the test").act("drill", given, drill_id, is_armed=True)


def refusal(engine: Engine, drill_id: str = "F4") -> str:
    """Why it is not begun."""
    with pytest.raises(ActionRefused) as caught:
        begin(engine, drill_id)
    return str(caught.value)


async def ended(engine: Engine) -> DrillStatus:
    """The drill, once it has a verdict."""
    status = await reached(engine, lambda s: s.drill is not None and not s.drill.is_running)
    assert status.drill is not None
    return status.drill


async def in_phase(engine: Engine, phase: DrillPhase) -> None:
    """Wait until the drill is there."""
    await reached(engine, lambda s: s.drill is not None and s.drill.phase is phase)


def files_of(data: Path) -> list[str]:
    """What drills have left in the folder, by kind."""
    return sorted(path.name.rpartition("-")[2] for path in (data / "drills").glob("*"))


async def test_a_drill_is_asked_for_begun_followed_judged_and_remembered(data: Path) -> None:
    """The whole course on an engine that serves, and in the status all the time."""
    async with engine_on(data) as engine:
        _, question = Seat(engine, "the test").ask("drill", {"drill": ("F4",)})
        assert "F4" == question.phrase
        assert "one symbol" in question.sentence
        with pytest.raises(ActionRefused, match="say 'F4'"):
            Seat(engine, "the test").act("drill", {"drill": ("F4",)}, "yes", is_armed=True)
        began = engine.board.status.generations
        begin(engine, "F4")
        assert "F4 is running already" in refusal(engine)
        await in_phase(engine, DrillPhase.OBSERVE)
        running = engine.board.status.drill
        assert running is not None
        assert running.dead_man_ms is not None
        assert "F4" == json.loads((data / "drills/running.json").read_text())["id"]
        drill = await ended(engine)

        assert (Verdict.PASS, "the test") == (drill.verdict, drill.by), drill.why
        assert {StepState.DONE} == {step.state for step in drill.steps}
        times = [step.at_s for step in drill.steps]
        assert all(at_s is not None for at_s in times)
        assert drill.dead_man_ms is None
        (outcome,) = engine.board.status.drills
        assert ("F4", Place.LIVE, Verdict.PASS) == (outcome.id, outcome.place, outcome.verdict)
        assert ["F4.json"] == files_of(data)
        assert began["XAU/USD"] == engine.board.status.generations["XAU/USD"]
        assert began["USD/JPY"] < engine.board.status.generations["USD/JPY"]

    async with engine_on(data) as engine:
        assert (outcome,) == engine.board.status.drills


async def test_what_may_not_be_drilled_is_refused_with_its_ground(data: Path) -> None:
    """A rehearsal must never surprise anybody."""
    async with engine_on(data, env="prod") as engine:
        assert "env is prod" in refusal(engine)
        assert "no live run" in refusal(engine, "Z1")
        assert "There is no drill" in refusal(engine, "F11")
        with pytest.raises(ActionRefused, match="No drill is running"):
            Seat(engine, "the test").act("drill-abort", {}, is_armed=True)
        with pytest.raises(ActionRefused, match="only looks"):
            Seat(engine, "the test").act("drill", {"drill": ("F4",)}, "F4")
        engine.is_read_only = True
        assert "read-only" in refusal(engine)
        engine.is_read_only = False
        engine.board.post(ReasonRaised(DegradedCode.GAP, "XAU/USD", "a hole"))
        with pytest.raises(ActionRefused, match="open_degraded"):
            begin(engine, "F4", allow="yes")
        assert engine.board.status.drill is None
        assert [] == files_of(data)


async def test_an_abort_takes_the_fault_out_and_is_no_verdict(data: Path) -> None:
    """INCONCLUSIVE, whatever had been seen; readers had noticed nothing."""
    async with engine_on(data) as engine:
        begin(engine, "F5")
        await in_phase(engine, DrillPhase.OBSERVE)
        assert engine.seams is not None
        assert engine.seams.plan.armed
        Seat(engine, "the test").act("drill-abort", {}, is_armed=True)
        drill = await ended(engine)

        assert Verdict.INCONCLUSIVE is drill.verdict
        assert "aborted by the test" in drill.why
        assert StepState.FAILED not in {step.state for step in drill.steps}
        assert () == engine.seams.plan.armed
        assert ["F5.json"] == files_of(data)
        sealed = await reached(engine, lambda status: status.generations["USD/JPY"].n > 1)
        assert sealed.gate_state.is_open


async def test_an_engine_that_stops_ends_its_drill_first(data: Path) -> None:
    """The next boot finds an outcome, not a journal."""
    async with engine_on(data) as engine:
        begin(engine, "F2")
        await in_phase(engine, DrillPhase.OBSERVE)
        engine.stop()
    assert ["F2.json"] == files_of(data)
    (page,) = (data / "drills").glob("*F2.json")

    assert "the engine stopped" in json.loads(page.read_text())["why"]


async def test_a_way_back_that_cannot_be_written_down_keeps_the_fault_out(data: Path) -> None:
    """Durable before injected: without the journal nothing is put in."""
    async with engine_on(data) as engine:
        assert engine.seams is not None
        full = Fault(FaultKind.FULL, "disk.replace", "drills/running.json")
        engine.seams.plan.arm("full", full)
        begin(engine, "F2")
        drill = await ended(engine)

        assert Verdict.INCONCLUSIVE is drill.verdict
        assert "No space left" in drill.why
        assert ("full",) == engine.seams.plan.armed
        assert "open" == engine.board.status.gate_state.value
        assert not any(p.restarts for p in engine.board.status.processes)


async def test_a_boot_carries_out_what_a_kill_left_behind(data: Path) -> None:
    """The made-up evidence goes, evidence of anything else stays, and the history says so."""
    async with engine_on(data) as engine:
        token = engine.store.token.value
    mark, other = "XAU_USD.tf_60.seg-00000001-0001", "USD_JPY.tf_60.seg-00000001-0001"
    evidence = {
        "ours": f"{token:08d}-0002.{mark}.jsonl",
        "ours too": f"{token:08d}-0002.{mark}.json",
        "known before": f"{token:08d}-0001.{mark}.jsonl",
        "of another file": f"{token:08d}-0003.{other}.jsonl",
    }
    (data / "quarantine").mkdir()
    for name in evidence.values():
        (data / "quarantine" / name).write_text("x")
    undo = {"evidence_of": mark, "evidence_by": token, "known": [evidence["known before"]]}
    journal: dict[str, Any] = {"schema": 1, "id": "F8", "variant": "overlay", "undo": undo}
    journal |= {"by": "pid 4711", "began_ms": NOON_MS}
    (data / "drills").mkdir(exist_ok=True)
    (data / "drills/running.json").write_text(json.dumps(journal))

    async with engine_on(data) as engine:
        status = await reached(engine, lambda status: bool(status.drills))
        await asyncio.sleep(0.1)

    (outcome,) = status.drills
    assert isinstance(outcome, DrillOutcome)
    assert ("F8", Verdict.INCONCLUSIVE) == (outcome.id, outcome.verdict)
    assert "interrupted" in outcome.why
    back = status.reverted
    assert back is not None
    told = (back.id, back.variant, back.by, back.began_ms)
    assert ("F8", "overlay", "pid 4711", NOON_MS) == told
    assert "2 files of made-up evidence were removed" in back.done
    assert ["F8.json"] == files_of(data)
    left = {path.name for path in (data / "quarantine").iterdir()}
    assert {evidence["known before"], evidence["of another file"]} == left


@pytest.mark.parametrize("content", ['{"id": "F', '{"id": 7, "undo": {"known": 3}}', "[]", "{}"])
async def test_a_journal_that_cannot_be_believed_is_cleared_away(data: Path, content: str) -> None:
    """It names no drill to be judged, and no boot stumbles over it; that one ran is said."""
    (data / "drills").mkdir(parents=True)
    (data / "drills/running.json").write_text(content)

    async with engine_on(data) as engine:
        status = await reached(engine, lambda status: status.reverted is not None)
        await asyncio.sleep(0.1)
    assert status.reverted is not None
    assert ("", ()) == (status.reverted.id, engine.board.status.drills)
    assert not (data / "drills/running.json").exists()


async def test_an_outcome_that_somebody_else_wrote_is_followed(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`drill run` in a sandbox beside an engine: its history need not wait for the next boot."""
    monkeypatch.setattr(desk, "_FOLLOW_S", 0.02)
    outcomes = [
        DrillOutcome(name, Place.SANDBOX, Verdict.PASS, "", 0.1, 0.2, NOON_MS + n)
        for n, name in enumerate(("F1", "Z2"))
    ]
    async with engine_on(data) as engine:
        for count, outcome in enumerate(outcomes, start=1):
            await keep_outcome(drills_of(data), outcome)
            await reached(engine, lambda status, count=count: len(status.drills) == count)

        assert tuple(outcomes) == engine.board.status.drills


async def test_an_outcome_that_could_not_be_written_stays_in_the_history_of_this_boot() -> None:
    """What the folder has comes beside what is known, not in its place."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON_MS))
    files = DrillFiles(MemoryDisk())
    ours = DrillOutcome("F4", Place.LIVE, Verdict.PASS, "", 0.1, 0.2, NOON_MS)
    theirs = replace(ours, id="F1", place=Place.SANDBOX, ended_ms=NOON_MS - 1)
    board.post(DrillEnded(ours))
    history = History(files, board, 50)
    await keep_outcome(files, theirs)
    await history.follow()
    assert (theirs, ours) == board.status.drills

    seq = board.status.seq
    await keep_outcome(files, ours)
    await history.follow()
    assert seq == board.status.seq
