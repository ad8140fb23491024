"""F9: fetches that fail, hang, fall short, repeat, come unordered or are limited."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bootstrap import begin_rebuild
from engine.broker.faulty import FaultKind
from engine.broker.session import REQUEST_TIMEOUT_S
from tests.engine.builders import GOLD, YEN
from uds.model import Timeframe

from .stage import NIGHTLY, stage_config, staged

HANG_S = REQUEST_TIMEOUT_S if NIGHTLY else 1.0
BACK_S = 12.0
TIMES = 2 if NIGHTLY else 1
CASES = [
    (FaultKind.FETCH_ERROR, "BROKER_FETCH_FAILED", 0.0),
    (FaultKind.FETCH_HANGS, "BROKER_FETCH_FAILED", HANG_S),
    (FaultKind.RATE_LIMIT, "BROKER_RATE_LIMITED", 0.0),
    (FaultKind.DUPLICATE, "BROKER_FETCH_FAILED", 0.0),
    (FaultKind.UNORDERED, "BROKER_FETCH_FAILED", 0.0),
    (FaultKind.SHORT, "", 0.0),
]


@pytest.mark.parametrize(("kind", "code", "detectable_s"), CASES, ids=[c[0].value for c in CASES])
async def test_a_rebuild_over_bad_fetches_ends_complete_and_nobody_else_notices(
    folder: Path, kind: FaultKind, code: str, detectable_s: float
) -> None:
    """Readers stay on the old generation, the other symbol is not touched, no slot is lost."""
    async with staged(stage_config(folder)) as stage:
        await stage.opened()
        refused = stage.answers.refused
        fault = stage.hit(kind, symbol=YEN, timeframe=Timeframe.M1, times=TIMES)
        mark = stage.mark()
        begin_rebuild(stage.engine.tools, YEN)
        loud_s = await stage.said(mark, code) if code else 0.0

        def is_rebuilt(status: object) -> bool:
            return stage.status.generations[YEN].n == 2

        await stage.until(is_rebuilt)
        healed_s = await stage.healed(mark, "BROKER_FETCH_FAILED", "BROKER_RATE_LIMITED")

        assert TIMES == fault.hits
        assert refused == stage.answers.refused
        assert healed_s - detectable_s * TIMES <= BACK_S
        broker = stage.status.broker
        assert (0, "closed") == (broker.slots_used, broker.circuit)
        radius = stage.untouched(mark, (GOLD,))
        what = f"fetch {kind.value.replace('fetch_', '')} x{TIMES}"
        stage.note("F9", what, code or "(asked on)", detectable_s, loud_s, healed_s, radius)
