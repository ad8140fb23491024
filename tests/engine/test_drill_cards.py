"""The catalogue on its way to a screen: what is read back, and what is not believed."""

from __future__ import annotations

import pytest

from engine.drills.cards import catalogue_of
from engine.drills.catalog import CATALOG, catalog_document
from engine.drills.shape import Place
from engine.replica import BadReplica


def test_every_drill_comes_back_as_the_card_of_what_it_is() -> None:
    """The screen tells hypothesis and bounds of the catalogue, and nothing of its own."""
    cards = {card.id: card for card in catalogue_of(catalog_document()).drills}

    assert list(CATALOG) == list(cards)
    hangs = next(v for v in cards["F9"].variants if v.name == "hangs")
    assert ("BROKER_FETCH_FAILED",) == hangs.codes
    assert 6.0 == hangs.loud_within_s
    assert {Place.LIVE, Place.SANDBOX} == set(hangs.places)
    assert cards["F9"].can_live
    assert not cards["F7"].can_live


def test_a_newer_engine_may_say_more_and_nobody_may_say_less() -> None:
    """An old screen in front of a new engine goes on; half a card is none."""
    document = catalog_document()

    assert 17 == len(catalogue_of({**document, "colour": "blue"}).drills)
    with pytest.raises(BadReplica, match="lacks a field"):
        catalogue_of({"drills": [{"id": "F1"}]})
    with pytest.raises(BadReplica, match="should be a list"):
        catalogue_of({**document, "drills": "F1"})
