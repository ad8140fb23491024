"""The priming budget: who may take how long, who is late, and what would have been enough."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import budget
from engine.budget_check import unkept_budgets
from engine.event_log import Posted
from engine.events import SymbolPrimed
from engine.first_status import prime_budget
from engine.replica import posted_json
from engine.status import PrimeStatus
from tests.engine.builders import CAD, GOLD, YEN, small_config
from uds.model import Timeframe

PROMISED = PrimeStatus(budget_s=6.0, per_symbol_budget_s=2.0)
SYMBOLS = ("A", "B", "C", "D", "E", "F")

taken = st.dictionaries(st.sampled_from(SYMBOLS), st.floats(0, 5))


def after(**changes: object) -> PrimeStatus:
    """The budget with some of it used."""
    return replace(PROMISED, **changes)  # type: ignore[arg-type]


def measured(bars: int, call_s: float, *symbols: str) -> dict[str, object]:
    """So many bars of each symbol in a call of so long."""
    return {"bars": dict.fromkeys(symbols, bars), "call_s": dict.fromkeys(symbols, call_s)}


@pytest.mark.parametrize(
    ("spent", "allowance_s"),
    [
        ({}, 2.0),
        ({"A": 0.5}, 3.5),
        ({"A": 0.5, "B": 0.5}, 5.0),
        ({"A": 3.0}, 2.0),
        ({"A": 5.0}, 1.0),
        ({"A": 7.0}, 0.0),
    ],
)
def test_what_one_leaves_is_handed_on_and_the_whole_is_the_limit(
    spent: dict[str, float], allowance_s: float
) -> None:
    """A quick symbol pays for a slow one; nobody is punished for those before, but by the whole."""
    assert pytest.approx(allowance_s) == budget.allowance_s(after(per_symbol_s=spent), "Z")


@given(taken)
def test_an_allowance_is_never_negative_nor_more_than_is_left(spent: dict[str, float]) -> None:
    """Whatever the others took."""
    prime = after(per_symbol_s=spent)
    allowance_s = budget.allowance_s(prime, "Z")

    assert 0 <= allowance_s <= max(0.0, prime.budget_s - sum(spent.values())) + 1e-9


def test_a_symbol_is_late_past_its_own_allowance() -> None:
    """Twelve good symbols must not hide the one that hangs."""
    prime = after(per_symbol_s={"A": 2.0}, began_s={"B": 10.0})

    assert not budget.is_late(prime, 12.0)
    assert budget.is_late(prime, 12.01)


def test_all_together_are_late_past_the_whole() -> None:
    """Six symbols that each keep their share may still break the promise for all."""
    prime = after(budget_s=5.0, per_symbol_s={"A": 2.0, "B": 2.0}, began_s={"C": 10.0})

    assert not budget.is_late(prime, 11.0)
    assert budget.is_late(prime, 11.01)


def test_nobody_is_late_where_nobody_is_priming() -> None:
    """A budget that was overrun once is history when everything is primed."""
    assert not budget.is_late(after(per_symbol_s={"A": 9.0}), 1_000.0)


def test_the_rate_is_measured_and_so_is_what_is_left() -> None:
    """Two symbols of 1 000 bars took a second: the third takes half of one, waits left out."""
    prime = after(per_symbol_s={GOLD: 9.5, YEN: 0.5}, **measured(1_000, 0.5, GOLD, YEN))

    assert 2_000.0 == budget.rate_bars_per_s(prime)
    assert pytest.approx(0.5) == budget.remaining_s(prime, 3)
    assert 0.0 == budget.remaining_s(prime, 2)


def test_without_a_measurement_there_is_no_estimate() -> None:
    """A number made of nothing is worse than none."""
    assert (None, None) == (budget.rate_bars_per_s(PROMISED), budget.remaining_s(PROMISED, 3))


def test_a_budget_too_small_is_known_before_anything_is_primed() -> None:
    """At the guessed rate, so that the operator hears of it at the start and not after it."""
    prime = after(budget_s=0.2, symbol_bars=7_000)

    found = budget.shortfall(prime, 13)
    assert found is not None
    assert "bootstrap.redis_priming_budget_s" == found.option
    assert pytest.approx(7_000 * 13 / budget.GUESSED_BARS_PER_S) == found.needed_s
    sentence = str(budget.shortfall_saying(found, None))
    assert sentence.startswith(
        "set bootstrap.redis_priming_budget_s to 6.9: it is 0.2 s, but priming needs 4.55 s at"
    )
    assert sentence.endswith("bars/s guessed.")


@given(st.floats(0.001, 100), st.integers(1, 40), st.integers(1, 20_000), st.floats(0.001, 5))
def test_the_number_to_set_is_enough(
    budget_s: float, symbols: int, bars: int, taken_s: float
) -> None:
    """Advice that is followed must not be followed by the same advice."""
    prime = after(
        budget_s=budget_s,
        per_symbol_budget_s=1e9,
        **measured(bars, taken_s, GOLD),
        symbol_bars=bars,
    )
    found = budget.shortfall(prime, symbols)

    if found is not None:
        assert found.needed_s > budget_s
        assert budget.shortfall(replace(prime, budget_s=found.advised_s), symbols) is None


def test_the_share_of_a_symbol_can_be_too_small_as_well() -> None:
    """The whole may suffice for all and a share for none."""
    prime = after(**measured(1_000, 3.0, GOLD), symbol_bars=1_000, budget_s=99.0)

    found = budget.shortfall(prime, 2)
    assert found is not None
    assert ("bootstrap.prime_budget_per_symbol_s", 4.5) == (found.option, found.advised_s)


def test_the_default_budget_suffices_for_the_default_warm_up() -> None:
    """A fresh configuration must not begin with a complaint."""
    config = small_config(GOLD, YEN, CAD, bootstrap__warmup_bars={"M1": 4_320, "D1": 180})
    prime = prime_budget(config)

    assert 4_320 + 1_440 + 864 + 288 + 144 + 72 + 18 + 180 == prime.symbol_bars
    assert (30.0, 0.5) == (prime.budget_s, prime.per_symbol_budget_s)
    assert budget.shortfall(prime, 13) is None


def test_no_more_bars_are_expected_than_redis_keeps() -> None:
    """A long warm-up does not make tails longer."""
    tails = dict.fromkeys(Timeframe, 100)

    assert 800 == budget.expected_bars(1_000_000, 1_000, tails, tuple(Timeframe))


def primed(symbol: str, bars: int, call_s: float) -> str:
    """A line of a record."""
    event = SymbolPrimed(symbol, call_s * 9, bars, call_s)
    return json.dumps(posted_json(Posted(1, 0, event)), separators=(",", ":")) + "\n"


def test_a_configuration_is_checked_at_the_rate_of_the_newest_boot_that_primed(
    tmp_path: Path,
) -> None:
    """A guess until there was one; what is too small is named with the number to set."""
    given: dict[str, Any] = {
        "data_root": str(tmp_path),
        "bootstrap__redis_priming_budget_s": 0.4,
        "bootstrap__prime_budget_per_symbol_s": 0.15,
    }
    config = small_config(GOLD, YEN, CAD, **given)
    bars = prime_budget(config).symbol_bars
    guessed = unkept_budgets(config)
    boots = tmp_path / "boots"
    boots.mkdir()
    (boots / "00000001.jsonl").write_text(primed(GOLD, 9, 9.0))
    (boots / "00000002.jsonl").write_text(
        "x\n" + primed(GOLD, bars, 0.09) + primed(YEN, bars, 0.29) + primed(CAD, 1, 1e-9)[:-40]
    )
    (boots / "00000003.jsonl").write_text('{"record":1}\n')
    too_small = unkept_budgets(config)

    assert () == guessed
    assert 2 == len(too_small)
    assert "redis_priming_budget_s to 0.9: it is 0.4 s, but priming needs 0.57 s" in too_small[0]
    assert too_small[1].startswith("set bootstrap.prime_budget_per_symbol_s to 0.3: ")
    assert all(sentence.endswith("measured.") for sentence in too_small)
    enough = {
        "bootstrap__redis_priming_budget_s": 0.9,
        "bootstrap__prime_budget_per_symbol_s": 0.3,
    }
    assert () == unkept_budgets(small_config(GOLD, YEN, CAD, **{**given, **enough}))
