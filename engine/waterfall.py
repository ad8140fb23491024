"""The waterfall of a boot as a document: its stages, and the chain that everything waited for."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .critical_path import Link, critical_chain
from .stages import Stage, stages
from .timeline import Span
from .wire import SCHEMA

if TYPE_CHECKING:
    from .process import Tools


def timeline_document(tools: Tools) -> dict[str, Any]:
    """The waterfall of this boot and the chain that everything waited for."""
    status, spans = tools.board.status, tools.timeline.spans
    found = stages(spans, tools.session.answered, tools.opened_s)
    chain = critical_chain(found, status.opened_gate_after_s)
    return {
        "schema": SCHEMA,
        "boot_id": status.boot_id,
        "owner_token": status.owner_token,
        "opened_ms": status.opened_ms,
        "opened_gate_after_s": rounded(status.opened_gate_after_s),
        "phases": [_row(stage) for stage in found],
        "parts": [_row(span) for span in spans if span.of is not None],
        "critical_chain": [_row(link) for link in chain],
    }


def _row(row: Stage | Link | Span) -> dict[str, Any]:
    return {
        name: rounded(value) if isinstance(value, float) else value
        for name, value in asdict(row).items()
    }


def rounded(seconds: float | None) -> float | None:
    """To a tenth of a millisecond."""
    return None if seconds is None else round(seconds, 4)
