from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.aggregate import aggregate
from engine.broker.port import Tick
from engine.calendars.buckets import Anchors
from engine.preview import Forming, absorb_tick, confirmed, previews
from uds.model import MINUTE_MS, Bars, SeriesKey, Timeframe

ANCHORS = Anchors("America/New_York", "17:00", "17:00")
NOON_MS = 1_795_435_200_000
FIRST_TICK = "first_tick"


def tick(at_s: float, bid: float, volume: int = 1, ask: float | None = None) -> Tick:
    """A quote so many seconds after noon."""
    shown = bid if ask is None else ask
    return Tick("XAU/USD", NOON_MS + round(at_s * 1_000), bid, shown, volume)


def drawn(*ticks: Tick, final_until_ms: int = 0) -> Forming:
    """What these ticks leave behind."""
    forming = Forming()
    for one in ticks:
        forming = absorb_tick(forming, one, final_until_ms, None, FIRST_TICK)
    return forming


def minutes(count: int, from_ms: int) -> Bars:
    """Final M1 that rise by one each."""
    opens = [from_ms + n * MINUTE_MS for n in range(count)]
    prices = [100.0 + n for n in range(count)]
    return Bars.of(opens, [o + MINUTE_MS for o in opens], *[prices] * 4, [3] * count)


def test_a_minute_is_drawn_from_its_bids() -> None:
    """Open, high, low and close are the bids; the volume is the broker's own count."""
    forming = drawn(tick(1, 10.0, 4), tick(2, 12.0, 5), tick(3, 9.0, 6), tick(4, 11.0, 9))

    (minute,) = forming.minutes
    assert (10.0, 12.0, 9.0, 11.0, 9) == (minute.o, minute.h, minute.low, minute.c, minute.v)


def test_a_late_tick_changes_nothing_and_is_counted() -> None:
    """A closed minute that moves again would repaint what an operator has already read."""
    before = drawn(tick(1, 10.0), tick(61, 11.0))
    after = absorb_tick(before, tick(59, 99.0), 0, None, FIRST_TICK)

    assert before.minutes == after.minutes
    assert 1 == after.late_count


def test_a_tick_of_a_minute_that_history_answered_for_is_late() -> None:
    """The final bar is the truth: its preview must not rise from the dead."""
    forming = drawn(tick(1, 10.0), final_until_ms=NOON_MS + MINUTE_MS)

    assert () == forming.minutes
    assert 1 == forming.late_count


def test_a_crossed_quote_is_kept_and_counted() -> None:
    """Nine of a hundred real quotes are crossed; dropping them would lose true highs."""
    forming = drawn(tick(1, 10.0, ask=9.9), tick(2, 10.1, ask=10.2))

    assert 1 == forming.crossed_count
    assert 10.0 == forming.minutes[0].o


def test_the_previous_close_opens_a_minute_in_that_mode() -> None:
    """One mode for M1, D1 and preview: two modes side by side are split brain."""
    forming = absorb_tick(Forming(), tick(1, 10.0), 0, 9.5, "previous_close")
    forming = absorb_tick(forming, tick(61, 11.0), 0, 9.5, "previous_close")

    assert [(9.5, 9.5), (10.0, 10.0)] == [(m.o, m.low) for m in forming.minutes]


def test_confirmation_takes_the_preview_away() -> None:
    """Final replaces, never merges: a preview's higher high goes with it."""
    forming = drawn(tick(1, 10.0), tick(61, 99.0), tick(121, 11.0))
    left = confirmed(forming, NOON_MS + 2 * MINUTE_MS)

    assert [NOON_MS + 2 * MINUTE_MS] == [minute.open_time_ms for minute in left.minutes]


def test_wider_previews_hold_the_final_minutes_of_their_bucket() -> None:
    """The forming H4 is right in the first second, not after its first own tick."""
    final = minutes(30, NOON_MS - 30 * MINUTE_MS)
    made = previews("XAU/USD", drawn(tick(1, 50.0, 2)), final, tuple(Timeframe), ANCHORS)

    h4 = made[Timeframe.H4]
    assert (100.0, 129.0, 50.0, 50.0) == (h4.o, h4.h, h4.low, h4.c)
    assert 30 * 3 + 2 == h4.v
    assert (50.0, 2) == (made[Timeframe.M1].o, made[Timeframe.M1].v)
    assert SeriesKey("XAU/USD", Timeframe.D1) == made[Timeframe.D1].key


def test_nothing_is_previewed_without_ticks() -> None:
    """No data, no bar: a flat candle would be an invention."""
    assert {} == previews("XAU/USD", Forming(), minutes(3, NOON_MS), tuple(Timeframe), ANCHORS)


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(1, 50)), min_size=1, max_size=80))
def test_a_preview_equals_the_bar_of_the_same_ticks(quotes: list[tuple[int, int]]) -> None:
    """Confirmed minute by minute or not at all, the forming bar is what derive makes of it."""
    forming = drawn(*(tick(at_s, float(bid)) for at_s, bid in sorted(quotes)))
    opens = [minute.open_time_ms for minute in forming.minutes]
    half = opens[len(opens) // 2]
    whole = _as_bars(forming)

    final = whole.between(0, half)
    made = previews("XAU/USD", confirmed(forming, half), final, tuple(Timeframe), ANCHORS)

    for timeframe, preview in made.items():
        newest = aggregate(whole, timeframe, ANCHORS).tail(1)
        found = (preview.open_time_ms, preview.o, preview.h, preview.low, preview.c, preview.v)
        columns = (newest.open_time_ms, newest.o, newest.h, newest.low, newest.c, newest.v)
        assert tuple(column[0] for column in columns) == found


def _as_bars(forming: Forming) -> Bars:
    rows = forming.minutes
    return Bars.of(
        [m.open_time_ms for m in rows],
        [m.open_time_ms + MINUTE_MS for m in rows],
        [m.o for m in rows],
        [m.h for m in rows],
        [m.low for m in rows],
        [m.c for m in rows],
        [m.v for m in rows],
    )
