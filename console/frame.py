"""One frame of the home screen: a picture through an outlook, shared out over a terminal."""

from __future__ import annotations

from typing import NamedTuple

from .commands import first_keys, footer_line
from .cursor import Pane
from .fading import faded
from .layout import Plan, page_plan, plan
from .lines import Line, Look, Span, cropped, text_of, width_of
from .metric import Metric
from .outlook import Outlook
from .pages import Page
from .picture import Picture, shown_of
from .pulse import SLOW_S, pulse_s
from .rim import Rim
from .widgets.cell_face import Sight
from .widgets.drill_notice import drill_notice, drill_pulse_s
from .widgets.drill_page import drill_listing
from .widgets.drill_sheet import card_of, drill_sheet
from .widgets.grid_rows import Column, Grid
from .widgets.header_rows import Header
from .widgets.journal_page import journal_listing
from .widgets.journal_rows import journal_rows
from .widgets.listing import Listing, listing_rows
from .widgets.log_page import log_listing
from .widgets.notice_row import chip_line, notice_row
from .widgets.process_page import process_listing
from .widgets.process_rows import process_rows
from .widgets.reason_page import reason_listing
from .widgets.reason_rows import reason_rows
from .widgets.timeline_page import timeline_listing
from .widgets.xray_rows import xray_body, xray_rows

VIEWS = ("header", "page", "reasons", "processes", "journal", "xray", "notice", "footer")
"""The blocks of rows, the grid aside."""


class Frame(NamedTuple):
    """What to draw."""

    plan: Plan
    """How the terminal is shared out."""
    columns: tuple[Column, ...]
    """The grid; empty on other pages."""
    rows: dict[str, tuple[Line, ...]]
    """The rows of each view."""
    outlook: Outlook
    """The outlook with the first rows that were drawn."""
    pulse_s: float | None
    """When to draw again if nothing happens; None for not at all."""


def drawn(picture: Picture, outlook: Outlook, rim: Rim, width: int, height: int) -> Frame:
    """Lay it out for so many columns and rows."""
    frozen = rim.is_frozen
    is_grid, cursor = outlook.page is Page.GRID, outlook.cursor
    on_processes = cursor.pane is Pane.PROCESSES
    symbols = len(picture.facts.symbols)
    shares = plan(width, height, symbols, on_processes) if is_grid else page_plan(width, height)
    chips = chip_line(outlook, picture.now_ms if frozen else None, picture.words)
    rows = _frame_rows(picture, rim, chips, shares, width, outlook.page)
    if is_grid:
        columns, outlook = _grid(picture, outlook, shares, width - shares.xray_width)
        rows |= _grid_page(picture, outlook, shares, width)
        if not shares.notice and rim.told:
            rows["reasons"] = (notice_row(picture.facts, rim, chips, width, picture.words),)
    else:
        columns = ()
        rows["page"], top = _page(picture, outlook, rim, width, shares.page)
        outlook = outlook.scrolling(top)
    ages = shares.xray_width > 0 or outlook.page is Page.XRAY or outlook.metric is Metric.AGE
    pulse = None if frozen else pulse_s(picture.facts.status, picture.now_ms, ages_shown=ages)
    if not frozen and (drilling_s := drill_pulse_s(picture.facts.status, outlook.page)):
        pulse = min(drilling_s, pulse or drilling_s)
    if rim.hold.is_counting:
        pulse = min(SLOW_S, pulse or SLOW_S)
    if rim.hold.lost_s is not None:
        columns, rows = faded(columns, rows)
    return Frame(shares, columns, {name: rows.get(name, ()) for name in VIEWS}, outlook, pulse)


def listing_of(outlook: Outlook, picture: Picture | None, width: int = 80) -> Listing | None:
    """The entries of a list page as they are shown; None on other pages.

    What is drawn to scale takes the width; keys and identities do not depend on it.
    """
    if picture is None:
        return None
    facts, now_ms, words, entries, logs, boots, _, uses, cards = picture
    match outlook.page:
        case Page.PROCESSES:
            listing = process_listing(facts, now_ms, words, logs, uses)
        case Page.REASONS:
            listing = reason_listing(facts, words)
        case Page.TIMELINE:
            listing = timeline_listing(boots, words, width)
        case Page.LOGS:
            listing = log_listing(logs.lines, words)
        case Page.DRILLS:
            listing = drill_listing(cards, facts.status, now_ms, words, width)
        case Page.JOURNAL:
            listing = journal_listing(entries, words)
        case _:
            return None
    if outlook.page in outlook.sorted:
        listing = listing.in_other_order()
    return listing.sifted(outlook.sieve, words)


def _frame_rows(
    picture: Picture, rim: Rim, chips: Line, shares: Plan, width: int, page: Page
) -> dict[str, tuple[Line, ...]]:
    """What stands on every page: the status above, the notice and the keys below."""
    header = Header(picture.facts, picture.now_ms, picture.words, rim.hold)
    left = width - width_of(chips)
    hint = drill_notice(picture.facts.status, picture.now_ms, page, rim.tables, left, picture.words)
    footer = footer_line(picture.words, rim.tables, width if shares.notice else left)
    return {
        "header": (header.compact_row(width),) if shares.compact else header.rows(width),
        "notice": (notice_row(picture.facts, rim, chips, width, picture.words, hint),),
        "footer": (cropped(footer if shares.notice else (*chips, *footer), width),),
    }


def _grid(
    picture: Picture, outlook: Outlook, shares: Plan, width: int
) -> tuple[tuple[Column, ...], Outlook]:
    facts, now_ms, words, *_ = picture
    sieve = outlook.sieve
    empty = words.no_match.format(filter=sieve.text) if sieve.text else words.no_faults
    sight = Sight(now_ms, words, outlook.metric, facts.status.opened_ms)
    shown = shown_of(facts, sieve, words)
    grid = Grid(facts, outlook.cursor, sight, shown, "" if sieve.is_open else empty)
    compose = grid.compact if shares.compact else grid.columns
    columns, top = compose(width, shares.grid, outlook.tops.get(Page.GRID, 0))
    return columns, outlook.scrolling(top)


def _grid_page(
    picture: Picture, outlook: Outlook, shares: Plan, width: int
) -> dict[str, tuple[Line, ...]]:
    facts, now_ms, words, entries, *_ = picture
    status, cursor = facts.status, outlook.cursor
    main, side = width - shares.xray_width, shares.xray_width
    return {
        "reasons": reason_rows(facts, main, shares.reasons, words),
        "processes": process_rows(status, cursor, now_ms, main, shares.processes, words),
        "journal": journal_rows(entries, main, shares.journal, words),
        "xray": xray_rows(status, cursor.cell, now_ms, side, shares.body, words),
    }


def _page(
    picture: Picture, outlook: Outlook, rim: Rim, width: int, height: int
) -> tuple[tuple[Line, ...], int]:
    """The rows of a page other than the grid, and the first one drawn of what it scrolls."""
    top = outlook.tops.get(outlook.page, 0)
    listing = listing_of(outlook, picture, width)
    if listing is not None:
        chosen = outlook.chosen.get(outlook.page)
        return listing_rows(listing, chosen, top, width, height, picture.words)
    words = picture.words
    title = words.pages[outlook.page.value]
    if outlook.page is Page.DRILL:
        title, body = _drill(picture, outlook, title, width - 2)
    else:
        title, body = _xray(picture, outlook, title, width - 2)
    shown = height - 1
    top = max(0, min(top, len(body) - shown))
    head: Line = (Span(f" {title}", Look.STRONG),)
    if len(body) > shown > 0:
        place = f"{top + 1}–{top + shown}/{len(body)}"
        keys = first_keys(rim.tables)
        turns = " ".join(keys[name] for name in ("page_down", "page_up") if name in keys)
        head = (*head, Span(f"  {place}   {turns}", Look.DIM))
    rows = (head, *((Span(" "), *row) for row in body[top : top + shown]))
    return tuple(cropped(row, width) for row in rows)[: max(0, height)], top


def _xray(
    picture: Picture, outlook: Outlook, title: str, width: int
) -> tuple[str, tuple[Line, ...]]:
    """The cell's name stands in the title, where no scrolling takes it away."""
    cell, words, seen = outlook.cursor.cell, picture.words, picture.seen
    body = xray_body(picture.facts.status, cell, picture.now_ms, width, words, seen)
    if not body:
        return title, body
    name, *rest = body
    if seen is None or seen.key != cell:
        rest += [(), (Span(words.xray_reading, Look.DIM),)]
    return f"{title} {text_of(name)}", tuple(rest)


def _drill(
    picture: Picture, outlook: Outlook, title: str, width: int
) -> tuple[str, tuple[Line, ...]]:
    """The sheet of the drill that is chosen in the list."""
    listing = listing_of(outlook.visiting(Page.DRILLS), picture, width)
    item = listing.chosen(outlook.chosen.get(Page.DRILLS)) if listing else None
    card = card_of(picture.cards, item.key) if item else None
    if picture.cards is None or card is None:
        return title, ((Span(picture.words.drills_unread, Look.DIM),),)
    status, words = picture.facts.status, picture.words
    rows = drill_sheet(card, picture.cards, status, picture.now_ms, width, words)
    return f"{title} {card.id}  {words.drill_text(card.title)}", rows
