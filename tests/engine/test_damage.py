"""Damaged series and their holes: none forgotten before it is full, none kept in no file's name."""

from __future__ import annotations

from engine.damage import Damage
from tests.engine.builders import GOLD, YEN, key
from uds.model import Timeframe

M1, M5 = key(GOLD, Timeframe.M1), key(GOLD, Timeframe.M5)


def damaged() -> Damage:
    """Two holes in M1, one in M5, a line too many in another symbol."""
    damage = Damage()
    damage.note(M1, [(0, 10)])
    damage.note(M1, [(20, 30)])
    damage.note(M5, [(0, 50)])
    damage.note(key(YEN, Timeframe.M1))
    return damage


def test_a_series_is_healed_once_its_last_hole_is_full() -> None:
    """Half of it is no recovery."""
    damage = damaged()

    assert () == damage.heal(GOLD, lambda series, hole: hole == (0, 10))
    assert ((20, 30),) == damage.holes(M1)
    assert (M1,) == damage.heal(GOLD, lambda series, hole: series == M1)
    assert () == damage.heal(GOLD, lambda series, hole: False)
    assert ((0, 50),) == damage.holes(M5)


def test_damage_without_a_hole_is_healed_by_the_first_look() -> None:
    """A line too many took nothing away; another symbol's look says nothing of it."""
    damage = damaged()

    assert () == damage.heal(GOLD, lambda series, hole: False)
    assert (key(YEN, Timeframe.M1),) == damage.heal(YEN, lambda series, hole: False)


def test_what_a_new_draft_does_not_keep_has_no_hole_any_more() -> None:
    """Its files are not used; the reason goes with the next look, not before."""
    damage = damaged()
    damage.begin_anew(GOLD, [Timeframe.M1])

    assert (M5,) == damage.heal(GOLD, lambda series, hole: False)
    assert ((0, 10), (20, 30)) == damage.holes(M1)
