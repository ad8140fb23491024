"""What a start did, in numbers: the document that `bootstrap --json` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from uds.model import DERIVED_TIMEFRAMES, Timeframe

from .. import gate
from ..broker.session import Answered
from ..errors import ProbeFailed
from ..serving.probe import first_candles_ms
from ..serving.wire import SCHEMA, reason_document
from .boot_times import broker_floor_s, waterfall
from .timeline import Span
from .waterfall import rounded, waterfall_json

if TYPE_CHECKING:
    from ..runtime import Engine


async def bootstrap_report(engine: Engine, launch_s: float) -> dict[str, Any]:
    """Measured from the engine's own status and spans; asks the API for each cell's candles.

    Seconds are rounded to a tenth of a millisecond. `first_candle_ms` is None while the gate
    is closed or when a cell was not answered; the reason then stands in `probe_error`.
    """
    status = engine.board.status
    elapsed_s = status.opened_gate_after_s
    floor_s = broker_floor_s(engine.session)
    timeline, spans = waterfall_json(waterfall(engine.tools)), engine.timeline.spans
    sealed = [span.end_s for span in spans if span.name == "flip"]
    if elapsed_s is not None:
        sealed.append(elapsed_s)  # counted in whole milliseconds, a span is not
    candles, probe_error = await _first_candle(engine)
    return {
        "schema": SCHEMA,
        "boot_id": status.boot_id,
        "mode": status.mode.value if status.mode else None,
        "mode_reason": status.mode_reason,
        "modes": {symbol: mode.value for symbol, mode in status.modes.items()},
        "gate": status.gate.state.value,
        "overdue": status.overdue,
        "readiness": isinstance(status.gate, gate.Open),
        "elapsed_s": rounded(elapsed_s),
        "launch_s": rounded(launch_s),
        "broker_floor_s": rounded(floor_s),
        "ratio_to_floor": rounded(elapsed_s / floor_s) if elapsed_s and floor_s else None,
        "first_symbol_ready_s": rounded(min(sealed, default=None)),
        "first_candle_ms": candles,
        "probe_error": probe_error,
        "cells": {"ready": status.ready_cells, "total": len(status.cells)},
        "owner_token": status.owner_token,
        "generations": {symbol: str(g) for symbol, g in status.generations.items()},
        "broker_requests": _requests(engine.session.answered),
        "rebuild": _rebuild(engine, spans),
        "prime": {
            "cells": status.prime.cells,
            "elapsed_s": rounded(status.prime.elapsed_s),
            "budget_s": status.prime.budget_s,
            "per_symbol": {s: rounded(t) for s, t in status.prime.per_symbol_s.items()},
        },
        "degraded": status.degraded,
        "reasons": [reason_document(reason).model_dump() for reason in status.reasons],
        "healed": [reason_document(reason).model_dump() for reason in status.healed],
        "phases": timeline["phases"],
        "critical_chain": timeline["critical_chain"],
    }


async def _first_candle(engine: Engine) -> tuple[dict[str, float] | None, str | None]:
    status, listener = engine.board.status, engine.tools.listener
    if not isinstance(status.gate, gate.Open) or listener.port is None:
        return None, None
    keys = tuple(status.cells)
    try:
        took_ms = await first_candles_ms(listener.host, listener.port, keys, engine.clock)
    except ProbeFailed as error:
        return None, str(error)
    cuts = quantiles(took_ms, n=100, method="inclusive")
    return {
        "p50": round(cuts[49], 3),
        "p95": round(cuts[94], 3),
        "max": round(max(took_ms), 3),
    }, None


def _requests(answered: Sequence[Answered]) -> dict[str, int]:
    counted = Counter(one.request.timeframe.name for one in answered)
    other = sum(counted.values()) - counted["M1"] - counted["D1"]
    return {"D1": counted["D1"], "M1": counted["M1"], "other": other}


def _rebuild(engine: Engine, spans: Sequence[Span]) -> dict[str, Any]:
    cells = engine.board.status.cells
    derived = (c.bars for key, c in cells.items() if key.timeframe in DERIVED_TIMEFRAMES)
    return {
        "bars_in": sum(c.bars for key, c in cells.items() if key.timeframe is Timeframe.M1),
        "bars_out": sum(derived),
        "elapsed_s": rounded(sum(s.end_s - s.start_s for s in spans if s.name == "derive")),
    }
