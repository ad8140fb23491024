"""Tens of thousands of damaged files, documents and answers: none is believed too far.

Three things must hold of each. No exception escapes but our own. No wrong bar comes out: every
one that does was written to that very file with that content. No change within the recorded
length goes unnoticed: it is told, or nothing that was read is any different. Where a forger
made the checksums right as well, only the first can hold, and that what comes out are bars.
`HYPOTHESIS_PROFILE=nightly` tries all cases, else a sixth of the dear ones; seeds are fixed.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

import msgspec
import numpy as np
import pytest

from uds import checkpoint, codec, journal, layout, manifest
from uds.believing import Believed, Record, judge
from uds.checkpoint import FoundState
from uds.errors import BadJournal, BadManifest, BadSegment
from uds.manifest import SegmentEntry
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import Bars, Generation, PartialReason, SeriesKey, Symbol, Timeframe
from uds.recovery import Recovered
from uds.store import Store

from .mutations import DEAR, Cases, resealed
from .samples import GOLD, bars, terms, token

SILVER = "XAG/USD"
M1, M5, D1 = Timeframe.M1, Timeframe.M5, Timeframe.D1
COMMITTED = Generation(1, 1)
"""Of both symbols: it has live bars, some checkpointed and some not."""
DRAFTED = Generation(2, 1)
"""Of gold, by a later owner, and not finished."""
Rows: TypeAlias = dict[int, tuple[object, ...]]
"""open → all other columns."""


# -- what is damaged ------------------------------------------------------------------------------


@dataclass(frozen=True)
class File:
    """A segment as its owner wrote it."""

    key: SeriesKey
    path: str
    data: bytes
    rows: Rows
    entry: SegmentEntry
    """As it was recorded last, by a commit, the state or a journal."""


@dataclass(frozen=True)
class History:
    """A data folder with most of what can be in one, and its files by what they are."""

    files: Mapping[str, bytes]
    segments: tuple[File, ...]

    @property
    def pool(self) -> list[bytes]:
        """The bytes of all files."""
        return list(self.files.values())

    def latest(self, key: SeriesKey) -> Rows:
        """The bars of a series, of several with one open that which was written last."""
        files = (file for file in self.segments if file.key == key)
        found: Rows = {}
        for file in sorted(files, key=lambda file: layout.segment_of(file.path)):
            found |= file.rows
        return found


async def lived() -> History:
    """Two owners of two symbols: one filled and served them, the other was killed filling."""
    disk, symbols = MemoryDisk(), (GOLD, SILVER)
    first = Store(terms(symbols), token(1), disk, MemoryCache(), None)
    await first.connect()
    for symbol in symbols:
        await _serve(first, symbol)
    revised = bars(2, 14, price=2_100.0)  # they begin a file of their own
    for saved_ms, page in enumerate((bars(3, 16), revised, bars(3, 19), bars(2, 22))):
        await first.checkpoint(saved_ms)
        for symbol in symbols:
            await _append(first, symbol, M1, page)
    second = Store(terms(symbols), token(2), disk, MemoryCache(), None)
    await second.recover(GOLD)
    await _append(second, GOLD, M1, bars(4, 40))
    await _append(second, GOLD, M1, bars(6, 30))
    await _append(second, GOLD, D1, bars(2, 6, D1))
    files = dict(disk.files)
    return History(files, tuple(_segments(files)))


async def _serve(store: Store, symbol: Symbol) -> None:
    await store.recover(symbol)
    await _append(store, symbol, M1, bars(8, 8, skip=(10, 11)))
    await _append(store, symbol, M1, bars(8))
    await _append(store, symbol, D1, bars(5, 0, D1, skip=(3,)))
    whole = bars(5, 0, M5)
    counts = np.array([0, 3, 0, 0, 4], dtype=np.int32)
    partial = np.sign(counts)
    reasons = (partial * int(PartialReason.NO_TICK)).astype(np.uint8)
    some = replace(whole, source_count=counts, expected_count=partial * 5, partial_reasons=reasons)
    await _append(store, symbol, M5, some)
    await store.commit(symbol)
    await store.prime(symbol)
    await store.flip(symbol)


async def _append(store: Store, symbol: Symbol, timeframe: Timeframe, page: Bars) -> None:
    span = (int(page.open_time_ms[0]), int(page.close_time_ms[-1]))
    await store.append(SeriesKey(symbol, timeframe), page, [] if timeframe is M5 else [span])


def _segments(files: Mapping[str, bytes]) -> Iterator[File]:
    state = checkpoint.decode(files[layout.STATE])
    draft = journal.decode(GOLD, DRAFTED, files[layout.journal_path(GOLD, DRAFTED)])
    for symbol in (GOLD, SILVER):
        found = manifest.decode(symbol, COMMITTED, files[layout.commit_path(symbol, COMMITTED)])
        entries = {e.path: e for e in (*found.segments, *state.symbols[symbol].tails)}
        for timeframe in (M1, M5, D1):
            key = SeriesKey(symbol, timeframe)
            entries |= draft.entries(timeframe) if symbol == GOLD else {}
            for path, data in files.items():
                if layout.is_segment_of(key, path):
                    decoded = codec.decode_segment(key, data)
                    assert not decoded.drops
                    yield File(key, path, data, rows(decoded.bars), entries[path])


def rows(found: Bars) -> Rows:
    """Bars by their opens."""
    columns = zip(*(column.tolist() for column in found.columns), strict=True)
    return {row[0]: row[1:] for row in columns}


@pytest.fixture(scope="module")
def history() -> History:
    """Made once; nobody changes it."""
    return asyncio.run(lived())


# -- segments -------------------------------------------------------------------------------------


def test_every_line_is_a_bar_of_its_file_or_named(history: History) -> None:
    """No line vanishes, and none is believed that is not in the file its header names."""
    written = {file.data.partition(b"\n")[0]: file.rows for file in history.segments}
    with Cases("segments line by line", 9_000) as cases:
        for random in cases:
            file = random.choice(history.segments)
            data = cases.damaged(random, file.data, history.pool)
            try:
                found = codec.decode_segment(file.key, data)
            except BadSegment:
                cases.kinds["refused whole"] += 1
                continue
            cases.kinds["with drops" if found.drops else "without"] += 1
            known = written.get(data.partition(b"\n")[0], {})
            cases.expect(rows(found.bars).items() <= known.items(), "a wrong bar")
            lines = data.count(b"\n") - data.endswith(b"\n")
            cases.expect(lines == len(found.bars) + len(found.drops), "a line is not accounted for")
            for drop in found.drops:
                line = data[drop.from_byte :].partition(b"\n")[0]
                cases.expect(drop.bytes == len(line), f"drop {drop.line} is somewhere else")


def test_what_was_recorded_is_there_or_told(history: History) -> None:
    """Within the recorded length nothing changes unseen: what is lost is a hole with a reason."""
    with Cases("segments with their records", 24_000) as cases:
        for random in cases:
            file = random.choice(history.segments)
            entry = None if random.random() < 0.1 else file.entry
            record = Record(file.path, entry, entry is None or random.random() < 0.7)
            data = cases.damaged(random, file.data, history.pool)
            found = judge(file.key, record, data)
            cases.kinds["told" if found.why else "as it was"] += 1
            _check_judged(cases, file, record, data, found)


def _check_judged(cases: Cases, file: File, record: Record, data: bytes, found: Believed) -> None:
    believed, entry = rows(found.bars), record.entry
    cases.expect(believed.items() <= file.rows.items(), "a wrong bar")
    lost = [
        open_ms
        for open_ms in file.rows
        if entry and entry.first_ms <= open_ms <= entry.last_ms and open_ms not in believed
    ]
    unseen = [ms for ms in lost if not any(a <= ms < b for a, b in found.holes)]
    cases.expect(not unseen, f"{len(unseen)} recorded bars are gone and no hole says so")
    cases.expect(not lost or (bool(found.why) and not found.is_torn), "a loss is not told")
    for from_ms, until_ms in found.later_runs:
        bare = [ms for ms in file.rows if from_ms <= ms < until_ms and ms not in believed]
        cases.expect(not bare, "time beyond the record is covered without a bar")
    if found.segment is not None:
        account = found.segment
        cases.expect(len(believed) == account.bars, "the account has other bars")
        whole = zlib.crc32(data[: account.bytes]) == account.crc
        cases.expect(whole, "the account has another checksum")


def test_a_forged_segment_holds_bars_at_most(history: History) -> None:
    """Right checksums around impossible content: bars come out that may be stored, or none."""
    with Cases("forged segments", 9_000) as cases:
        for random in cases:
            file = random.choice(history.segments)
            data = resealed(cases.damaged(random, file.data, history.pool))
            record = Record(file.path, file.entry, may_grow=random.random() < 0.7)
            found = judge(file.key, record, data)
            cases.kinds["bars" if len(found.bars) else "none"] += 1
            again = codec.encode_lines(file.key, found.bars, 0) if len(found.bars) else b""
            cases.expect(len(found.bars) == again.count(b"\n"), "bars that cannot be written")


# -- documents ------------------------------------------------------------------------------------


def test_a_manifest_is_whole_or_refused(history: History) -> None:
    """It says which bytes are the truth, so nothing in it may differ."""
    path = layout.commit_path(GOLD, COMMITTED)
    genuine = manifest.decode(GOLD, COMMITTED, history.files[path])
    with Cases("manifests", 6_000) as cases:
        for random in cases:
            data = cases.damaged(random, history.files[path], history.pool)
            try:
                found = manifest.decode(GOLD, COMMITTED, data)
            except BadManifest:
                cases.kinds["refused"] += 1
                continue
            cases.kinds["whole"] += 1
            cases.expect(found == genuine, "it says something else")


def test_a_state_file_is_whole_or_its_predecessor_is_used(history: History) -> None:
    """And that it is used is said; an older whole one that lies in its place is one as well."""
    current, before = (history.files[path] for path in (layout.STATE, layout.STATE_PREVIOUS))
    genuine = [checkpoint.decode(data).symbols for data in (current, before)]
    with Cases("state files", 6_000) as cases:
        for random in cases:
            data = cases.damaged(random, current, history.pool)
            other = cases.damaged(random, before, history.pool) if random.random() < 0.3 else before
            found = checkpoint.choose(data, other, was_saved=False)
            cases.kinds[found.source] += 1
            is_known = found.symbols in (genuine if found.source != "rebuilt" else [{}])
            cases.expect(is_known, "it says something else")
            cases.expect(bool(found.why) == (found.source != "current"), "no reason is given")


def test_a_journal_keeps_its_good_pages(history: History) -> None:
    """A page that is not proved is fetched again; none is made up."""
    path = layout.journal_path(GOLD, DRAFTED)
    genuine = journal.decode(GOLD, DRAFTED, history.files[path])
    with Cases("journals", 6_000) as cases:
        for random in cases:
            data = cases.damaged(random, history.files[path], history.pool)
            try:
                found = journal.decode(GOLD, DRAFTED, data)
            except BadJournal:
                cases.kinds["refused"] += 1
                continue
            cases.kinds["whole" if found == genuine else "in part"] += 1
            cases.expect(found.head == genuine.head, "its head says something else")
            cases.expect(all(page in genuine.pages for page in found.pages), "a page is made up")


def _forged(path: str, data: bytes) -> bytes:
    """A document with the checksum that its writer would give it, where it still is one."""
    if "/journal/" in path or path.endswith(".jsonl"):
        return resealed(data)
    with suppress(ValueError, RecursionError, OverflowError):
        if path.startswith(layout.STATE):
            return checkpoint.encode(msgspec.json.decode(data, type=checkpoint.Checkpoint))
        return manifest.encode(msgspec.json.decode(data, type=manifest.Manifest))
    return data


# -- a whole start --------------------------------------------------------------------------------


async def test_a_start_finds_what_is_there_and_tells_the_rest(history: History) -> None:
    """Whatever file of the folder is damaged, and sometimes two: what is covered is there."""
    genuine = await _started(history.files)
    with Cases("starts", 6_000 // DEAR) as cases:
        for random in cases:
            files = dict(history.files)
            hurt = random.sample(_damageable(files), random.choice((1, 1, 1, 2)))
            for path in hurt:
                files[path] = cases.damaged(random, files[path], history.pool)
            started = await _started(files)
            is_same = _check_started(cases, history, started, genuine)
            is_told = bool(started[1].drops or started[1].skipped or started[2].why)
            is_due = all(_is_recorded(history, path, files[path]) for path in hurt)
            cases.expect(is_told or is_same or not is_due, f"{hurt}: changed, and not told")
            cases.kinds["told" if is_told else "as it was" if is_same else "unrecorded"] += 1


async def test_a_start_survives_a_forged_folder(history: History) -> None:
    """Documents that prove themselves and say what cannot be: a start, a commit, a checkpoint."""
    with Cases("forged starts", 3_000 // DEAR) as cases:
        for random in cases:
            files = dict(history.files)
            path = random.choice(_damageable(files))
            files[path] = _forged(path, cases.damaged(random, files[path], history.pool))
            store, recovered, _ = await _started(files)
            cases.kinds["found" if recovered.found else "nothing"] += 1
            await store.connect()
            await store.commit(GOLD)
            await store.prime(GOLD)
            await store.flip(GOLD)
            await store.checkpoint(9)
            await store.scrub()


Started: TypeAlias = tuple[Store, Recovered, FoundState]


async def _started(files: Mapping[str, bytes]) -> Started:
    disk = MemoryDisk()
    disk.files = dict(files)
    store = Store(terms((GOLD,)), token(9), disk, MemoryCache(), None)
    recovered = await store.recover(GOLD)
    return store, recovered, await store.state.read()


def _damageable(files: Mapping[str, bytes]) -> list[str]:
    """The files of gold and the state: all that a start of gold reads."""
    folder = layout.folder_of(GOLD)
    return [
        p for p in files if p.startswith((f"{folder}/", layout.STATE)) and "/manifest/" not in p
    ]


def _check_started(cases: Cases, history: History, started: Started, genuine: Started) -> bool:
    """Nothing wrong came out and nothing covered is lost; whether all is as without damage."""
    store, recovered, _ = started
    is_newest = is_same = recovered.found == genuine[1].found
    for timeframe in (M1, M5, D1):
        key = SeriesKey(GOLD, timeframe)
        found, latest, covered = rows(store.load(key)), history.latest(key), store.coverage(key)
        ever = {pair for file in history.segments if file.key == key for pair in file.rows.items()}
        cases.expect(set(found.items()) <= ever, f"{key}: a wrong bar")
        due = {ms: row for ms, row in latest.items() if any(a <= ms < b for a, b in covered)}
        cases.expect(due.keys() <= found.keys(), f"{key}: covered bars are lost")
        if is_newest:  # a generation before it, or a draft of it, has what was revised since
            cases.expect(due.items() <= found.items(), f"{key}: covered bars are stale")
        is_same &= found == rows(genuine[0].load(key)) and covered == genuine[0].coverage(key)
    return is_same


def _is_recorded(history: History, path: str, data: bytes) -> bool:
    """Whether something is different of which a record speaks; a lost page is fetched again."""
    lengths = {file.path: file.entry.bytes for file in history.segments}
    until = lengths.get(path)
    return "/journal/" not in path and data[:until] != history.files[path][:until]
