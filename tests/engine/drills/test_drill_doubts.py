"""Drills of which nothing was measured: faults that do nothing, reasons of others, no readers."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.broker.faulty import FaultKind
from engine.degraded import WHERE, DegradedCode
from engine.drills.catalog import CATALOG
from engine.drills.drill import VICTIM, Drill, Origin, Variant, Way
from engine.drills.facts import DrillFacts
from engine.drills.injection import Harmless, Scene
from engine.drills.readers import Readers
from engine.drills.sandbox import run_sandbox
from engine.drills.seam_injections import PlanIn
from engine.drills.shape import Verdict
from engine.drills.watch import Said, Watch
from engine.events import ReasonCleared, ReasonRaised
from uds import Fault
from uds import FaultKind as Harm
from uds.model import SeriesKey, Timeframe

Z4 = CATALOG["Z4"]
YEN_M1 = SeriesKey("USD/JPY", Timeframe.M1)
GOLD_M1 = SeriesKey("XAU/USD", Timeframe.M1)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What never comes is not waited for longer than its bound."""
    monkeypatch.setattr("engine.drills.runner.SLACK_S", 0.2)
    monkeypatch.setattr("engine.drills.runner._SETTLES_S", 1.0)
    monkeypatch.setattr("engine.drills.runner._ORIGIN_WAIT_S", dict.fromkeys(Origin, 1.0))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name)


async def ran(folder: Path, drill: Drill, **changes: object) -> DrillFacts:
    """Its first way of failing, changed so."""
    variant = replace(drill.variants[0], **changes)  # type: ignore[arg-type]
    return await run_sandbox(replace(drill, variants=(variant,)), folder, lambda *_: None)


class Idle(Harmless):
    """Does nothing, and says that it did."""

    hits = 1

    async def put_in(self) -> None:
        """Nothing."""


async def test_a_fault_that_only_claims_to_be_in_is_not_survived(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that is silent then is as guilty as one that overlooks a real failure."""

    async def idle(*_: object) -> Idle:
        return Idle()

    monkeypatch.setattr("engine.drills.sandbox.injection_of", idle)
    facts = await ran(folder, Z4, detectable_s=0.0)

    assert Verdict.FAIL is facts.judged[0]
    assert "no reason was said" in facts.why


async def test_a_signal_that_nobody_felt_is_no_kill(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it was sent proves nothing: the process must be gone."""
    monkeypatch.setattr("uds.embedded.EmbeddedServer.kill", lambda _: None)
    facts = await ran(folder, CATALOG["F2"], detectable_s=0.0)

    assert 0 == facts.variants[0].injected
    assert Verdict.INCONCLUSIVE is facts.judged[0]


async def test_all_that_healed_before_the_fault_was_out_did_not_heal_by_that(folder: Path) -> None:
    """A slow Redis that is fast enough."""
    facts = await ran(
        folder,
        Z4,
        codes=(),
        fault=Fault(Harm.SLOW, "cache.flip", VICTIM, delay_s=0.01),
        hold_s=1.0,
        detectable_s=0.0,
    )

    assert Verdict.INCONCLUSIVE is facts.judged[0]
    assert "all was well before the fault was taken out" in facts.why


async def test_a_drill_that_nobody_read_beside_says_nothing_of_readers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer is wrong where there is none."""

    async def asleep(self: Readers, host: str, port: int) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Readers, "read", asleep)
    torn = next(v for v in CATALOG["F8"].variants if v.name == "torn tail")
    facts = await ran(folder, replace(CATALOG["F8"], variants=(torn,)))

    assert Verdict.INCONCLUSIVE is facts.judged[0]
    assert "readers asked only 0 times" in facts.why


async def test_a_reason_that_clears_for_a_moment_did_not_stand(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there again when the fault is taken out; an operator had seen it go."""
    before: Callable[[PlanIn], object] = PlanIn.put_in
    looking: list[asyncio.Task[None]] = []

    async def put_in(self: PlanIn) -> None:
        await before(self)  # type: ignore[misc]
        looking.append(asyncio.create_task(_flicker(self._scene)))

    monkeypatch.setattr(PlanIn, "put_in", put_in)
    facts = await ran(folder, CATALOG["Z3"], hold_s=0.6)
    await asyncio.gather(*looking)

    assert Verdict.FAIL is facts.judged[0]
    assert "DISK_FULL cleared while the fault was in" in facts.why


async def _flicker(scene: Scene) -> None:
    """Clear all that stands, and let it be raised again."""
    board = scene.tools.board
    full = DegradedCode.DISK_FULL
    await board.until(lambda status: any(r.code is full for r in status.reasons))
    await asyncio.sleep(0.12)
    reasons = board.status.reasons
    for reason in reasons:
        board.post(ReasonCleared(reason.code, reason.scope))
    await asyncio.sleep(0.05)
    for reason in reasons:
        board.post(ReasonRaised(reason.code, reason.scope, reason.detail))


def watch_of(variant: Variant, *said: Said) -> Watch:
    """A watch that heard this."""
    nobody: object = None
    watch = Watch(nobody, variant, "USD/JPY", nobody, 0.0)  # type: ignore[arg-type]
    watch.said.extend(said)
    return watch


FETCH = DegradedCode.BROKER_FETCH_FAILED


def test_a_reason_that_stood_before_is_not_the_one_that_was_provoked() -> None:
    """Said a moment before the fault befell anything."""
    variant = Variant("error", Way.BROKER, (FETCH,), VICTIM, broker=FaultKind.FETCH_ERROR)
    early, late = Said(FETCH, YEN_M1, 9.9, ""), Said(FETCH, YEN_M1, 10.1, "")

    assert None is watch_of(variant, early).first_said((FETCH,), 10.0)
    assert late is watch_of(variant, early, late).first_said((FETCH,), 10.0)


def test_a_reason_about_something_else_is_not_the_one_that_was_provoked() -> None:
    """Another symbol's fetch failed by itself; the victim's failure was overlooked."""
    variant = Variant("error", Way.BROKER, (FETCH,), VICTIM, broker=FaultKind.FETCH_ERROR)
    others, own = Said(FETCH, GOLD_M1, 1.0, ""), Said(FETCH, YEN_M1, 2.0, "")
    silent = DegradedCode.NO_PROGRESS
    poller = Variant("silent", Way.PLAN, (silent,), "m1_poller")
    connector = Said(silent, "connector", 1.0, "")

    assert None is watch_of(variant, others).first_said((FETCH,))
    assert own is watch_of(variant, others, own).first_said((FETCH,))
    assert None is watch_of(poller, connector).first_said((silent,))


def test_every_way_of_failing_says_where_its_reason_stands() -> None:
    """A reason of a cell, symbol or process that may stand anywhere proves too little."""
    loose = [
        (drill.id, variant.name)
        for drill in CATALOG.values()
        for variant in drill.variants
        if not variant.about and any(WHERE[code] != "platform" for code in variant.codes)
    ]

    assert [] == loose
