"""F4: the cells of one symbol are never primed; the gate names them and time does not open it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.events import CellsChanged, SymbolPrimed
from engine.gate import GateState
from tests.engine.builders import GOLD, YEN
from uds.fault import Fault, FaultKind

from .stage import Stage, stage_config, staged

READY_TIMEOUT_S = 0.6
HELD_S = 0.5
TICK_S = 0.25


async def test_a_symbol_that_is_not_primed_keeps_the_gate_closed_until_it_is(folder: Path) -> None:
    """GATE_OVERDUE names it, nothing is served meanwhile, primed means open at once."""

    def refuse(stage: Stage) -> None:
        stage.plan.arm("F4", Fault(FaultKind.REFUSE, "cache.write", YEN))

    config = stage_config(folder, bootstrap__prime_ready_timeout_s=READY_TIMEOUT_S)
    async with staged(config, before=refuse) as stage:
        loud_s = await stage.said(stage.began, "GATE_OVERDUE")
        overdue = next(r for r in stage.status.reasons if r.code.value == "GATE_OVERDUE")
        assert YEN in overdue.detail
        assert GOLD not in overdue.detail
        await asyncio.sleep(HELD_S)
        assert GateState.CLOSED is stage.status.gate_state
        assert {GOLD} == set(stage.status.generations)
        assert 0 == stage.answers.given
        stage.plan.revert("F4")
        mark = stage.mark()
        healed_s = await stage.healed(mark, "GATE_OVERDUE")

        assert stage.plan.injected("F4") >= 3
        happened = stage.events(mark)
        primed_ms = next(p.at_ms for p in happened if isinstance(p.event, SymbolPrimed))
        sealed_ms = [p.at_ms for p in happened if isinstance(p.event, CellsChanged)][-1]
        assert (sealed_ms - primed_ms) / 1_000 <= TICK_S
        radius = stage.untouched(mark, (GOLD,))
        stage.note(
            "F4",
            "one symbol never primed",
            "GATE_OVERDUE",
            READY_TIMEOUT_S,
            loud_s,
            healed_s,
            radius,
        )
