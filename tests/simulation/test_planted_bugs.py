"""Every planted bug is noticed by its strategy; `HYPOTHESIS_PROFILE=nightly` plants all of them."""

from __future__ import annotations

import os

import pytest

from .mutants import MUTANTS, Mutant, hunt

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
_SEEN = [m for m in MUTANTS if not m.guarded_by and (NIGHTLY or m.is_cheap)]
_UNSEEN = [m for m in MUTANTS if m.guarded_by]


@pytest.mark.parametrize("mutant", _SEEN, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_noticed(mutant: Mutant) -> None:
    """Else finding no violation says nothing about the engine."""
    found = hunt(mutant)

    assert found.caught_by is not None, f"{mutant.name} went unnoticed in {found.runs} runs"


@pytest.mark.parametrize("mutant", _UNSEEN if NIGHTLY else _UNSEEN[:1], ids=lambda m: m.name)
def test_one_of_two_layers_is_enough(mutant: Mutant) -> None:
    """What this bug takes away is guarded by another layer as well."""
    found = hunt(mutant, runs_max=10_000 if NIGHTLY else 8)

    assert found.caught_by is None, f"{mutant.name} is not guarded by {mutant.guarded_by}"


def test_every_strategy_has_bugs_to_find() -> None:
    """A strategy that no bug needs could be left out unnoticed."""
    assert {"nemesis", "power", "crash", "cut", "zombie"} == {m.strategy for m in MUTANTS}
    assert 15 <= sum(not m.guarded_by for m in MUTANTS)
    assert len(MUTANTS) == len({m.name for m in MUTANTS})
