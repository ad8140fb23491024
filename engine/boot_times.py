"""What this boot took so far, beside what the boot before it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .stages import asked
from .waterfall import Waterfall, poured, waterfall_json

if TYPE_CHECKING:
    from .process import Tools


def waterfall(tools: Tools) -> Waterfall:
    """This boot, so far."""
    status, bootstrap = tools.board.status, tools.config.bootstrap
    return poured(
        status.boot_id,
        status.owner_token,
        status.opened_ms,
        status.opened_gate_after_s,
        (bootstrap.prime_ready_timeout_s, status.prime.budget_s),
        tools.timeline.spans,
        tuple(asked(tools.session.answered, tools.opened_s)),
    )


def timeline_document(tools: Tools) -> dict[str, Any]:
    """What the operation `timeline` answers: this boot, and the one before."""
    before = tools.earlier.boot
    return {
        **waterfall_json(waterfall(tools)),
        "before": None if before is None else waterfall_json(before),
    }
