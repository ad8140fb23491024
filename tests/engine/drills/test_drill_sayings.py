"""What drills say: each code stands in the table, gets its arguments, and survives the wire."""

from __future__ import annotations

import ast
import json
import string
from collections.abc import Iterator

import pytest

from engine.drills.catalog import CATALOG
from engine.drills.choice import chosen
from engine.drills.sayings import (
    SAYINGS,
    Ground,
    Saying,
    filled,
    grounds_of,
    saying,
    sayings_of,
    sentences,
)
from engine.replica import plain
from tests.engine.builders import REPOSITORY

_SAID_BY = {"saying": 0, "note": 0, "note_wider": 0, "must": 1, "_late": 0}
"""Functions that take a code, and at which place."""
_FILES = (
    *sorted((REPOSITORY / "engine/drills").glob("*.py")),
    REPOSITORY / "engine/acts/drill_deeds.py",
)


def _said() -> Iterator[tuple[str, str, int | None]]:
    """(where, code, number of arguments) of every code that is written in the source."""
    for path in _FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            at = _SAID_BY.get(name)
            if at is None or len(node.args) <= at or not isinstance(node.args[at], ast.Constant):
                continue
            more = node.args[at + 1 :]
            is_open = name == "_late" or any(isinstance(one, ast.Starred) for one in more)
            yield path.name, node.args[at].value, None if is_open else len(more)


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_code_that_is_said_stands_in_the_table_with_as_many_arguments() -> None:
    """A code that is misspelt would be read by an operator in the middle of a failure."""
    said = list(_said())
    wrong = [
        (where, code)
        for where, code, count in said
        if code not in SAYINGS or (count is not None and count != len(_places(SAYINGS[code])))
    ]

    assert len(said) > 80
    assert [] == wrong


def test_every_code_of_the_table_is_said_somewhere() -> None:
    """What nobody says any more need not be translated."""
    source = "".join(path.read_text("utf-8") for path in _FILES if path.name != "sayings.py")

    assert [] == [code for code in SAYINGS if f'"{code}"' not in source]


def test_the_table_numbers_its_arguments_from_nought() -> None:
    """A language may turn them round, none may leave one out."""
    for code, text in SAYINGS.items():
        assert {str(at) for at in range(len(_places(text)))} == _places(text), code


@pytest.mark.parametrize("raw", [None, "x", [7], [{"code": 1}], [{"code": "a", "args": 3}], {}])
def test_what_is_no_saying_is_none(raw: object) -> None:
    """It arrives from another process."""
    assert () == sayings_of(raw)


def test_a_ground_survives_the_wire() -> None:
    """A console elsewhere says the very same."""
    ground = Ground("stopped", (saying("late", "REDIS_TIMEOUT", "2.10", "1.80"),))
    (found,) = grounds_of(json.loads(json.dumps(plain((ground,)))))

    assert ground == found
    assert "stopped: REDIS_TIMEOUT after 2.10 s, not 1.80 s." == str(found)
    assert Saying("late", ("a",)) == Saying("late", ("a",))
    assert "late a" == filled(SAYINGS["late"], Saying("late", ("a",)))


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
