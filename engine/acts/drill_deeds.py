"""Drills on the running engine as acts of an operator: what one would touch, its start, its end."""

from __future__ import annotations

from ..drills.catalog import CATALOG, drill_document
from ..drills.drill import Drill
from ..refusals import refusal
from ..sayings import Saying, saying
from .action import Drilling, Given, Operable, Question

_ALLOWING = ("yes", "allow")


def drill_question(engine: Operable, given: Given) -> Question:
    """The hypothesis and the blast radius; the drill's id must be typed."""
    drill, desk = _possible(engine, given)
    choice = desk.choice(drill.id)
    names, about_s = ", ".join(choice.names), f"{choice.about_s:.0f}"
    asked = saying("asked", drill.id, names, drill.blast_radius, about_s)
    said = (asked, *choice.why_not)
    radius = {**drill_document(drill), **choice.document()}
    return Question(said, radius, phrase=drill.id)


def drill(engine: Operable, given: Given, by: str) -> Saying:
    """Begin it."""
    found, desk = _possible(engine, given)
    desk.begin(found.id, by)
    return saying("drill_begun", found.id)


def abort_question(engine: Operable, _: Given) -> Question:
    """Which drill ends; refused when none runs."""
    running = engine.tools.board.status.drill
    if running is None or not running.is_running:
        raise refusal(saying("none_runs"))
    return Question((saying("ends", running.id),), {"drill": running.id})


def abort(engine: Operable, _: Given, by: str) -> Saying:
    """Take the fault out and end it."""
    if engine.drills is None:
        raise refusal(saying("no_drills"))
    engine.drills.abort(by)
    return saying("drill_ending")


def _possible(engine: Operable, given: Given) -> tuple[Drill, Drilling]:
    drill_id = given["drill"][0]
    found = CATALOG.get(drill_id)
    if found is None:
        raise refusal(saying("no_drill", drill_id[:20], ", ".join(CATALOG)), code="unknown")
    if engine.drills is None:
        raise refusal(saying("no_drills"))
    allow = given.get("allow", ())
    if allow and allow[0] not in _ALLOWING:
        raise refusal(saying("bad_allow", " / ".join(_ALLOWING)), code="bad_args")
    engine.drills.must_be_possible(drill_id, is_allowed=bool(allow))
    return found, engine.drills
