"""F5: an m1_poller that stays silent is restarted; the gate never trusts the connector alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.duties.progress import SILENCE_S
from engine.gate import GateState
from tests.engine.builders import GOLD, is_open
from uds.fault import Fault, FaultKind

from .stage import NIGHTLY, Stage, stage_config, staged

DETECTABLE_S = SILENCE_S if NIGHTLY else 2.0
BACK_S = 2.0
NEVER_S = 3_600.0


async def test_a_poller_that_waits_for_a_write_for_ever_is_ended_and_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its M1 hang in the disk; days and the other symbol are there, and that opens nothing."""
    monkeypatch.setattr("engine.duties.progress.SILENCE_S", DETECTABLE_S)

    def hang(stage: Stage) -> None:
        fault = Fault(FaultKind.SLOW, "disk.append", "USD_JPY/tf_60/*", times=1, delay_s=NEVER_S)
        stage.plan.arm("F5", fault)

    async with staged(stage_config(folder), before=hang) as stage:
        await stage.until(lambda status: GOLD in status.generations)
        silent = stage.mark()
        assert 1 == stage.plan.injected("F5")
        loud_s = await stage.said(silent, "NO_PROGRESS")
        loud = stage.mark()
        assert GateState.CLOSED is stage.status.gate_state
        assert 0 == stage.answers.given
        healed_s = await stage.healed(loud, "NO_PROGRESS")

        assert is_open(stage.status)
        assert healed_s <= BACK_S
        radius = stage.untouched(silent, (GOLD,), "m1_poller")
        assert "m1_poller" in radius
        stage.note("F5", "m1_poller silent", "NO_PROGRESS", DETECTABLE_S, loud_s, healed_s, radius)
