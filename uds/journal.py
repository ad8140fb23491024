"""The page journal: which pages of an unfinished draft are durable, so that a start resumes.

One line a page, written once its bars are. A draft that was killed is taken up again from
here, so a kill costs at most the page under way. Lines carry a CRC as segments' lines do; a
bad one means only that its page is fetched again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from .errors import BadJournal
from .manifest import SegmentEntry
from .model import Coverage, Generation, SeriesKey, Symbol, Timeframe

_CRC_MARK = b',"crc":"'
_CRC_BYTES = len(_CRC_MARK) + 8 + len(b'"}')


class _Head(msgspec.Struct, frozen=True):
    journal: int
    symbol: str
    generation: str
    base: str | None
    open_mode: str
    anchors: dict[str, str]


class _Page(msgspec.Struct, frozen=True):
    tf_s: int
    covered: tuple[tuple[int, int], ...]
    segments: tuple[SegmentEntry, ...]


_head_decoder = msgspec.json.Decoder(_Head)
_page_decoder = msgspec.json.Decoder(_Page)


@dataclass(frozen=True, slots=True)
class JournalHead:
    """What an unfinished draft was begun from, and on which terms."""

    symbol: Symbol
    generation: Generation
    base: Generation | None
    """The committed generation it went on from; None when it began empty."""
    open_mode: str
    """`first_tick` or `previous_close`."""
    anchors: dict[str, str]
    """Zone and wall times of D1 and H4."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer that is durable."""

    timeframe: Timeframe
    """M1 or D1."""
    covered: Coverage
    """What it is proof for."""
    segments: tuple[SegmentEntry, ...]
    """The files its bars went to, as they were then; none when it brought nothing new."""


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal as far as it can be believed."""

    head: JournalHead
    """Its first line."""
    pages: tuple[Page, ...]
    """The others, oldest first."""

    def entries(self, timeframe: Timeframe) -> dict[str, SegmentEntry]:
        """The files of one timeframe by path, as the last page left them."""
        return {
            entry.path: entry
            for page in self.pages
            if page.timeframe is timeframe
            for entry in page.segments
        }

    def coverage(self, timeframe: Timeframe) -> Coverage:
        """What its pages prove of one timeframe."""
        pages = (page for page in self.pages if page.timeframe is timeframe)
        return Coverage.of(interval for page in pages for interval in page.covered)


def encode_head(head: JournalHead) -> bytes:
    """The first line."""
    base = None if head.base is None else str(head.base)
    raw = _Head(1, head.symbol, str(head.generation), base, head.open_mode, head.anchors)
    return _sealed(msgspec.json.encode(raw), 0)


def encode_page(page: Page, seed: int) -> bytes:
    """One line; the seed is the first line's CRC."""
    raw = _Page(int(page.timeframe), page.covered.intervals, page.segments)
    return _sealed(msgspec.json.encode(raw), seed)


def seed_of(head_line: bytes) -> int:
    """The number every other line's CRC starts from."""
    return int(head_line.rstrip(b"\n")[-10:-2], 16)


def decode(symbol: Symbol, generation: Generation, data: bytes) -> Journal:
    """The believable lines; raises BadJournal when the first is not."""
    lines = data.split(b"\n")
    try:
        raw = _head_decoder.decode(_opened(lines[0], 0))
        base = None if raw.base is None else Generation.parse(raw.base)
    except (ValueError, RecursionError) as error:
        raise BadJournal(f"its first line cannot be used: {error}") from error
    if (raw.symbol, raw.generation) != (symbol, str(generation)):
        raise BadJournal("it names another symbol or generation")
    head = JournalHead(symbol, generation, base, raw.open_mode, raw.anchors)
    return Journal(head, tuple(_pages(symbol, lines[1:], seed_of(lines[0]))))


def _pages(symbol: Symbol, lines: list[bytes], seed: int) -> Iterable[Page]:
    for line in lines:
        try:
            raw = _page_decoder.decode(_opened(line, seed))
            timeframe = Timeframe(raw.tf_s)
        except (ValueError, RecursionError):
            continue
        if all(entry.is_of(SeriesKey(symbol, timeframe)) for entry in raw.segments):
            yield Page(timeframe, Coverage.of(raw.covered), raw.segments)


def _sealed(document: bytes, seed: int) -> bytes:
    body = document[:-1]
    return b'%b,"crc":"%08x"}\n' % (body, zlib.crc32(body, seed))


def _opened(line: bytes, seed: int) -> bytes:
    body, crc = line[:-_CRC_BYTES], line[-10:-2]
    if line[-_CRC_BYTES:-10] != _CRC_MARK or crc != b"%08x" % zlib.crc32(body, seed):
        raise ValueError("its checksum is wrong")
    return body + b"}"
