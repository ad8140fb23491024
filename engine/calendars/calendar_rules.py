"""When a market trades, as a person writes it down: wall time of a named place.

Every text is checked when the value is made, so a `CalendarRules` that exists is sound.
The shapes equal those under `calendars` in `config.json`, with `from` and `until` spelled
`from_time` and `until_time` (`from_local` and `until_local` of an outage).
"""

from __future__ import annotations

from dataclasses import dataclass

from .wall_time import DAY_MS, check_zone, parse_date, parse_local, parse_time

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class DailyBreak:
    """A pause of every day; it wraps midnight when `until_time` is not after `from_time`."""

    from_time: str
    """Wall time `HH:MM` at which trading stops."""
    until_time: str
    """Wall time `HH:MM` at which it goes on."""
    evidence: str = ""
    """Where we know it from."""

    def __post_init__(self) -> None:
        if parse_time(self.from_time) == parse_time(self.until_time):
            raise ValueError(f"a daily break from {self.from_time} to itself has no length")


@dataclass(frozen=True, slots=True)
class Holiday:
    """A local date shut from 00:00 to 24:00 of the calendar's zone."""

    date: str
    """Local date `YYYY-MM-DD`."""
    reason: str
    """Which holiday."""
    evidence: str
    """Where we know it from."""

    def __post_init__(self) -> None:
        parse_date(self.date)


@dataclass(frozen=True, slots=True)
class EarlyClose:
    """A local date on which trading stops early."""

    date: str
    """Local date `YYYY-MM-DD`."""
    time: str
    """Wall time `HH:MM` from which the market is shut."""
    reason: str
    """Why."""
    evidence: str
    """Where we know it from."""
    reopen: str | None = None
    """Wall time of the same date at which it goes on; None means not before the next date."""

    def __post_init__(self) -> None:
        parse_date(self.date)
        if self.reopen is not None and parse_time(self.reopen) <= parse_time(self.time):
            raise ValueError(f"the early close of {self.date} reopens before it closes")
        parse_time(self.time)


@dataclass(frozen=True, slots=True)
class LateOpen:
    """A local date on which the market is shut from 00:00 until a later time."""

    date: str
    """Local date `YYYY-MM-DD`."""
    time: str
    """Wall time `HH:MM` at which trading begins."""
    reason: str
    """Why."""
    evidence: str
    """Where we know it from."""

    def __post_init__(self) -> None:
        parse_date(self.date)
        parse_time(self.time)


@dataclass(frozen=True, slots=True)
class Outage:
    """A known stretch without trading that no rule explains."""

    from_local: str
    """Wall time `YYYY-MM-DDTHH:MM` at which it began."""
    until_local: str
    """Wall time `YYYY-MM-DDTHH:MM` at which it ended."""
    reason: str
    """What happened."""
    evidence: str
    """Where we know it from."""

    def __post_init__(self) -> None:
        if parse_local(self.from_local) >= parse_local(self.until_local):
            raise ValueError(f"the outage of {self.from_local} ends before it begins")


@dataclass(frozen=True, slots=True)
class CalendarRules:
    """The regular week of one market and what departs from it."""

    zone: str
    """IANA name of the place whose clock all times are read from, or `UTC`."""
    week_open: str
    """`Sun 18:00`: when the week begins; equal to `week_close` means that it never shuts."""
    week_close: str
    """`Fri 16:45`: when the week ends."""
    daily_breaks: tuple[DailyBreak, ...] = ()
    """Pauses of every day."""
    holidays: tuple[Holiday, ...] = ()
    """Whole local dates without trading."""
    early_closes: tuple[EarlyClose, ...] = ()
    """Local dates that end early."""
    late_opens: tuple[LateOpen, ...] = ()
    """Local dates that begin late."""
    outages: tuple[Outage, ...] = ()
    """Known stretches without trading."""

    def __post_init__(self) -> None:
        check_zone(self.zone)
        parse_week_time(self.week_open)
        parse_week_time(self.week_close)


def parse_week_time(text: str) -> int:
    """Milliseconds from Monday 00:00 to a text such as `Sun 18:00`."""
    day, _, time = text.partition(" ")
    if day not in _DAYS:
        raise ValueError(f"{text!r} does not begin with a day such as Sun or Fri")
    return _DAYS.index(day) * DAY_MS + parse_time(time)
