"""F6: Redis or the disk so slow that the priming budget is spent: said, never partial, ended."""

from __future__ import annotations

from pathlib import Path

from engine.events import CellsChanged, PrimingBegan
from engine.gate import GateState
from tests.engine.builders import CAD, GOLD, YEN
from uds.fault import Fault, FaultKind

from .stage import Stage, stage_config, staged

BUDGET_S = 0.3
SLOW_S = 0.45
"""Less than a call of Redis may take: slow, not silent."""
TURN_S = 0.5
"""The budget is looked at so often."""


async def test_a_spent_budget_is_said_and_priming_goes_on(folder: Path) -> None:
    """PRIME_PARTIAL counts what is primed; a symbol's eight cells are served together."""

    def slow_down(stage: Stage) -> None:
        stage.plan.arm("F6", Fault(FaultKind.SLOW, "cache.*", delay_s=SLOW_S))

    config = stage_config(
        folder,
        *(GOLD, YEN, CAD),
        bootstrap__redis_priming_budget_s=BUDGET_S,
        bootstrap__prime_budget_per_symbol_s=BUDGET_S / 2,
    )
    async with staged(config, before=slow_down) as stage:
        loud_s = await stage.said(stage.began, "PRIME_PARTIAL")
        reason = next(r for r in stage.status.reasons if r.code.value == "PRIME_PARTIAL")
        began_ms = next(
            p.at_ms for p in stage.events(stage.began) if isinstance(p.event, PrimingBegan)
        )
        assert "/24 past the budget of 0.3 s" in reason.detail
        stage.plan.revert("F6")
        healed_s = await stage.healed(stage.mark(), "PRIME_PARTIAL")

        for posted in stage.events(stage.began):
            if isinstance(posted.event, CellsChanged) and len(posted.event.cells) == 8:
                assert 1 == len({cell.serving for cell in posted.event.cells.values()})
        radius = stage.untouched(stage.began, ())
        detectable_s = (began_ms - stage.began.at_ms) / 1_000 + BUDGET_S / 2 + TURN_S
        stage.note("F6", "Redis slow", "PRIME_PARTIAL", detectable_s, loud_s, healed_s, radius)


async def test_a_slow_disk_makes_a_slow_start_and_nothing_else(folder: Path) -> None:
    """No reason but the cells that are waited for; nobody is restarted for it."""

    def slow_down(stage: Stage) -> None:
        stage.plan.arm("F6", Fault(FaultKind.SLOW, "disk.*", "*_*/*", delay_s=SLOW_S))

    async with staged(stage_config(folder), before=slow_down) as stage:
        loud_s = await stage.until(lambda status: status.mode is not None, stage.began)
        assert GateState.CLOSED is stage.status.gate_state
        assert {"XAU/USD/M1", "USD/JPY/H4"} <= {
            why.subject
            for why in stage.status.gate.why  # type: ignore[union-attr]
        }
        stage.plan.revert("F6")
        healed_s = await stage.healed(stage.mark())

        assert stage.plan.injected("F6") >= 2
        assert set() == stage.codes
        radius = stage.untouched(stage.began, ())
        stage.note("F6", "disk slow", "(gate names the cells)", loud_s, loud_s, healed_s, radius)
