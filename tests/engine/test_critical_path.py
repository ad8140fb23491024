"""The chain of a start: what everything waited for, without a gap and without an overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.boots.critical_path import Link, critical_chain
from engine.boots.stages import Stage
from tests.engine.builders import GOLD, YEN


def stage(
    name: str, symbol: str | None, start_s: float, end_s: float, wait_s: float = 0.0
) -> Stage:
    """One stage."""
    return Stage(name, symbol, start_s, wait_s, end_s - start_s - wait_s, end_s)


LOGIN = stage("login", None, 0.0, 0.5)


def walk(symbol: str, m1_s: float, d1_s: float, begins_s: float = 0.0) -> list[Stage]:
    """A symbol that has its M1 and D1 by these times; each later stage takes a tenth."""
    derived_s = m1_s + 0.1
    ready_s = max(derived_s, d1_s)
    return [
        stage("M1", symbol, begins_s, m1_s, wait_s=0.5),
        stage("D1", symbol, begins_s, d1_s, wait_s=0.5),
        stage("derive", symbol, m1_s, derived_s),
        stage("commit", symbol, ready_s, ready_s + 0.1),
        stage("prime", symbol, ready_s + 0.1, ready_s + 0.2),
        stage("flip", symbol, ready_s + 0.2, ready_s + 0.3),
    ]


def names(chain: tuple[Link, ...]) -> list[str]:
    """Names alone."""
    return [link.name for link in chain]


def test_the_slowest_symbol_is_the_chain() -> None:
    """What the others did could have taken twice as long without anybody noticing."""
    chain = critical_chain([LOGIN, *walk(GOLD, 1.0, 0.8), *walk(YEN, 2.0, 0.8)], None)

    assert ["login", "M1", "derive", "commit", "prime", "flip"] == names(chain)
    assert {None, YEN} == {link.symbol for link in chain}


def test_days_that_come_last_are_the_chain() -> None:
    """M1 and derive were ready and waited for D1."""
    chain = critical_chain([LOGIN, *walk(GOLD, 1.0, 3.0)], None)

    assert ["login", "D1", "commit", "prime", "flip"] == names(chain)


def test_a_fetch_counts_from_the_login_on() -> None:
    """It was queued before, but until then everything waited for the login."""
    chain = critical_chain([LOGIN, *walk(GOLD, 1.2, 0.8)], None)

    m1 = chain[1]
    assert ("M1", 0.5, 1.2) == (m1.name, m1.start_s, m1.end_s)
    assert (0.0, pytest.approx(0.7)) == (m1.wait_s, m1.work_s)


def test_time_in_which_nobody_worked_is_a_gap() -> None:
    """A loop that stalled or a lane that forgot somebody is seen as what it is."""
    late = [LOGIN, *walk(GOLD, 1.0, 0.8)]
    late[-1] = stage("flip", GOLD, 2.0, 2.1)

    assert pytest.approx(0.7) == critical_chain(late, None)[-1].gap_s


def test_a_rebuild_after_the_opening_is_not_part_of_the_start() -> None:
    """The chain answers why it took so long to open."""
    both = [LOGIN, *walk(GOLD, 1.0, 0.8), *walk(GOLD, 9.0, 8.0, begins_s=7.0)]

    assert pytest.approx(1.4) == critical_chain(both, 1.4)[-1].end_s
    assert pytest.approx(9.4) == critical_chain(both, None)[-1].end_s


@pytest.mark.parametrize("stages", [[], [LOGIN], walk(GOLD, 1.0, 0.8)[:-1]])
def test_without_a_flip_there_is_no_chain(stages: list[Stage]) -> None:
    """Nothing has opened yet, so nothing can be said about what it waited for."""
    assert () == critical_chain(stages, None)


@given(
    st.lists(
        st.tuples(st.sampled_from((GOLD, YEN)), st.floats(0.5, 9), st.floats(0.5, 9)),
        min_size=1,
        max_size=5,
    )
)
def test_a_chain_has_neither_gap_nor_overlap_in_its_account(
    walks: list[tuple[str, float, float]],
) -> None:
    """Gap, wait and work of all links add up to the whole time, whatever was walked."""
    stages = [LOGIN, *(one for symbol, m1_s, d1_s in walks for one in walk(symbol, m1_s, d1_s))]
    chain = critical_chain(stages, None)

    assert pytest.approx(max(s.end_s for s in stages)) == sum(
        link.gap_s + link.wait_s + link.work_s for link in chain
    )
    assert all(min(link.gap_s, link.wait_s, link.work_s) >= 0 for link in chain)
