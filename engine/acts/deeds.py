"""What actions do, each with its question: processes, the gate, reasons, the engine itself."""

from __future__ import annotations

from .. import gate
from ..deepening import pause_depth
from ..degraded import CLEARED_BY_HAND, DegradedReason
from ..events import GateForced, ReasonAcknowledged
from ..figures import grouped
from ..gate import GateState
from ..refusals import refusal
from ..sayings import Saying, saying
from .action import Given, Operable, Question

FORCED_S = 15 * 60
"""How long an operator's word holds the gate open."""


def restart_question(engine: Operable, given: Given) -> Question:
    """Which process, and that nobody else notices."""
    name = _process(engine, given)
    others = [other for other in engine.supervisor.names if other != name]
    said = saying("restart", name, _others(engine))
    return Question((said,), {"process": name, "undisturbed": others})


def restart(engine: Operable, given: Given, _: str) -> Saying:
    """End the process and run it again; it may finish what it is writing."""
    name = _process(engine, given)
    engine.supervisor.restart(name)
    return saying("restarting", name)


def force_question(engine: Operable, given: Given) -> Question:
    """The same; the name must be typed."""
    question = restart_question(engine, given)
    name = given["process"][0]
    said = saying("restart_force", name, _others(engine))
    return Question((said,), question.radius, phrase=name)


def force(engine: Operable, given: Given, _: str) -> Saying:
    """End the process at once and run it again."""
    name = _process(engine, given)
    engine.supervisor.restart(name, is_forced=True)
    return saying("restarting_force", name)


def open_gate_question(engine: Operable, _: Given) -> Question:
    """Which cells would be missing; refused where a word cannot help."""
    status = engine.tools.board.status
    verdict = status.gate
    if isinstance(verdict, gate.Open):
        raise refusal(saying("gate_is_open"))
    if verdict.state in (GateState.FENCED, GateState.UNSAFE):
        raise refusal(saying("gate_unmoved", verdict.state.value))
    missing = [str(key) for key, cell in status.cells.items() if cell.serving is None]
    counts = grouped(len(missing)), grouped(len(status.cells))
    said = saying("open_gate", counts[0], counts[1], FORCED_S // 60)
    return Question((said,), {"missing": missing, "for_s": FORCED_S}, phrase="gate")


def open_gate(engine: Operable, given: Given, by: str) -> Saying:
    """Let readers have what there is, for a while, in the name of whoever asked."""
    open_gate_question(engine, given)
    until_ms = engine.tools.clock.now_ms() + FORCED_S * 1_000
    engine.tools.board.post(GateForced(until_ms, by))
    return saying("gate_forced", FORCED_S // 60)


def acknowledge_question(engine: Operable, given: Given) -> Question:
    """Which reason."""
    reason = _standing(engine, given)
    code, is_cleared = reason.code.value, reason.code in CLEARED_BY_HAND
    asked = (
        saying("acknowledge_platform", code)
        if reason.scope is None
        else saying("acknowledge", code, reason.scope)
    )
    then = saying("then_clears") if is_cleared else saying("then_seen")
    where = str(reason.scope or "platform")
    return Question((asked, then), {"code": code, "scope": where, "cleared": is_cleared})


def acknowledge(engine: Operable, given: Given, _: str) -> Saying:
    """Mark a reason as seen."""
    reason = _standing(engine, given)
    engine.tools.board.post(ReasonAcknowledged(reason.code, reason.scope))
    if reason.scope is None:
        return saying("acknowledged_platform", reason.code.value)
    return saying("acknowledged", reason.code.value, reason.scope)


def pause_question(engine: Operable, _: Given) -> Question:
    """What waits; refused when it does already."""
    if engine.tools.board.status.depth_paused:
        raise refusal(saying("is_paused"))
    return Question((saying("pause_depth"),))


def pause(engine: Operable, given: Given, _: str) -> Saying:
    """Hold it after the stretch that is under way."""
    pause_question(engine, given)
    pause_depth(engine.tools, is_paused=True)
    return saying("depth_pauses")


def resume_question(engine: Operable, _: Given) -> Question:
    """What goes on; refused when nothing is held."""
    if not engine.tools.board.status.depth_paused:
        raise refusal(saying("not_paused"))
    return Question((saying("resume_depth"),))


def resume(engine: Operable, given: Given, _: str) -> Saying:
    """Let it go on."""
    resume_question(engine, given)
    pause_depth(engine.tools, is_paused=False)
    return saying("depth_goes_on")


def shutdown_question(engine: Operable, _: Given) -> Question:
    """What ends with the engine."""
    processes = list(engine.supervisor.names)
    return Question((saying("shutdown"),), {"processes": processes, "readers": "refused"})


def shutdown(engine: Operable, _: Given, __: str) -> Saying:
    """Begin an orderly stop."""
    engine.stop()
    return saying("stopping")


def _others(engine: Operable) -> str:
    return grouped(len(engine.supervisor.names) - 1)


def _process(engine: Operable, given: Given) -> str:
    name = given["process"][0]
    if name not in engine.supervisor.names:
        known = ", ".join(engine.supervisor.names)
        raise refusal(saying("no_process", name[:40], known), code="unknown")
    return name


def _standing(engine: Operable, given: Given) -> DegradedReason:
    """The reason that is meant; without a scope it must be the only one of its code."""
    code, scope = given["code"][0], given.get("scope", ())
    found = [r for r in engine.tools.board.status.reasons if r.code.value == code]
    if scope:
        found = [r for r in found if str(r.scope or "platform") == scope[0]]
    if not found:
        raise refusal(saying("reason_absent", code[:40]), code="unknown")
    if len(found) > 1:
        scopes = ", ".join(str(r.scope or "platform") for r in found)
        count = grouped(len(found))
        raise refusal(saying("reason_manifold", code, count, scopes), code="bad_args")
    return found[0]
