"""Three calendars unlike each other, and a simulated market over them."""

from __future__ import annotations

from datetime import datetime

from engine.broker.market import SimulatedMarket
from engine.calendars.buckets import Anchors
from engine.calendars.calendar_rules import CalendarRules, DailyBreak, EarlyClose, Holiday
from engine.calendars.trading_calendar import TradingCalendar

FX = TradingCalendar(CalendarRules("America/New_York", "Sun 17:05", "Fri 16:55"))
METAL = TradingCalendar(
    CalendarRules(
        "America/New_York",
        "Sun 18:00",
        "Fri 16:45",
        daily_breaks=(DailyBreak("17:00", "18:00"),),
        holidays=(Holiday("2024-12-25", "Christmas", "test"),),
        early_closes=(EarlyClose("2024-12-24", "13:45", "Christmas Eve", "test"),),
    )
)
HONG_KONG = TradingCalendar(
    CalendarRules(
        "Asia/Hong_Kong",
        "Mon 09:15",
        "Fri 16:30",
        daily_breaks=(DailyBreak("12:00", "13:00"), DailyBreak("16:30", "09:15")),
    )
)
CALENDARS = {"USD/JPY": FX, "XAU/USD": METAL, "HKG33": HONG_KONG}
DIGITS = {"USD/JPY": 3, "XAU/USD": 2, "HKG33": 0}
ANCHORS = Anchors()


def market(seed: int = 7) -> SimulatedMarket:
    """A market of three symbols; each call makes one that remembers nothing."""
    return SimulatedMarket(seed, CALENDARS, DIGITS, ANCHORS)


def ms(iso: str) -> int:
    """UTC ms of a text such as `2024-11-20T14:00`."""
    return round(datetime.fromisoformat(iso + "+00:00").timestamp() * 1_000)
