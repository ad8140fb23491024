"""What of one segment can be believed: its good bars, its damage, its torn tail.

Up to the recorded length every line must be there and good. Beyond it stand bars that came
after the last record: good lines count, and what is bad at the very end there is torn, the
rest of a write that was never acknowledged. More than 5 % bad lines, or a bad header, and
nothing of the file is believed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from . import codec, layout
from .book import Segment
from .errors import BadSegment
from .manifest import SegmentEntry
from .model import Bars, Coverage, SeriesKey
from .quarantine import BadLine, Evidence

FAR_MS = 1 << 62
"""Later than any bar: a hole at the end of a file reaches on."""
_BAD_SHARE_MAX = 0.05
_BAD_LINES_ALLOWED = 20
"""So many bad lines are lines; only more can be a bad file."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a file before it is read."""

    path: str
    """Relative to the data folder."""
    entry: SegmentEntry | None
    """Its account when it was last recorded; None for a file begun later."""
    may_grow: bool
    """Whether what stands beyond its recorded length is its owner's own."""

    @property
    def number(self) -> tuple[int, int]:
        """(token, n): the order in which files were begun."""
        return layout.segment_of(self.path)

    @property
    def last_ms(self) -> int:
        """Open of its last recorded bar; later than any for a file that was not recorded."""
        return FAR_MS if self.entry is None else self.entry.last_ms

    def is_exactly(self, data: bytes) -> bool:
        """Whether these bytes are all that was recorded, and nothing else."""
        entry = self.entry
        if entry is None or len(data) != entry.bytes:
            return False
        return zlib.crc32(data) == int(entry.crc, 16)

    def segment(self) -> Segment:
        """Its account, taken on trust."""
        entry = self.entry
        assert entry is not None, f"{self.path} was never recorded"
        crc = int(entry.crc, 16)
        return Segment(entry.path, 0, entry.first_ms, entry.last_ms, entry.bars, entry.bytes, crc)


@dataclass(frozen=True, slots=True)
class Believed:
    """One file as far as it can be believed."""

    record: Record
    """What was known of it before."""
    generation: str | None
    """The generation it was begun for; None when its header is bad."""
    bars: Bars
    """Its good bars, ascending."""
    segment: Segment | None
    """Its account, if it may stay in use as it is; None when it may not."""
    later_runs: tuple[tuple[int, int], ...] = ()
    """Time that the bars beyond its recorded length cover without a hole."""
    holes: tuple[tuple[int, int], ...] = ()
    """Time that was recorded and is not proved any more."""
    bad_lines: int = 0
    """Lines that are not used; 0 also when the whole file is not."""
    first_line: int = 1
    """The first of them; the header is 1."""
    why: str = ""
    """What is wrong, in words; empty when nothing is."""
    is_torn: bool = False
    """Whether all that is wrong is the end of an interrupted write."""
    evidence: Evidence | None = None
    """What belongs into quarantine."""
    cut_at: int | None = None
    """Length to which its torn tail is cut; None without one."""


def judge(key: SeriesKey, record: Record, data: bytes | None) -> Believed:
    """Hold a file's bytes against what is known of it; data is None when it is missing."""
    if data is None:
        return _lost(key, record, b"", None, "the file is missing")
    if record.entry is not None and not record.may_grow:
        data = data[: record.entry.bytes]
    is_proved = record.is_exactly(data)
    try:
        decoded = codec.decode_segment(key, data, is_proved=is_proved)
    except BadSegment as error:
        if record.entry is None and b"\n" not in data:
            return _stillborn(record, data)
        return _lost(key, record, data, None, error.detail)
    header = decoded.header
    if (header.token, header.n) != record.number:
        why = f"it holds the bytes of {layout.segment_path(key, header.token, header.n)}"
        return _lost(key, record, data, None, why)
    if is_proved and not decoded.drops:
        return Believed(record, str(header.generation), decoded.bars, record.segment())
    return _Judgement(key, record, data, decoded).verdict()


class _Judgement:
    """One file whose header is good."""

    def __init__(self, key: SeriesKey, record: Record, data: bytes, decoded: codec.Decoded) -> None:
        self._key = key
        self._record = record
        self._data = data
        self._decoded = decoded
        self._bars = decoded.bars
        self._recorded_bytes = 0 if record.entry is None else record.entry.bytes
        torn = len(decoded.drops)
        while torn and self._is_at_end(decoded.drops[torn - 1]):
            torn -= 1
        self._bad, self._torn = decoded.drops[:torn], decoded.drops[torn:]

    def verdict(self) -> Believed:
        """Sound, torn, damaged or lost."""
        lost = self._lost_lines()
        lines = len(self._bars) + len(self._bad)
        if len(self._bad) > max(_BAD_LINES_ALLOWED, _BAD_SHARE_MAX * lines):
            why = f"{len(self._bad)} of its {lines} lines are bad: {self._bad[0].reason}"
            return _lost(self._key, self._record, self._data, self._generation, why)
        if self._bad or lost:
            return self._damaged(lost)
        return self._sound()

    def _sound(self) -> Believed:
        cut_at = self._torn[0].from_byte if self._torn else None
        data = self._data[:cut_at]
        first = self._torn[0] if self._torn else None
        return Believed(
            self._record,
            self._generation,
            self._bars,
            _account(self._record.path, data, self._bars) if len(self._bars) else None,
            self._later_runs(),
            bad_lines=len(self._torn),
            first_line=first.line if first else 1,
            why=first.reason if first else "",
            is_torn=bool(first),
            evidence=self._evidence(),
            cut_at=cut_at,
        )

    def _damaged(self, lost: int) -> Believed:
        """Its good lines go to a new file: the account of this one can never fit again."""
        missing = max(0, lost - len(self._bad))
        first = self._bad[0].line if self._bad else len(self._bars) + 2
        misplaced = any(drop.is_misplaced for drop in self._bad)
        holes = [self._hole(drop) for drop in self._bad]
        if misplaced:
            holes.extend(_range(self._key, self._record))
        if self._record.entry is not None and lost:
            holes.extend(self._lost_time(self._record.entry, lost))
        return Believed(
            self._record,
            self._generation,
            self._bars,
            None,
            self._later_runs(),
            tuple(holes),
            bad_lines=len(self._bad) + missing,
            first_line=first,
            why=f"{missing} of its lines are missing" if missing else self._bad[0].reason,
            evidence=self._evidence(),
        )

    def _lost_lines(self) -> int:
        """How many recorded lines are not there as they were."""
        entry = self._record.entry
        if entry is None or zlib.crc32(self._data[: entry.bytes]) == int(entry.crc, 16):
            return 0
        return max(0, entry.bars - len(self._bars.between(entry.first_ms, entry.last_ms + 1)))

    def _lost_time(self, entry: SegmentEntry, lost: int) -> Coverage:
        """Where the lost bars may have been, within the recorded time.

        Where a bad line stands for each, and every bucket without a good bar is a lost one, it is
        those. Beside a minute without a tick a bad line may be none of ours: then it is all.
        """
        width_ms = self._key.timeframe.ms
        recorded = absent = Coverage.of(_range(self._key, self._record))
        for from_ms, until_ms in runs(self._bars.between(entry.first_ms, entry.last_ms + 1)):
            absent = absent.without(from_ms, until_ms)
        buckets = sum(-(-(until_ms - from_ms) // width_ms) for from_ms, until_ms in absent)
        return absent if lost == buckets and lost <= len(self._bad) else recorded

    def _later_runs(self) -> tuple[tuple[int, int], ...]:
        entry = self._record.entry
        later = self._bars if entry is None else self._bars.between(entry.last_ms + 1, FAR_MS)
        return runs(later)

    def _hole(self, drop: codec.Drop) -> tuple[int, int]:
        """Between the good bars on both sides of a bad line, else the file's own bounds."""
        at, bars, entry = drop.good_before, self._bars, self._record.entry
        first_ms, until_ms = _bounds(self._key, entry) if entry else (0, FAR_MS)
        from_ms = int(bars.close_time_ms[at - 1]) if at else first_ms
        return from_ms, int(bars.open_time_ms[at]) if at < len(bars) else max(from_ms, until_ms)

    def _is_at_end(self, drop: codec.Drop) -> bool:
        """Whether no good line and nothing recorded stands behind it."""
        return drop.good_before == len(self._bars) and drop.from_byte >= self._recorded_bytes

    def _evidence(self) -> Evidence | None:
        drops = (*self._bad, *self._torn)
        if not drops:
            return None
        stretches = tuple(BadLine(d.line, d.from_byte, d.bytes, d.reason) for d in drops)
        raw = (self._data[d.from_byte : d.from_byte + d.bytes + 1] for d in drops)
        return Evidence(self._record.path, b"".join(raw), stretches)

    @property
    def _generation(self) -> str:
        return str(self._decoded.header.generation)


def runs(bars: Bars) -> tuple[tuple[int, int], ...]:
    """The half-open intervals that ascending bars fill without a hole."""
    if not len(bars):
        return ()
    begins = np.flatnonzero(bars.open_time_ms[1:] != bars.close_time_ms[:-1]) + 1
    opens = bars.open_time_ms[np.concatenate(([0], begins))]
    closes = bars.close_time_ms[np.concatenate((begins - 1, [len(bars) - 1]))]
    return tuple(zip(opens.tolist(), closes.tolist(), strict=True))


def _account(path: str, data: bytes, bars: Bars) -> Segment:
    first_ms, last_ms = int(bars.open_time_ms[0]), int(bars.open_time_ms[-1])
    return Segment(path, 0, first_ms, last_ms, len(bars), len(data), zlib.crc32(data))


def _lost(
    key: SeriesKey, record: Record, data: bytes, generation: str | None, why: str
) -> Believed:
    """Nothing of the file is believed."""
    evidence = Evidence(record.path, data, (BadLine(1, 0, len(data), why),)) if data else None
    return Believed(
        record,
        generation,
        Bars.empty(),
        None,
        holes=_range(key, record),
        why=why,
        evidence=evidence,
    )


def _stillborn(record: Record, data: bytes) -> Believed:
    """A file whose very header was not finished: nothing in it was ever acknowledged."""
    why = "its header line is not finished"
    evidence = Evidence(record.path, data, (BadLine(1, 0, len(data), why),)) if data else None
    return Believed(record, None, Bars.empty(), None, why=why, is_torn=True, evidence=evidence)


def _range(key: SeriesKey, record: Record) -> tuple[tuple[int, int], ...]:
    """The time of its recorded bars."""
    entry = record.entry
    return () if entry is None else (_bounds(key, entry),)


def _bounds(key: SeriesKey, entry: SegmentEntry) -> tuple[int, int]:
    """[from_ms, until_ms) of the bars that are on record."""
    return entry.first_ms, entry.last_ms + key.timeframe.ms
