"""What the engine says: each code stands in a table, gets its arguments, and survives the wire."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator

import pytest

from engine.acts.sayings import ACT_SAYINGS
from engine.broker.port import FetchFailed, RateLimited
from engine.broker.session import FetchSilent
from engine.drills.sayings import DRILL_SAYINGS
from engine.reason_sayings import REASON_SAYINGS
from engine.sayings import (
    SAYINGS,
    Saying,
    filled,
    in_a_row,
    said_of,
    saying,
    sayings_of,
    sentences,
)
from tests.engine.builders import REPOSITORY
from uds import UDS_SAYINGS, CacheDown
from uds.told import told

_SAID_BY = {"saying": 0, "note": 0, "note_wider": 0, "must": 1, "_late": 0, "told": 0}
"""Functions that take a code, and at which place."""
_AWAY = ["redis_away", "redis_remedy"]
_ROOMS = ("acts", "broker", "control", "drills", "duties", "history", "processes", "serving")
_FILES = tuple(
    path
    for room in (*(f"engine/{room}" for room in _ROOMS), "engine", "uds", "console")
    for path in sorted((REPOSITORY / room).glob("*.py"))
    if path.name not in ("sayings.py", "reason_sayings.py", "told.py")
)


def _said() -> Iterator[tuple[str, str, int | None]]:
    """(where, code, number of arguments) of every code that is written in the source."""
    for path in _FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            at = _SAID_BY.get(name) if path.parent.name != "uds" or name == "told" else None
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

    assert len(said) > 130
    assert [] == wrong


def test_every_code_of_the_tables_is_said_somewhere() -> None:
    """What nobody says any more need not be translated."""
    source = "".join(path.read_text("utf-8") for path in _FILES)

    assert set() == ACT_SAYINGS.keys() - {code for _, code, _ in _said()}
    assert [] == [code for code in DRILL_SAYINGS if f'"{code}"' not in source]


def test_no_code_means_two_things() -> None:
    """The tables are one namespace on the wire and in the language file."""
    tables = (ACT_SAYINGS, DRILL_SAYINGS, REASON_SAYINGS, UDS_SAYINGS)
    assert len(SAYINGS) == sum(map(len, tables))


def test_the_tables_number_their_arguments_from_nought() -> None:
    """A language may turn them round, none may leave one out."""
    for code, text in SAYINGS.items():
        assert {str(at) for at in range(len(_places(text)))} == _places(text), code


def test_an_act_refuses_only_in_codes() -> None:
    """A refusal written as a sentence would be read in English on every screen."""
    acts = [path for path in _FILES if path.parent.name == "acts" and path.name != "seat.py"]

    assert [] == [path.name for path in acts if "ActionRefused(" in path.read_text("utf-8")]


@pytest.mark.parametrize("raw", [None, "x", [7], [{"code": 1}], [{"code": "a", "args": 3}], {}])
def test_what_is_no_saying_is_none(raw: object) -> None:
    """It arrives from another process."""
    assert () == sayings_of(raw)


@pytest.mark.parametrize(
    ("failure", "codes"),
    [
        (FetchSilent(saying("broker_silent", "NGAS", "M1", "5")), ["broker_silent"]),
        (RateLimited(saying("broker_asked_too_often"), 0.3), ["broker_asked_too_often"]),
        (CacheDown(told("redis_away", "x"), hint=told("redis_remedy")), _AWAY),
        (CacheDown(told("redis_away", "x"), hint="Look."), ["as_it_is"]),
        (CacheDown("Refused."), ["as_it_is"]),
        (FetchFailed(""), ["as_it_is"]),
        (OSError(28, "No space"), ["as_it_is"]),
    ],
)
def test_a_failure_says_in_codes_what_it_says_in_english(
    failure: Exception, codes: list[str]
) -> None:
    """The wire has the one, screens in other languages the other: they must not drift apart."""
    said = said_of(failure)

    assert codes == [one.code for one in said]
    assert str(failure) == in_a_row(said)


def test_a_saying_that_lacks_an_argument_shows_what_there_is() -> None:
    """Another version may count its arguments otherwise."""
    assert "late a" == filled(SAYINGS["late"], Saying("late", ("a",)))


def test_a_name_at_the_head_of_a_sentence_keeps_its_small_letter() -> None:
    """`Ui` is no process."""
    assert "ui is being restarted." == sentences((saying("restarting", "ui"),))
    assert "The engine is stopping." == sentences((saying("stopping"),))
