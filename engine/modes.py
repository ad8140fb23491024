"""How each symbol is started: cold, catch-up or partial bootstrap, and why, in words.

Pauses are measured in open-market time, so a weekend is not a long pause.

| what was found                         | mode                       | asked of the broker |
|----------------------------------------|----------------------------|---------------------|
| nothing                                | cold, and new              | all of the symbol's |
| D1 of a killed start on other terms    | cold, and new              | all of the symbol's |
| bars of another open mode              | cold                       | its M1 and D1       |
| bars cut by another anchor             | by the pause, rebuilt here | D1, minutes missing |
| a pause of at most `short_pause_h`     | catch_up                   | minutes missing     |
| a longer one, or too many bars missing | partial_bootstrap          | all M1, days missing|

A damaged file is no mode: what it lacks leaves the coverage and is caught up. A symbol that
is not configured any more is not asked about at all; its data stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from uds.model import MINUTE_MS, Symbol

from .calendars.trading_calendar import TradingCalendar
from .sayings import Saying, saying
from .status import Mode

_HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Found:
    """What the disk had of one symbol."""

    covered_until_ms: int | None
    """Where its M1 coverage ends; None when no M1 was stored."""
    open_mode: str | None
    """The mode its bars were made in; None when nothing was stored."""
    anchors: Mapping[str, str] | None
    """The anchors its bars were cut by; None when nothing was stored."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the configuration says about restarts."""

    short_pause_h: float
    """The longest pause, in hours of open market, after which a catch-up will do."""
    max_warmup_bars: int
    """The most missing M1 that a catch-up fetches."""
    open_mode: str
    """What the opens of our bars mean."""
    anchors: Mapping[str, str]
    """Zone and wall times that cut H4 and D1 now."""


class Decision(NamedTuple):
    """One symbol's mode."""

    mode: Mode
    """How it is started."""
    said: tuple[Saying, ...]
    """Why, in a row."""
    is_new: bool
    """Whether the symbol was never stored, so that it does not weigh in the platform's mode."""
    is_recut: bool = False
    """Whether H4 and D1 are cut elsewhere now: M1 is kept, all else is made or fetched anew."""
    is_refused: bool = False
    """Whether what was found must not be used, so that the draft begins from nothing."""


def decide(found: Found, calendar: TradingCalendar, now_ms: int, terms: Terms) -> Decision:
    """The mode of one symbol by what was found and how long it was away."""
    is_new = found.covered_until_ms is None
    if is_new and found.open_mode is None:
        return Decision(Mode.COLD, (saying("mode_nothing"),), True)
    if found.open_mode != terms.open_mode:
        reason = saying("mode_other", found.open_mode)
        return Decision(Mode.COLD, (reason,), is_new, is_refused=True)
    if found.covered_until_ms is None:
        if found.anchors == terms.anchors:
            return Decision(Mode.COLD, (saying("mode_days"),), True)
        reason = saying("mode_days_recut")
        return Decision(Mode.COLD, (reason,), True, is_refused=True)
    paused = _by_pause(found.covered_until_ms, calendar, now_ms, terms)
    if found.anchors != terms.anchors:
        return paused._replace(said=(saying("mode_recut"), *paused.said), is_recut=True)
    return paused


def _by_pause(until_ms: int, calendar: TradingCalendar, now_ms: int, terms: Terms) -> Decision:
    away_ms = calendar.open_duration_ms(until_ms, max(now_ms, until_ms))
    minutes = away_ms // MINUTE_MS
    if away_ms > terms.short_pause_h * _HOUR_MS:
        reason = saying("mode_away_long", minutes, f"{terms.short_pause_h:g}")
        return Decision(Mode.PARTIAL_BOOTSTRAP, (reason,), False)
    if minutes > terms.max_warmup_bars:
        reason = saying("mode_missing", minutes, terms.max_warmup_bars)
        return Decision(Mode.PARTIAL_BOOTSTRAP, (reason,), False)
    return Decision(Mode.CATCH_UP, (saying("mode_away", minutes),), False)


def heaviest(decisions: Mapping[Symbol, Decision]) -> tuple[Mode, tuple[Saying, ...]]:
    """The platform's mode: the heaviest among symbols that were not new, else cold."""
    known = {s: d for s, d in decisions.items() if not d.is_new} or dict(decisions)
    order = tuple(Mode)
    symbol = max(known, key=lambda s: order.index(known[s].mode))
    return known[symbol].mode, (saying("as_it_is", f"{symbol}:"), *known[symbol].said)
