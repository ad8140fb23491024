"""What drills say of verdicts and before they begin."""

from __future__ import annotations

import json

from engine.drills.catalog import CATALOG
from engine.drills.choice import chosen
from engine.drills.grounds import Ground, grounds_of
from engine.replica import plain
from engine.sayings import saying, sentences


def test_a_ground_survives_the_wire() -> None:
    """A console elsewhere says the very same."""
    ground = Ground("stopped", (saying("late", "REDIS_TIMEOUT", "2.10", "1.80"),))
    (found,) = grounds_of(json.loads(json.dumps(plain((ground,)))))

    assert ground == found
    assert "stopped: REDIS_TIMEOUT after 2.10 s, not 1.80 s." == str(found)


def test_a_question_names_what_runs_and_why_the_others_do_not() -> None:
    """An operator who reads `killed` must not find out afterwards that nothing was."""
    ours, foreign = (chosen(CATALOG["F2"], is_ours=one) for one in (True, False))

    assert ("killed", "stopped", "emptied") == ours.names
    assert ("refused", "silent") == foreign.names
    assert "Not run, for the server is ours: refused, silent." == sentences(ours.why_not)
    assert "Not run, for the server is not ours: killed, stopped, emptied." == sentences(
        foreign.why_not
    )
    assert ours.about_s > foreign.about_s
    at_start = chosen(CATALOG["F5"], is_ours=False)
    assert "Run in a sandbox only: at a start." == sentences(at_start.why_not)
    assert [{"variant": "at a start", "why": "sandbox_only"}] == at_start.document()["left_out"]
