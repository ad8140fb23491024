"""Which bytes go to the end of which file: rollover, order, and names that never repeat."""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from uds import codec
from uds.book import (
    SEGMENT_LINES_MAX,
    Book,
    Planned,
    Segment,
    SegmentNumbers,
    Series,
    plan_append,
    settle,
)
from uds.model import Bars, Generation, Timeframe

from .samples import GOLD, GOLD_M1, GOLD_M5, TIMEFRAMES, bars, minute

M1 = Timeframe.M1


def book() -> Book:
    """An empty account of gold."""
    series = {timeframe: Series() for timeframe in TIMEFRAMES}
    return Book(GOLD, Generation(42, 3), "first_tick", series)


def written(account: Book, numbers: SegmentNumbers, *chunks: Bars) -> dict[str, bytes]:
    """The files after these chunks were appended to M1, each write being durable at once."""
    files: dict[str, bytes] = {}
    for chunk in chunks:
        for step in plan_append(account, M1, chunk, numbers):
            path, data = step.append
            assert step.is_new == (path not in files)
            files[path] = files.get(path, b"") + data
            settle(account.series[M1], step)
    return files


def lines_of(files: dict[str, bytes]) -> list[int]:
    """Bars in each file, in the order of their names."""
    return [len(codec.decode_segment(GOLD_M1, files[path]).bars) for path in sorted(files)]


def test_a_first_chunk_begins_a_segment_with_its_header() -> None:
    """The header tells a recovery whose file it is and for which generation it was begun."""
    (path,) = files = written(book(), SegmentNumbers(42), bars(3))
    decoded = codec.decode_segment(GOLD_M1, files[path])

    assert "XAU_USD/tf_60/seg-00000042-0001.jsonl" == path
    assert codec.SegmentHeader(GOLD_M1, 42, 1, Generation(42, 3), "first_tick") == decoded.header
    assert bars(3).same_as(decoded.bars)


def test_what_follows_goes_to_the_same_segment() -> None:
    """A live minute costs one line, not one file."""
    files = written(book(), SegmentNumbers(42), bars(3), bars(1, 3), bars(2, 10))

    assert [6] == lines_of(files)


def test_a_segment_ends_at_five_thousand_lines() -> None:
    """Files stay small enough to verify one a second."""
    files = written(book(), SegmentNumbers(42), bars(SEGMENT_LINES_MAX - 1), bars(2, 4_999))

    assert 5_000 == SEGMENT_LINES_MAX
    assert [5_000, 1] == lines_of(files)


def test_one_large_chunk_is_cut_at_the_limit() -> None:
    """Adopting a year of minutes is one append."""
    files = written(book(), SegmentNumbers(42), bars(2 * SEGMENT_LINES_MAX + 1))

    assert [5_000, 5_000, 1] == lines_of(files)


def test_a_full_segment_is_left_alone() -> None:
    """Exactly full: not one line more."""
    files = written(book(), SegmentNumbers(42), bars(SEGMENT_LINES_MAX), bars(1, 5_000))

    assert [5_000, 1] == lines_of(files)


def test_an_older_page_begins_a_segment() -> None:
    """Pages of a cold start come newest first; opens only ascend within a file."""
    files = written(book(), SegmentNumbers(42), bars(3, 6), bars(3, 3), bars(3, 0))

    assert [3, 3, 3] == lines_of(files)


def test_a_revised_last_bar_begins_a_segment() -> None:
    """Equal is not after: the same open twice in a file would be dropped when it is read."""
    files = written(book(), SegmentNumbers(42), bars(3), bars(1, 2, price=9.0))

    assert [3, 1] == lines_of(files)


def test_names_never_repeat() -> None:
    """Not over timeframes, not over generations of one token: a path has one content for ever."""
    numbers = SegmentNumbers(42)
    first, second = book(), Book(GOLD, Generation(42, 4), "first_tick", book().series)
    paths = [*written(first, numbers, bars(3)), *written(second, numbers, bars(3))]
    m5 = plan_append(first, Timeframe.M5, bars(1, 0, Timeframe.M5), numbers)

    assert [
        "XAU_USD/tf_60/seg-00000042-0001.jsonl",
        "XAU_USD/tf_60/seg-00000042-0002.jsonl",
    ] == paths
    assert ["XAU_USD/tf_300/seg-00000042-0001.jsonl"] == [step.append.path for step in m5]


def test_a_plan_that_failed_never_gives_its_name_again() -> None:
    """Nobody knows what of it reached the disk, so the retry must not append behind it."""
    account, numbers = book(), SegmentNumbers(42)
    (lost,) = plan_append(account, M1, bars(3), numbers)
    (retry,) = plan_append(account, M1, bars(3), numbers)

    assert lost.append.path != retry.append.path


def test_planning_changes_nothing() -> None:
    """Only a durable write is accounted for."""
    account = book()

    assert 1 == len(list(plan_append(account, M1, bars(3), SegmentNumbers(42))))
    assert ([], None) == (account.series[M1].segments, account.series[M1].open_segment)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), min_size=1, max_size=6))
def test_the_account_is_what_lies_on_disk(chunks: list[tuple[int, int]]) -> None:
    """Lengths, checksums and bounds go to the manifest: each must be that of the real bytes."""
    account = book()
    pages = (bars(count, first) for first, count in chunks)
    files = written(account, SegmentNumbers(42), *pages)
    segments = account.series[M1].segments

    assert sorted(files) == [segment.path for segment in segments]
    for segment in segments:
        data = files[segment.path]
        found = codec.decode_segment(GOLD_M1, data).bars
        assert (len(data), zlib.crc32(data)) == (segment.bytes, segment.crc)
        assert (len(found), found.first_open_ms, found.last_open_ms) == (
            segment.bars,
            segment.first_ms,
            segment.last_ms,
        )


def test_a_manifest_lists_every_segment_oldest_bars_first() -> None:
    """And coverage of fetched series only: derived ones are covered by what they come from."""
    account = book()
    written(account, SegmentNumbers(42), bars(3, 6), bars(3, 0))
    account.series[M1].coverage = account.series[M1].coverage.add(minute(0), minute(9))
    found = account.manifest({"zone": "America/New_York"}, {}, "")

    assert [minute(0), minute(6)] == [entry.first_ms for entry in found.segments]
    assert {"M1": ((minute(0), minute(9)),), "D1": ()} == found.coverage
    assert ("00000042-0003", "first_tick") == (found.generation, found.open_mode)


def test_settling_replaces_the_account_of_the_same_file() -> None:
    """A segment that grew ten times is still one segment."""
    series = Series()
    begun = Segment("a", 1, 0, 0, 1, 10, 0)
    other = Segment("b", 1, 0, 0, 1, 10, 0)
    grown = Segment("a", 1, 0, 60_000, 2, 20, 0)
    step = next(plan_append(book(), M1, bars(1), SegmentNumbers(1))).append

    for segment, is_new in ((begun, True), (other, True), (grown, False)):
        settle(series, Planned(step, segment, is_new))

    assert [grown, other] == series.segments
    assert grown is series.open_segment


def test_an_account_names_its_series() -> None:
    """Errors and paths are built from it."""
    assert GOLD_M5 == book().key(Timeframe.M5)
