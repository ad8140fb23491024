"""Out as the files of the platform of before, and in again: what was final stays final."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.calendars.trading_calendar import TradingCalendar
from engine.derive import derive
from engine.history.exporting import ExportRequest, export_bars
from engine.history.legacy_evidence import QUIET_MINUTES_MAX, m1_coverage
from tests.engine.builders import YEN, key
from tests.engine.history_files import csv_text, minute_bars
from tests.engine.old_folders import parts
from tests.engine.real_history import bars as real_bars
from tests.engine.real_history import needs_real_history
from tests.engine.sample_markets import ANCHORS, FX, HONG_KONG, METAL, ms
from tests.engine.test_importing import config_at, run, stored
from uds.legacy import LegacyFolder, LegacySeries
from uds.memory_disk import MemoryDisk
from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Bars, Coverage, SeriesKey, Timeframe

SETTLE_MS = 15_000
SPAN = 3 * 24 * 60
STARTS = [ms(iso) for iso in ("2022-10-28T12:00", "2022-11-04T17:30", "2026-01-14T03:10")]
stretches = st.lists(
    st.tuples(st.integers(0, SPAN), st.sampled_from((3, 16, 40, 130, 500))), max_size=5
)


async def read_back(m1: Bars, made: dict[Timeframe, Bars]) -> dict[Timeframe, LegacySeries]:
    """Every series as an export leaves it and a reader finds it."""
    disk = MemoryDisk()
    for timeframe, bars in {Timeframe.M1: m1, **made}.items():
        disk.files.update(parts(YEN, timeframe, bars))
    folder = LegacyFolder(disk)
    return {tf: await folder.read(key(YEN, tf)) for tf in (Timeframe.M1, *DERIVED_TIMEFRAMES)}


@given(
    calendar=st.sampled_from((FX, METAL, HONG_KONG)),
    start_ms=st.sampled_from(STARTS),
    silences=stretches,
    gaps=stretches,
    outside=st.sets(st.integers(0, SPAN - 1), max_size=5),
    seed=st.integers(0, 99),
)
async def test_every_final_bar_proves_itself_and_nothing_else(
    calendar: TradingCalendar,
    start_ms: int,
    silences: list[tuple[int, int]],
    gaps: list[tuple[int, int]],
    outside: set[int],
    seed: int,
) -> None:
    """Fetched silence of any length comes back as silence; what nobody fetched, as nothing."""
    until_ms = start_ms + SPAN * MINUTE_MS
    coverage = Coverage.of([(start_ms, until_ms)])
    opens = calendar.minutes(start_ms, until_ms)
    opens = opens[np.random.default_rng(seed).random(len(opens)) >= 0.2]
    for holes, is_fetched in ((silences, True), (gaps, False)):
        for minute, count in holes:
            hole = start_ms + minute * MINUTE_MS, start_ms + (minute + count) * MINUTE_MS
            opens = opens[(opens < hole[0]) | (opens >= hole[1])]
            coverage = coverage if is_fetched else coverage.without(*hole)
    strays = np.array(sorted(outside), dtype=np.int64) * MINUTE_MS + start_ms
    inside = [any(a <= stray < b for a, b in coverage) for stray in strays.tolist()]
    m1 = minute_bars(np.union1d(opens, strays[np.array(inside, dtype=np.bool_)]))
    then = (calendar, coverage, until_ms, SETTLE_MS)
    made = derive(m1, ANCHORS, *then)

    found = await read_back(m1, made)
    legacy = found.pop(Timeframe.M1)
    proved = m1_coverage(legacy, calendar, ANCHORS, found.values())
    again = derive(legacy.bars, ANCHORS, calendar, proved, until_ms, SETTLE_MS)

    for timeframe, bars in made.items():
        ours = again[timeframe]
        assert bars.same_as(ours.take(np.isin(ours.open_time_ms, bars.open_time_ms))), timeframe
    for from_ms, end_ms in coverage.gaps(start_ms, until_ms):
        for a, b in proved:
            believed = calendar.expected_minutes(max(a, from_ms), min(b, end_ms))
            assert believed <= QUIET_MINUTES_MAX, "a gap was taken for silence"


async def test_a_bar_that_tells_of_other_m1_proves_nothing() -> None:
    """A line that was lost, a bar of other content, and history that begins inside."""
    opens = FX.minutes(ms("2026-01-14T10:00"), ms("2026-01-14T14:00"))
    m1 = minute_bars(opens[(opens < opens[70]) | (opens >= opens[130])])
    until_ms = int(opens[-1]) + MINUTE_MS

    def h4_of(m1: Bars, begins_ms: int | None = None) -> Bars:
        covered = Coverage.of([(m1.first_open_ms or 0, until_ms)])
        then = (FX, covered, until_ms + SETTLE_MS, SETTLE_MS, (Timeframe.H4,), begins_ms)
        return derive(m1, ANCHORS, *then)[Timeframe.H4]

    async def stretches_proved(told: Bars, files: Bars) -> int:
        found = await read_back(files, {Timeframe.H4: told})
        legacy = found.pop(Timeframe.M1)
        return len(m1_coverage(legacy, FX, ANCHORS, found.values()).intervals)

    h4, late = h4_of(m1), m1.take(slice(30, None))
    other = Bars.of(*h4.columns[:5], h4.c + 0.25, *h4.columns[6:])
    bounded = h4_of(late, late.first_open_ms)
    assert (1, 1) == (len(h4), len(bounded))
    assert 1 == await stretches_proved(h4, m1)
    assert 2 == await stretches_proved(other, m1)
    assert 2 == await stretches_proved(h4, m1.take(np.arange(len(m1)) != 3))
    assert 2 == await stretches_proved(bounded, late)


@needs_real_history
async def test_real_weeks_come_back_bar_for_bar(tmp_path: Path) -> None:
    """Over the Sunday on which the vendor opened an hour after the calendar does."""
    config = config_at(tmp_path)
    real = real_bars("mt5_2022q4/USDJPY_M1", Timeframe.M1, ANCHORS)
    weeks = real.between(ms("2022-10-26T00:00"), ms("2022-11-08T12:00"))
    (tmp_path / "USDJPY_M1.csv").write_bytes(csv_text(weeks))
    await run(config, tmp_path / "USDJPY_M1.csv")
    await export_bars(config, ExportRequest(tmp_path / "out"), lambda _: None)
    back = config_at(tmp_path / "back")

    await run(back, tmp_path / "out")

    async with stored(config) as before, stored(back) as after:
        for timeframe in (Timeframe.M1, *DERIVED_TIMEFRAMES):
            series = SeriesKey(YEN, timeframe)
            assert before.load(series).same_as(after.load(series)), timeframe
        sunday = after.load(SeriesKey(YEN, Timeframe.H4)).between(
            ms("2022-10-30T21:00"), ms("2022-10-30T21:01")
        )
    assert [180] == sunday.source_count.tolist()
