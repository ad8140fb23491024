"""The trading calendars of `config.json`: wall times of named places, each with its evidence."""

from __future__ import annotations

from pydantic import Field, model_validator

from .calendars.calendar_rules import (
    CalendarRules,
    DailyBreak,
    EarlyClose,
    Holiday,
    LateOpen,
    Outage,
)
from .config_words import Section


class BreakConfig(Section):
    """A pause of every day in local wall time."""

    from_: str = Field(alias="from")
    until: str
    evidence: str = ""


class HolidayConfig(Section):
    """A local date without trading."""

    date: str
    reason: str
    evidence: str = ""


class EarlyCloseConfig(Section):
    """A local date that ends early."""

    date: str
    time: str
    reason: str
    evidence: str = ""
    reopen: str | None = None


class LateOpenConfig(Section):
    """A local date that begins late."""

    date: str
    time: str
    reason: str
    evidence: str = ""


class OutageConfig(Section):
    """A known stretch without trading, in local wall time."""

    from_: str = Field(alias="from")
    until: str
    reason: str
    evidence: str = ""


class CalendarConfig(Section):
    """When a group of symbols trades, in local wall time of a named zone."""

    zone: str
    week_open: str
    week_close: str
    daily_breaks: tuple[BreakConfig, ...] = ()
    holidays: tuple[HolidayConfig, ...] = ()
    early_closes: tuple[EarlyCloseConfig, ...] = ()
    late_opens: tuple[LateOpenConfig, ...] = ()
    outages: tuple[OutageConfig, ...] = ()
    evidence: str = ""
    assumption: str = ""

    @model_validator(mode="after")
    def _is_sound(self) -> CalendarConfig:
        self.rules()
        return self

    def rules(self) -> CalendarRules:
        """The same, as the calendar takes it; raises ValueError."""
        return CalendarRules(
            self.zone,
            self.week_open,
            self.week_close,
            tuple(DailyBreak(b.from_, b.until, b.evidence) for b in self.daily_breaks),
            tuple(Holiday(h.date, h.reason, h.evidence) for h in self.holidays),
            tuple(
                EarlyClose(e.date, e.time, e.reason, e.evidence, e.reopen)
                for e in self.early_closes
            ),
            tuple(LateOpen(o.date, o.time, o.reason, o.evidence) for o in self.late_opens),
            tuple(Outage(o.from_, o.until, o.reason, o.evidence) for o in self.outages),
        )
