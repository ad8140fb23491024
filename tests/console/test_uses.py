"""Shares of the loop and of the host, as the process page shows them."""

from __future__ import annotations

from console.lines import text_of
from console.logbook import LogBook
from console.uses import Uses
from console.widgets.facts import Facts
from console.widgets.listing import listing_rows
from console.widgets.process_page import process_listing
from console.words import Words
from engine import HostUse
from uds import Used

from . import scenes
from .scenes import OPENED_MS

MIB = 1 << 20


def reading(at_s: float, cpu_s: float, busy_s: float) -> HostUse:
    """One of an engine whose m1_poller is the only one that works."""
    return HostUse(at_s, Used(cpu_s, 100 * MIB), None, {"m1_poller": busy_s}, {"m1_poller": 7})


def test_a_share_is_of_the_time_between_two_readings() -> None:
    """An engine that worked hard an hour ago must not look busy now."""
    first = Uses(reading(3_600.0, 900.0, 720.0))
    second = first.after(reading(3_602.0, 900.5, 720.1))

    assert (None, 0.2) == (first.engine_share, first.loop_share("m1_poller"))
    assert 0.25 == second.engine_share
    assert 0.05 == round(second.loop_share("m1_poller") or 0, 6)
    assert (None, None) == (second.server_share, second.loop_share("ui"))


def test_a_reading_of_another_engine_begins_anew() -> None:
    """After a restart totals are small again; a negative share would be nonsense."""
    uses = Uses(reading(3_600.0, 900.0, 720.0)).after(reading(2.0, 1.0, 0.5))

    assert (None, 0.25) == (uses.engine_share, uses.loop_share("m1_poller"))
    assert Uses(reading(0.0, 0.1, 0.0)).loop_share("m1_poller") is None


def test_the_page_shows_what_is_known_and_leaves_the_rest_empty() -> None:
    """Redis may be somebody else's, and a host may say nothing."""
    facts = Facts.of(scenes.closed_with_reasons())
    uses = Uses(reading(9.0, 1.8, 0.9)).after(reading(10.0, 2.0, 1.0))
    known = process_listing(facts, OPENED_MS, Words(), LogBook(), uses)
    blind = process_listing(facts, OPENED_MS, Words(), LogBook(), None)
    title, _, _, m1_poller, ill, *_ = (
        text_of(row) for row in listing_rows(known, None, 0, 80, 20, Words())[0]
    )

    assert title.endswith("engine cpu 20.0% 100 MiB")
    assert ["10.0%", "7"] == m1_poller.split()[-2:]
    assert "2/5" in ill
    assert " PROCESSES  1/5" == text_of(listing_rows(blind, None, 0, 80, 20, Words())[0][0])
