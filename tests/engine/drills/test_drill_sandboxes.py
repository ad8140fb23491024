"""Sandbox drills for real, the fast ones, and engines that do not do what is believed of them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.degraded import DegradedCode
from engine.drills.catalog import CATALOG
from engine.drills.children import run_sandboxes
from engine.drills.drill import Drill, Origin
from engine.drills.facts import DrillFacts, judged
from engine.drills.sandbox import run_sandbox
from engine.drills.seam_injections import PlanIn
from engine.drills.shape import DrillPhase, Verdict


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What never comes is not waited for longer than its bound."""
    monkeypatch.setattr("engine.drills.runner.SLACK_S", 0.2)
    monkeypatch.setattr("engine.drills.runner._SETTLES_S", 1.0)
    monkeypatch.setattr("engine.drills.runner._ORIGIN_WAIT_S", dict.fromkeys(Origin, 1.0))


def unheard(_: DrillPhase, __: str) -> None:
    """Nobody watches."""


async def test_two_drills_in_processes_of_their_own_pass(capfd: pytest.CaptureFixture[str]) -> None:
    """Side by side, each told phase by phase, and nothing painted on the terminal."""
    heard: list[tuple[str, DrillPhase]] = []
    done: list[DrillFacts] = []
    found = await run_sandboxes(
        ("Z4", "Z2"), lambda drill_id, phase, _: heard.append((drill_id, phase)), done.append
    )

    assert [("Z4", Verdict.PASS, None), ("Z2", Verdict.PASS, None)] == [
        (facts.id, facts.judged[0], facts.trouble) for facts in found
    ]
    assert {"Z4", "Z2"} == {facts.id for facts in done}
    assert {("Z4", DrillPhase.OBSERVE), ("Z2", DrillPhase.REVERT)} <= set(heard)
    assert ("", "") == capfd.readouterr()


async def test_a_process_that_dies_is_trouble_and_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was about to say is not guessed."""
    monkeypatch.setitem(CATALOG, "F0", replace(CATALOG["Z4"], id="F0"))
    (facts,) = await run_sandboxes(("F0",), lambda *_: None, lambda _: None)

    assert Verdict.INCONCLUSIVE is facts.judged[0]
    assert "KeyError" in facts.why


def one(drill_id: str, **changes: object) -> Drill:
    """A drill with one variant, and that one changed."""
    drill = CATALOG[drill_id]
    return replace(drill, variants=(replace(drill.variants[0], **changes),))  # type: ignore[arg-type]


async def test_an_engine_that_never_says_the_reason_fails(folder: Path, impatient: None) -> None:
    """The very check that the drill is for: believed of Redis, a reason of the disk."""
    silent = one("Z4", codes=(DegradedCode.DISK_FULL,), detectable_s=0.0)
    facts = await run_sandbox(silent, folder, unheard)

    assert Verdict.FAIL is facts.judged[0]
    assert "no reason was said" in facts.why


async def test_an_engine_that_disturbs_more_than_predicted_fails(
    folder: Path, impatient: None
) -> None:
    """Nothing but the reason itself may be raised."""
    narrow = one("Z4", codes=(), radius=replace(CATALOG["Z4"].variants[0].radius, also=frozenset()))
    facts = await run_sandbox(narrow, folder, unheard)

    assert Verdict.FAIL is facts.judged[0]
    assert "REDIS_TIMEOUT of platform was raised" in facts.why


async def test_a_fault_that_is_not_taken_out_is_left_behind(
    folder: Path, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not healed in time, and still armed: both are said."""
    monkeypatch.setattr(PlanIn, "take_out", lambda self: None)
    stuck = replace(CATALOG["Z3"], variants=CATALOG["Z3"].variants[:1])
    stuck = replace(stuck, variants=(replace(stuck.variants[0], recovers_s=0.5),))
    facts = await run_sandbox(stuck, folder, unheard)

    assert Verdict.FAIL is facts.judged[0]
    assert "still armed" in facts.why
    assert "not well again within 0.5 s" in facts.why


async def test_a_fault_that_befalls_nothing_proves_nothing(folder: Path, impatient: None) -> None:
    """A pattern that matches no operation looks like an engine that survives everything."""
    fault = CATALOG["Z4"].variants[0].fault
    assert fault is not None
    idle = one("Z4", fault=replace(fault, operation="cache.nothing"), detectable_s=0.0)
    facts = await run_sandbox(idle, folder, unheard)

    assert [(Verdict.INCONCLUSIVE, 0)] == [(judged(v)[0], v.injected) for v in facts.variants]


async def test_a_drill_that_is_cancelled_takes_its_fault_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle: the same road as every other end."""
    taken: list[str] = []
    before = PlanIn.take_out

    def noted(self: PlanIn) -> None:
        before(self)
        taken.extend(map(str, self.left()) if self.left() else ("out",))

    monkeypatch.setattr(PlanIn, "take_out", noted)
    seen = asyncio.Event()

    def tell(phase: DrillPhase, _: str) -> None:
        if phase is DrillPhase.OBSERVE:
            seen.set()

    task = asyncio.create_task(run_sandbox(one("Z3"), folder, tell))
    await asyncio.wait_for(seen.wait(), 30)
    task.cancel()
    await asyncio.wait((task,))

    assert task.cancelled()
    assert "out" in taken
