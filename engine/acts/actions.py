"""What an operator can make the engine do: one registry for keys, palette, socket and command line.

An action is asked before it is done: its question says what it would touch, computed from
fresh state, as a sentence and as data. Whoever asks for a destroying action must repeat a
phrase that the question names. Who may act at all is decided in `seat.py`.
"""

from __future__ import annotations

from ..refusals import refusal
from ..sayings import saying
from . import deeds, drill_deeds, rebuild_deeds
from .action import Action, Argument, Danger, Kind

_ONE_PROCESS = (Argument("process", Kind.PROCESS),)
_SYMBOLS = (Argument("symbols", Kind.SYMBOL, is_many=True),)
_REASON = (Argument("code", Kind.REASON), Argument("scope", Kind.SCOPE, is_required=False))
_DRILL = (
    Argument("drill", Kind.DRILL),
    Argument("allow", Kind.WORD, is_required=False, option="--allow-drills"),
)

ACTIONS = {
    action.id: action
    for action in (
        Action(
            "restart",
            ("restart",),
            Danger.ACT,
            "restart one process",
            _ONE_PROCESS,
            deeds.restart_question,
            deeds.restart,
        ),
        Action(
            "restart-force",
            ("restart", "--force"),
            Danger.DESTROY,
            "restart one process without waiting for it",
            _ONE_PROCESS,
            deeds.force_question,
            deeds.force,
        ),
        Action(
            "rebuild",
            ("rebuild",),
            Danger.ACT,
            "fetch and derive symbols anew",
            _SYMBOLS,
            rebuild_deeds.rebuild_question,
            rebuild_deeds.rebuild,
        ),
        Action(
            "rebuild-all",
            ("rebuild", "--all"),
            Danger.DESTROY,
            "fetch and derive every symbol anew",
            (),
            rebuild_deeds.rebuild_all_question,
            rebuild_deeds.rebuild_all,
        ),
        Action(
            "open-gate",
            ("open-gate",),
            Danger.DESTROY,
            "open the gate with what there is",
            (),
            deeds.open_gate_question,
            deeds.open_gate,
        ),
        Action(
            "drill",
            ("drill", "run", "--live"),
            Danger.DESTROY,
            "run a drill on this engine",
            _DRILL,
            drill_deeds.drill_question,
            drill_deeds.drill,
        ),
        Action(
            "drill-abort",
            ("drill", "abort"),
            Danger.ACT,
            "end the drill that runs",
            (),
            drill_deeds.abort_question,
            drill_deeds.abort,
        ),
        Action(
            "acknowledge",
            ("why", "--acknowledge"),
            Danger.ACT,
            "mark a reason as seen",
            _REASON,
            deeds.acknowledge_question,
            deeds.acknowledge,
        ),
        Action(
            "pause-depth",
            ("rebuild", "--deepening", "pause"),
            Danger.ACT,
            "hold the deepening of history",
            (),
            deeds.pause_question,
            deeds.pause,
        ),
        Action(
            "resume-depth",
            ("rebuild", "--deepening", "resume"),
            Danger.ACT,
            "let the deepening of history go on",
            (),
            deeds.resume_question,
            deeds.resume,
        ),
        Action(
            "shutdown",
            ("down",),
            Danger.ACT,
            "stop the engine in order",
            (),
            deeds.shutdown_question,
            deeds.shutdown,
        ),
    )
}


def find_action(action_id: str) -> Action:
    """The action of an id; raises ActionRefused for an unknown one."""
    action = ACTIONS.get(action_id)
    if action is None:
        raise refusal(saying("no_action", action_id[:40], ", ".join(ACTIONS)), code="unknown")
    return action
