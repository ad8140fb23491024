"""Drills on the running engine as acts of an operator: what one would touch, its start, its end."""

from __future__ import annotations

from .action import Drilling, Given, Operable, Question
from .drills.catalog import CATALOG, drill_document, live_s
from .drills.drill import Drill
from .drills.shape import Place
from .errors import ActionRefused

_ALLOWING = ("yes", "allow")


def drill_question(engine: Operable, given: Given) -> Question:
    """The hypothesis and the blast radius; the drill's id must be typed."""
    drill, _ = _possible(engine, given)
    variants = ", ".join(variant.name for variant in drill.of(Place.LIVE))
    return Question(
        f"Drill {drill.id} on this engine: {variants}? It may touch: {drill.blast_radius}. "
        f"About {live_s(drill):.0f} s; the fault is taken out in any case.",
        drill_document(drill),
        phrase=drill.id,
    )


def drill(engine: Operable, given: Given, by: str) -> str:
    """Begin it."""
    found, desk = _possible(engine, given)
    desk.begin(found.id, by)
    return f"Drill {found.id} has begun."


def abort_question(engine: Operable, _: Given) -> Question:
    """Which drill ends; refused when none runs."""
    running = engine.tools.board.status.drill
    if running is None or not running.is_running:
        raise ActionRefused("No drill is running.")
    return Question(
        f"End drill {running.id}? Its fault is taken out, its verdict is INCONCLUSIVE.",
        {"drill": running.id},
    )


def abort(engine: Operable, _: Given, by: str) -> str:
    """Take the fault out and end it."""
    if engine.drills is None:
        raise ActionRefused("This engine takes no drills.")
    engine.drills.abort(by)
    return "The drill is being ended."


def _possible(engine: Operable, given: Given) -> tuple[Drill, Drilling]:
    drill_id = given["drill"][0]
    found = CATALOG.get(drill_id)
    if found is None:
        known = ", ".join(CATALOG)
        raise ActionRefused(f"There is no drill {drill_id[:20]!r}; there are {known}.", "unknown")
    if engine.drills is None:
        raise ActionRefused("This engine takes no drills.")
    allow = given.get("allow", ())
    if allow and allow[0] not in _ALLOWING:
        raise ActionRefused(f"`allow` is {' or '.join(_ALLOWING)}, or left out.", "bad_args")
    engine.drills.must_be_possible(drill_id, is_allowed=bool(allow))
    return found, engine.drills
