"""The filter: which rows, columns and lines are left, and how a selection lives through it."""

from __future__ import annotations

import pytest

from console.cursor import Cursor, Shown, following, moved, settled
from console.picture import shown_of
from console.sieve import sieve_of
from console.widgets.facts import Facts
from console.words import Words
from uds.model import SeriesKey, Timeframe

from . import scenes

WORDS = Words()
FACTS = Facts.of(scenes.closed_with_reasons())


def _symbols(text: str, faults_only: bool = False, language: str = "en") -> list[str]:
    return list(shown_of(FACTS, sieve_of(text, faults_only), Words(language)).symbols)


def _timeframes(text: str) -> list[str]:
    return [tf.name for tf in shown_of(FACTS, sieve_of(text), WORDS).timeframes]


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("xa", ["XAU/USD", "XAG/USD"]),
        ("XAUUSD", ["XAU/USD"]),
        ("ger|hkg", ["GER30", "HKG33"]),
        ("usd !x", ["USD/CAD", "USD/JPY"]),
        ("state:stale", ["NGAS"]),
        ("state:failed", ["GER30"]),
        ("state:degraded", ["SPX500"]),
        ("level:degraded", ["SPX500"]),
        ("state:primed", ["US30"]),
        ("!state:waiting !state:ready", ["US30"]),
        ("nonsense", []),
        ("state:nonsense", []),
    ],
)
def test_rows_of_the_grid_by_name_and_state(text: str, symbols: list[str]) -> None:
    """Names without their slash, several of them, states of the wire and of the screen."""
    assert symbols == _symbols(text)


def test_states_go_by_the_operators_words_too() -> None:
    """Who reads `застаріло` on the screen will type it."""
    assert ["NGAS"] == _symbols("state:застаріло", language="uk")


def test_columns_by_timeframe_and_all_but_one() -> None:
    """`/!d1` hides a column and no row; two timeframes are either of them."""
    assert ["M1", "M3", "M5", "M15", "M30", "H1", "H4"] == _timeframes("!d1")
    assert ["M5", "H1"] == _timeframes("m5|h1")
    assert [] == _timeframes("m5 h1")
    assert list(scenes.SYMBOLS) == _symbols("!d1")


def test_a_state_is_looked_for_in_the_columns_that_are_shown() -> None:
    """Who hides D1 does not want to be shown rows because of it."""
    assert ["SPX500"] == _symbols("h4 state:degraded")
    assert [] == _symbols("!h4 state:degraded")


def test_faults_only_shows_what_any_fault_touches() -> None:
    """A stale, degraded or failed cell, and a symbol with a reason of its own."""
    assert ["NGAS", "SPX500", "GER30", "USD/JPY"] == _symbols("", faults_only=True)
    assert ["GER30"] == _symbols("ger", faults_only=True)


def test_any_text_is_a_filter_and_none_is_an_error() -> None:
    """What is half typed is already looked through."""
    for text in ("", "  ", "!", "|", "state:", "!state:", "a||b", "!!", "d1|", "\u202e"):
        sieve_of(text).passes("anything", {"ready"})
    assert sieve_of("!").is_open
    assert sieve_of("state:").is_open


def test_lines_pass_by_text_and_state() -> None:
    """The same language in logs and reasons."""
    assert sieve_of("poller level:warn").passes("m1_poller said", {"warning"})
    assert not sieve_of("poller !level:warn").passes("m1_poller said", {"warning"})
    assert not sieve_of("", faults_only=True).passes("all is well")


def test_the_cursor_stays_on_something_that_is_shown() -> None:
    """An act goes by the cursor: it must never be about a row that cannot be seen."""
    m1, d1 = Timeframe.M1, Timeframe.D1
    here = Cursor(cell=SeriesKey("XAU/USD", d1))

    hidden = settled(here, FACTS.status, Shown(("NGAS", "GER30"), (m1,)))
    assert SeriesKey("NGAS", m1) == hidden.cell
    assert settled(here, FACTS.status, Shown((), (m1,))).cell is None
    below = moved(hidden, FACTS.status, 1, 5, Shown(("NGAS", "GER30"), (m1,)))
    assert SeriesKey("GER30", m1) == below.cell


def test_the_next_one_goes_round_the_end() -> None:
    """From the last fault to the first, and back; none is None."""
    assert "d" == following("bd", list("abcde"), "b", 1)
    assert "b" == following("bd", list("abcde"), "d", 1)
    assert "d" == following("bd", list("abcde"), "b", -1)
    assert "b" == following("b", list("abcde"), "b", 1)
    assert "b" == following("bd", list("abcde"), None, 1)
    assert "d" == following("bd", list("abcde"), None, -1)
    assert following("", list("abcde"), "a", 1) is None
