"""The state file: written by every second, believed by none without its checksum."""

from __future__ import annotations

import json
import random

import msgspec
import pytest

from uds import checkpoint, layout
from uds.checkpoint import Checkpoint, SymbolState
from uds.errors import BadState, Fenced
from uds.manifest import SegmentEntry, TailDigest
from uds.memory_disk import MemoryDisk
from uds.model import Coverage, Generation, Timeframe
from uds.store import Store

from .samples import (
    GOLD,
    GOLD_D1,
    GOLD_M1,
    GOLD_M5,
    bars,
    minute,
    opens,
    segments_in,
    serve,
    served_store,
    store_over,
)

FUZZ_ROUNDS = 2_000
G1 = Generation(1, 1)
STATE = SymbolState(
    "00000042-0003",
    7,
    minute(0),
    {"M1": minute(4), "M5": minute(0)},
    {"M1": ((minute(0), minute(5)),), "D1": ()},
    (
        SegmentEntry(
            60, "XAU_USD/tf_60/seg-00000042-0001.jsonl", 900, "0123abcd", minute(0), minute(4), 5
        ),
    ),
    {"M1": TailDigest(5, "d" * 64)},
)
SAMPLE = Checkpoint(1, 1_700_000_000_000, "b" * 32, 42, {GOLD: STATE})
DOCUMENT = checkpoint.encode(SAMPLE)


def saved(disk: MemoryDisk) -> dict[str, object]:
    """Gold's entry as jq would see it."""
    entry: dict[str, object] = json.loads(disk.files[layout.STATE])["symbols"][GOLD]
    return entry


async def lived_on(disk: MemoryDisk, minutes: int = 5) -> Store:
    """A store that served ten minutes, then saw some more come live, one of them silent."""
    store = await served_store(disk)
    for n in range(10, 10 + minutes):
        await store.append(GOLD_M1, bars(1, n), [(minute(n), minute(n + 1))])
        await store.extend(GOLD)
    silent = 10 + minutes
    await store.append(GOLD_M1, bars(0), [(minute(silent), minute(silent + 1))])
    return store


def test_a_state_survives_the_disk() -> None:
    """What was recorded is what the next start reads."""
    found = checkpoint.decode(DOCUMENT)

    assert SAMPLE == msgspec.structs.replace(found, checksum="")
    assert 1 == json.loads(DOCUMENT)["schema"]


def test_no_change_of_content_is_believed() -> None:
    """A flipped bit either leaves the content as it was, or is found."""
    dice = random.Random(7)
    for _ in range(FUZZ_ROUNDS):
        hurt = bytearray(DOCUMENT)
        hurt[dice.randrange(len(hurt))] ^= 1 << dice.randrange(8)
        try:
            found = checkpoint.decode(bytes(hurt))
        except BadState:
            continue
        assert SAMPLE == msgspec.structs.replace(found, checksum="")


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"[" * 100_000, b'{"schema":1}', DOCUMENT[:-20]]
)
def test_what_is_no_state_is_refused(data: bytes) -> None:
    """One exception of ours, whatever the bytes are."""
    with pytest.raises(BadState):
        checkpoint.decode(data)


def test_an_entry_may_not_name_a_foreign_path() -> None:
    """No path is read because a file says so."""
    (entry,) = STATE.tails
    stranger = msgspec.structs.replace(entry, path="../../etc/passwd")
    state = msgspec.structs.replace(STATE, tails=(stranger,))
    evil = msgspec.structs.replace(SAMPLE, symbols={GOLD: state})

    with pytest.raises(BadState, match="not a segment of XAU/USD"):
        checkpoint.decode(checkpoint.encode(evil))


@pytest.mark.parametrize(
    ("current", "previous", "source"),
    [
        (None, None, "none"),
        (DOCUMENT, b"", "current"),
        (DOCUMENT, None, "current"),
        (b"\0" * 10, DOCUMENT, "previous"),
        (None, DOCUMENT, "previous"),
        (b"\0" * 10, b"\0" * 10, "rebuilt"),
        (b"\0" * 10, None, "rebuilt"),
    ],
)
def test_the_best_file_is_chosen(
    current: bytes | None, previous: bytes | None, source: str
) -> None:
    """Good, else the one before and a reason, else nothing and a reason."""
    found = checkpoint.choose(current, previous, was_saved=False)

    assert source == found.source
    assert (source in ("current", "previous")) == bool(found.symbols)
    assert (source in ("previous", "rebuilt")) == bool(found.why)


def test_files_that_were_there_and_are_gone_are_missed() -> None:
    """A folder that never had one looks the same but for the note that it had."""
    found = checkpoint.choose(None, None, was_saved=True)

    assert "rebuilt" == found.source
    assert layout.STATE in found.why
    assert layout.STATE_PREVIOUS in found.why
    assert found.why.endswith(".")


async def test_only_a_folder_that_saved_one_misses_its_state_file() -> None:
    """Whoever died between the commit and the first checkpoint had none to lose."""
    disk = MemoryDisk()
    store = await lived_on(disk)
    young = await store_over(disk, owner=2)
    assert "none" == (await young.state.read()).source
    await store.checkpoint(1)
    for name in (layout.STATE, layout.STATE_PREVIOUS):
        disk.files.pop(name, None)
    successor = await store_over(disk, owner=3)

    assert "rebuilt" == (await successor.state.read()).source


async def test_a_file_saved_while_its_note_was_looked_for_is_used() -> None:
    """An owner who woke up too late may save between two looks: then nothing is missing."""
    disk = MemoryDisk()
    await (await lived_on(disk)).checkpoint(1)
    saved = disk.files.pop(layout.STATE)
    read = disk.read

    async def late(path: str, from_byte: int = 0, until_byte: int | None = None) -> bytes | None:
        if path == layout.STATE_SAVED:
            disk.files[layout.STATE] = saved
        return await read(path, from_byte, until_byte)

    disk.read = late  # type: ignore[method-assign]
    found = await (await store_over(disk, owner=2)).state.read()

    assert "current" == found.source


async def test_no_file_before_is_kept_without_the_note() -> None:
    """Where two were, both can be missed: also when the first owner died before its note."""
    disk = MemoryDisk()
    await (await lived_on(disk)).checkpoint(1)
    del disk.files[layout.STATE_SAVED]
    replaced: list[str] = []
    replace = disk.replace

    async def noted(path: str, data: bytes, keep_as: str | None = None) -> None:
        replaced.append(path)
        await replace(path, data, keep_as)

    disk.replace = noted  # type: ignore[method-assign]
    store = await store_over(disk, owner=2)
    await store.recover(GOLD)
    await serve(store)
    replaced.clear()
    await store.checkpoint(2)

    assert [layout.STATE_SAVED, layout.STATE] == replaced


async def test_a_checkpoint_records_how_far_the_live_generation_came() -> None:
    """Lengths of what grew, coverage, watermarks: all that no manifest says."""
    disk = MemoryDisk()
    store = await lived_on(disk)
    await store.append(GOLD_M5, bars(2, 0, Timeframe.M5))

    assert await store.checkpoint(1_700_000_000_000)
    entry = saved(disk)
    assert (str(G1), 5) == (entry["generation"], entry["seq"])
    assert minute(5) == entry["last_saved_m5_open_ms"]
    assert {"M1": minute(14), "M5": minute(5)} == entry["watermarks"]
    assert {"M1": [[minute(0), minute(16)]], "D1": []} == entry["coverage"]
    tails = entry["tails"]
    assert isinstance(tails, list)
    paths = [segments_in(disk)[0], segments_in(disk, GOLD_M5)[0]]
    assert [(p, len(disk.files[p])) for p in paths] == [(t["path"], t["bytes"]) for t in tails]


async def test_a_checkpoint_is_written_only_when_something_changed() -> None:
    """Disks are slow, and a quiet night has nothing to tell."""
    store = await lived_on(MemoryDisk())

    assert [True, False] == [await store.checkpoint(1), await store.checkpoint(2)]
    await store.append(GOLD_M1, bars(1, 0), [(minute(0), minute(1))])
    assert not await store.checkpoint(3)
    await store.append(GOLD_D1, bars(1, 0, Timeframe.D1))
    assert await store.checkpoint(4)


async def test_the_state_before_stays_beside_it() -> None:
    """A torn write of one leaves the other."""
    disk = MemoryDisk()
    store = await lived_on(disk)
    await store.checkpoint(1)
    before = disk.files[layout.STATE]
    await store.append(GOLD_D1, bars(1, 0, Timeframe.D1))
    await store.checkpoint(2)

    assert before == disk.files[layout.STATE_PREVIOUS]
    assert 2 == json.loads(disk.files[layout.STATE])["saved_ms"]


async def test_silence_after_the_commit_is_remembered_by_the_checkpoint_only() -> None:
    """A minute without a tick leaves no bar: only a record can say that it was asked for."""
    with_state, without = MemoryDisk(), MemoryDisk()
    await (await lived_on(with_state)).checkpoint(1)
    await lived_on(without)
    found = []
    for disk in (with_state, without):
        store = await store_over(disk, owner=2)
        await store.recover(GOLD)
        found.append(store.coverage(GOLD_M1))

    assert [Coverage.of([(minute(0), minute(n))]) for n in (16, 15)] == found


async def test_lines_removed_before_the_checkpoint_are_missed() -> None:
    """Each line left is right by itself; the recorded length knows how many there were."""
    disk = MemoryDisk()
    await (await lived_on(disk)).checkpoint(1)
    (path,) = segments_in(disk)
    lines = disk.files[path].splitlines(keepends=True)
    disk.files[path] = b"".join(lines[:12])
    store = await store_over(disk, owner=2)
    recovered = await store.recover(GOLD)

    assert ["4 of its lines are missing"] == [drop.why for drop in recovered.drops]
    assert list(range(11)) == opens(store.load(GOLD_M1))
    assert () == store.coverage(GOLD_M1).gaps(minute(15), minute(16)).intervals
    assert store.coverage(GOLD_M1).gaps(minute(11), minute(15)).intervals


async def test_a_state_of_another_generation_is_no_witness() -> None:
    """A crash between a flip and the next checkpoint leaves the state of the one before."""
    disk = MemoryDisk()
    store = await lived_on(disk)
    await store.checkpoint(1)
    store.begin(GOLD)
    await store.append(GOLD_M1, bars(3), [(minute(0), minute(3))])
    await serve(store)
    after = await store_over(disk, owner=2)
    recovered = await after.recover(GOLD)

    assert (Generation(1, 2), ()) == (recovered.found, recovered.drops)
    assert ((minute(0), minute(3)),) == after.coverage(GOLD_M1).intervals


async def test_symbols_that_are_not_live_yet_keep_their_entry() -> None:
    """The first checkpoint of a start must not forget whom the start has not come to."""
    disk = MemoryDisk()
    await (await lived_on(disk)).checkpoint(1)
    before = saved(disk)
    successor = await store_over(disk, owner=2)
    await successor.recover(GOLD)
    await successor.state.write({}, successor.terms, 2)

    assert before == saved(disk)


async def test_the_memo_spelling_is_read_where_the_other_is_missing() -> None:
    """Today's scripts may have written it."""
    disk = MemoryDisk()
    await (await lived_on(disk)).checkpoint(1)
    disk.files[layout.STATE_MEMO] = disk.files.pop(layout.STATE)
    found = await (await store_over(disk, owner=2)).state.read()

    assert ("current", [GOLD]) == (found.source, list(found.symbols))


@pytest.mark.parametrize("name", [layout.STATE, layout.STATE_PREVIOUS])
async def test_a_start_believes_whichever_state_is_whole(name: str) -> None:
    """And where the files disagree with the segments, the segments win."""
    disk = MemoryDisk()
    store = await lived_on(disk)
    await store.checkpoint(1)
    await store.append(GOLD_M1, bars(1, 16), [(minute(16), minute(17))])
    await store.checkpoint(2)
    disk.files[name] = b"\0" * 40
    successor = await store_over(disk, owner=2)
    recovered = await successor.recover(GOLD)

    assert () == recovered.drops
    assert [*range(15), 16] == opens(successor.load(GOLD_M1))
    assert ((minute(0), minute(17)),) == successor.coverage(GOLD_M1).intervals


async def test_a_zombie_saves_no_state() -> None:
    """The one file that every owner replaces belongs to the newest."""
    disk = MemoryDisk()
    store = await lived_on(disk)
    await disk.create(layout.owner_path(9), b"later\n")

    with pytest.raises(Fenced):
        await store.checkpoint(1)
    assert layout.STATE not in disk.files


def test_a_state_knows_whose_generation_it_speaks_of() -> None:
    """Of another one it says nothing."""
    found = checkpoint.choose(DOCUMENT, None, was_saved=True)

    assert STATE == found.of(GOLD, Generation(42, 3))
    assert None is found.of(GOLD, Generation(43, 1))
    assert None is found.of("USD/JPY", Generation(42, 3))
    assert Coverage.of([(minute(0), minute(5))]) == STATE.coverage_of(Timeframe.M1)
