"""What this boot took so far, beside what the boot before it took."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..broker.session import BrokerSession
from ..status import Mode
from .stages import asked
from .timeline import replay_floor_s
from .waterfall import BrokerFloor, Waterfall, poured, waterfall_json

if TYPE_CHECKING:
    from ..process import Tools


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


def broker_floor_s(session: BrokerSession) -> float | None:
    """The replay floor of what was answered since the engine opened; None before the login."""
    if session.login_s is None:
        return None
    in_order = sorted(session.answered, key=lambda one: one.sent_s)
    latencies_s = [one.latency_s for one in in_order]
    return replay_floor_s(session.login_s, latencies_s, session.broker.concurrency)


def _broker_floor(tools: Tools) -> BrokerFloor | None:
    """A start that had bars already says nothing about one that has none."""
    status, login_s = tools.board.status, tools.session.login_s
    floor_s = broker_floor_s(tools.session)
    if status.opened_gate_after_s is None or login_s is None or floor_s is None:
        return None
    if any(mode is not Mode.COLD for mode in status.modes.values()):
        return None
    return BrokerFloor(login_s, floor_s, len(status.modes))


def timeline_document(tools: Tools) -> dict[str, Any]:
    """What the operation `timeline` answers: this boot, its broker, and the boot before."""
    before, broker = tools.earlier.boot, _broker_floor(tools)
    return {
        **waterfall_json(waterfall(tools)),
        "broker": None if broker is None else asdict(broker),
        "before": None if before is None else waterfall_json(before),
    }
