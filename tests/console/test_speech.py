"""The line behind the colon and the keys of the configuration, without a screen."""

from __future__ import annotations

import pytest

from console.commands import SECTIONS, all_keys, rekeyed
from console.keys import keys_from
from console.offers import Deed, offer_of
from console.speech import NotUnderstood, Speech
from console.words import Words
from engine.acts.actions import ACTIONS
from engine.control.operations import action_document
from engine.errors import BadConfig

from . import scenes

OFFERS = [offer_of(action_document(action)) for action in ACTIONS.values()]
SPEECH = Speech(SECTIONS, OFFERS, scenes.closed_with_reasons(), Words())


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("shu", "shutdown "),
        ("reb", "rebuild"),
        ("rebuild xa", "rebuild XA"),
        ("rebuild xau", "rebuild XAU/USD "),
        ("rebuild XAU/USD xa", "rebuild XAU/USD XAG/USD "),
        ("restart tick_pu", "restart tick_publisher "),
        ("restart ui con", "restart ui con"),
        ("acknowledge gap s", "acknowledge gap SPX500/H4 "),
        ("nonsense", "nonsense"),
        ("logs x", "logs x"),
    ],
)
def test_a_word_is_completed_as_far_as_it_is_sure(typed: str, completed: str) -> None:
    """Tab offers what the engine has now, and never guesses."""
    assert completed == SPEECH.completed(typed)


def test_what_is_typed_becomes_a_view_or_a_deed() -> None:
    """Views are run, acts are asked with the engine's own names."""
    assert SPEECH.understood("journal").view in SECTIONS["pages"]
    assert SPEECH.understood("arm").view in SECTIONS["spoken"]
    said = SPEECH.understood("rebuild xauusd  Ngas")
    assert Deed("rebuild", ("XAU/USD", "NGAS")) == said.deed


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("make tea", "there is no command make"),
        ("logs now", "logs takes no words"),
        ("acknowledge", "type :acknowledge REASON [SCOPE]"),
    ],
)
def test_what_is_not_understood_is_answered_with_a_sentence(typed: str, says: str) -> None:
    """The operator learns how it is typed."""
    with pytest.raises(NotUnderstood, match=says.replace("[", r"\[")):
        SPEECH.understood(typed)


def test_keys_are_parted_by_blanks_and_bring_their_ukrainian_places() -> None:
    """An old key that is given away is free for another command."""
    keys = keys_from({"rebuild": "x ctrl+g", "metric": "b"})

    acts = rekeyed(SECTIONS, keys)["acts"]
    assert ("x", "ctrl+g", "ч") == all_keys(next(c for c in acts if c.id == "rebuild"))


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"rebiuld": "x"}, "there is no command 'rebiuld'; did you mean rebuild"),
        ({"rebuild": ""}, "name at least one key"),
        ({"rebuild": "x,y"}, "'x,y' is no key"),
        ({"rebuild": "ctrl+u"}, "pressed by habit"),
        ({"restart": "f5"}, "pressed by habit"),
        ({"rebuild": "r"}, "r is already a key of restart"),
        ({"rebuild": "к"}, "к is already a key of restart"),
        ({"rebuild": "x", "metric": "x"}, "x is already a key of"),
    ],
)
def test_keys_that_cannot_be_are_refused_with_a_sentence(keys: dict[str, str], says: str) -> None:
    """A mistake is found when the configuration is read and not when the key is needed."""
    with pytest.raises(BadConfig, match=says):
        keys_from(keys)
