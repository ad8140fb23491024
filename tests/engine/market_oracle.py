"""Slow, plain answers to what the market rooms answer fast: datetime, dicts and loops only.

Nothing here uses numpy or a room under test, so both can only be wrong in the same way if
two people misread the same rule.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.calendars.calendar_rules import CalendarRules
from uds.model import Timeframe

Row = tuple[int, int, float, float, float, float, int, int, int, int]
"""A bar as a tuple, columns in the order of `Bars`."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MINUTE = timedelta(minutes=1)


def utc_ms(moment: datetime) -> int:
    """Epoch ms of an aware moment."""
    return round(moment.timestamp() * 1_000)


def first_instant(wall: datetime, place: ZoneInfo) -> int:
    """First instant at which the place's clock shows `wall` or later."""
    first, second = (wall.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    if _shown(first, place) == wall:
        return utc_ms(first)
    moment = min(first, second) - timedelta(hours=3)
    while _shown(moment, place) < wall:
        moment += _MINUTE
    return utc_ms(moment)


def _shown(moment: datetime, place: ZoneInfo) -> datetime:
    return moment.astimezone(place).replace(tzinfo=None, fold=0)


def bucket(ts_ms: int, timeframe: Timeframe, zone: str, anchor: str) -> tuple[int, int]:
    """Open and close of the bucket that holds the instant."""
    if timeframe <= Timeframe.H1:
        open_ms = ts_ms - ts_ms % timeframe.ms
        return open_ms, open_ms + timeframe.ms
    today = datetime.fromtimestamp(ts_ms / 1_000, ZoneInfo(zone)).date()
    edges = _edges(today, int(timeframe) // 3_600, zone, anchor)
    return max(e for e in edges if e <= ts_ms), min(e for e in edges if e > ts_ms)


@lru_cache(maxsize=1_000)
def _edges(today: date, step_h: int, zone: str, anchor: str) -> list[int]:
    """Edges from two days before a local date until two days after it."""
    wall = datetime.combine(today, time.fromisoformat(anchor)) - timedelta(days=2)
    steps = [wall + timedelta(hours=step_h * k) for k in range(5 * 24 // step_h)]
    return [first_instant(step, ZoneInfo(zone)) for step in steps]


def is_open(ts_ms: int, rules: CalendarRules) -> bool:
    """Whether the market trades, read straight off the local clock.

    Right wherever no rule's time lies in an hour that a clock change skips or repeats.
    """
    now = datetime.fromtimestamp(ts_ms / 1_000, ZoneInfo(rules.zone)).replace(tzinfo=None)
    clock, today = now.time(), now.date()
    week = _week_minutes(rules.week_open, rules.week_close) or 10_080
    return _week_minutes(rules.week_open, now) < week and not (
        any(_in_break(clock, b.from_time, b.until_time) for b in rules.daily_breaks)
        or any(today == date.fromisoformat(h.date) for h in rules.holidays)
        or any(
            today == date.fromisoformat(e.date)
            and clock >= time.fromisoformat(e.time)
            and (e.reopen is None or clock < time.fromisoformat(e.reopen))
            for e in rules.early_closes
        )
        or any(
            today == date.fromisoformat(o.date) and clock < time.fromisoformat(o.time)
            for o in rules.late_opens
        )
        or any(
            datetime.fromisoformat(o.from_local) <= now < datetime.fromisoformat(o.until_local)
            for o in rules.outages
        )
    )


def _week_minutes(since: str, until: str | datetime) -> int:
    """Minutes from a weekly time to the next weekly time or moment."""
    if isinstance(until, datetime):
        until = f"{_DAYS[until.weekday()]} {until:%H:%M}"
    minutes = []
    for text in (since, until):
        hour, minute = text[4:].split(":")
        minutes.append(_DAYS.index(text[:3]) * 1_440 + int(hour) * 60 + int(minute))
    return (minutes[1] - minutes[0]) % 10_080


def _in_break(clock: time, start: str, end: str) -> bool:
    first, last = time.fromisoformat(start), time.fromisoformat(end)
    return first <= clock < last if first < last else clock >= first or clock < last


def derive(
    m1: dict[int, tuple[float, float, float, float, int]],
    timeframe: Timeframe,
    zone: str,
    anchor: str,
    tradable: set[int],
    covered: set[int],
    settled_ms: int,
) -> list[Row]:
    """Final bars of one timeframe from a dict of M1 by open.

    `tradable` and `covered` hold the opens of minutes in which the market is open, and of
    those that were fetched.
    """
    buckets: dict[tuple[int, int], list[int]] = {}
    for open_ms in sorted(m1):
        buckets.setdefault(bucket(open_ms, timeframe, zone, anchor), []).append(open_ms)
    rows: list[Row] = []
    for (open_ms, close_ms), minutes in buckets.items():
        everything = range(open_ms, close_ms, 60_000)
        due = tradable.intersection(everything)
        if close_ms > settled_ms or not covered.issuperset(due or everything):
            continue
        rows.append(_row(open_ms, close_ms, [m1[minute] for minute in minutes], len(due)))
    return rows


def _row(
    open_ms: int, close_ms: int, made_of: list[tuple[float, float, float, float, int]], open_: int
) -> Row:
    width = (close_ms - open_ms) // 60_000
    partial = (0, 0, 0)
    if len(made_of) < width:
        partial = (len(made_of), width, (1 if open_ < width else 0) + 2 * (len(made_of) < open_))
    return (
        open_ms,
        close_ms,
        made_of[0][0],
        max(high for _, high, _, _, _ in made_of),
        min(low for _, _, low, _, _ in made_of),
        made_of[-1][3],
        sum(volume for _, _, _, _, volume in made_of),
        *partial,
    )
