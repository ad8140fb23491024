"""What actions do, each with its question: processes, the gate, reasons, the engine itself."""

from __future__ import annotations

from .. import gate
from ..deepening import pause_depth
from ..degraded import CLEARED_BY_HAND, DegradedReason
from ..errors import ActionRefused
from ..events import GateForced, ReasonAcknowledged
from ..gate import GateState
from .action import Given, Operable, Question

FORCED_S = 15 * 60
"""How long an operator's word holds the gate open."""


def restart_question(engine: Operable, given: Given) -> Question:
    """Which process, and that nobody else notices."""
    name = _process(engine, given)
    others = [other for other in engine.supervisor.names if other != name]
    return Question(f"Restart {name}? {_others(engine)}.", {"process": name, "undisturbed": others})


def restart(engine: Operable, given: Given, _: str) -> str:
    """End the process and run it again; it may finish what it is writing."""
    name = _process(engine, given)
    engine.supervisor.restart(name)
    return f"{name} is being restarted."


def force_question(engine: Operable, given: Given) -> Question:
    """The same; the name must be typed."""
    question = restart_question(engine, given)
    name = given["process"][0]
    sentence = f"Restart {name} by force? What it is writing is cut off. {_others(engine)}."
    return Question(sentence, question.radius, phrase=name)


def force(engine: Operable, given: Given, _: str) -> str:
    """End the process at once and run it again."""
    name = _process(engine, given)
    engine.supervisor.restart(name, is_forced=True)
    return f"{name} is being restarted by force."


def open_gate_question(engine: Operable, _: Given) -> Question:
    """Which cells would be missing; refused where a word cannot help."""
    status = engine.tools.board.status
    verdict = status.gate
    if isinstance(verdict, gate.Open):
        raise ActionRefused("The gate is open already.")
    if verdict.state in (GateState.FENCED, GateState.UNSAFE):
        raise ActionRefused(f"The gate is {verdict.state.value}: no word of ours opens it.")
    missing = [str(key) for key, cell in status.cells.items() if cell.serving is None]
    return Question(
        f"Open the gate although {len(missing)} of {len(status.cells)} cells are missing? "
        f"Those answer 503, the others are served as degraded, for {FORCED_S // 60} minutes.",
        {"missing": missing, "for_s": FORCED_S},
        phrase="gate",
    )


def open_gate(engine: Operable, given: Given, by: str) -> str:
    """Let readers have what there is, for a while, in the name of whoever asked."""
    open_gate_question(engine, given)
    until_ms = engine.tools.clock.now_ms() + FORCED_S * 1_000
    engine.tools.board.post(GateForced(until_ms, by))
    return f"The gate is forced open for {FORCED_S // 60} minutes."


def acknowledge_question(engine: Operable, given: Given) -> Question:
    """Which reason."""
    reason = _standing(engine, given)
    where = str(reason.scope or "platform")
    is_cleared = reason.code in CLEARED_BY_HAND
    then = "That clears it." if is_cleared else "It stays on the screen, marked as seen."
    return Question(
        f"Acknowledge {reason.code.value} of {where}? {then}",
        {"code": reason.code.value, "scope": where, "cleared": is_cleared},
    )


def acknowledge(engine: Operable, given: Given, _: str) -> str:
    """Mark a reason as seen."""
    reason = _standing(engine, given)
    engine.tools.board.post(ReasonAcknowledged(reason.code, reason.scope))
    return f"{reason.code.value} of {reason.scope or 'platform'} is acknowledged."


def pause_question(engine: Operable, _: Given) -> Question:
    """What waits; refused when it does already."""
    if engine.tools.board.status.depth_paused:
        raise ActionRefused("Deepening is paused already.")
    return Question("Pause the deepening of history? What readers get stays as it is.")


def pause(engine: Operable, given: Given, _: str) -> str:
    """Hold it after the stretch that is under way."""
    pause_question(engine, given)
    pause_depth(engine.tools, is_paused=True)
    return "Deepening pauses after the stretch that is under way."


def resume_question(engine: Operable, _: Given) -> Question:
    """What goes on; refused when nothing is held."""
    if not engine.tools.board.status.depth_paused:
        raise ActionRefused("Deepening is not paused.")
    return Question("Let the deepening of history go on, behind everything else?")


def resume(engine: Operable, given: Given, _: str) -> str:
    """Let it go on."""
    resume_question(engine, given)
    pause_depth(engine.tools, is_paused=False)
    return "Deepening goes on."


def shutdown_question(engine: Operable, _: Given) -> Question:
    """What ends with the engine."""
    processes = list(engine.supervisor.names)
    return Question(
        "Stop the engine? Readers will find nothing on this host until the next start.",
        {"processes": processes, "readers": "refused"},
    )


def shutdown(engine: Operable, _: Given, __: str) -> str:
    """Begin an orderly stop."""
    engine.stop()
    return "The engine is stopping."


def _others(engine: Operable) -> str:
    return f"The other {len(engine.supervisor.names) - 1} processes go on undisturbed"


def _process(engine: Operable, given: Given) -> str:
    name = given["process"][0]
    if name not in engine.supervisor.names:
        known = ", ".join(engine.supervisor.names)
        raise ActionRefused(f"There is no process {name[:40]!r}; there are {known}.", "unknown")
    return name


def _standing(engine: Operable, given: Given) -> DegradedReason:
    """The reason that is meant; without a scope it must be the only one of its code."""
    code, scope = given["code"][0], given.get("scope", ())
    found = [r for r in engine.tools.board.status.reasons if r.code.value == code]
    if scope:
        found = [r for r in found if str(r.scope or "platform") == scope[0]]
    if not found:
        raise ActionRefused(f"No reason {code[:40]!r} stands there.", "unknown")
    if len(found) > 1:
        scopes = ", ".join(str(r.scope or "platform") for r in found)
        raise ActionRefused(f"{code} stands in {len(found)} places: {scopes}.", "bad_args")
    return found[0]
