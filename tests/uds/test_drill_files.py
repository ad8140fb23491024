"""The drills' corner of the data folder: the way back is durable first, outcomes are bounded."""

from __future__ import annotations

import pytest

from uds.drill_files import OUTCOMES_KEPT, DrillFiles
from uds.errors import DiskFailed
from uds.fault import Fault, FaultKind, FaultPlan
from uds.faulty import FaultyDisk
from uds.layout import DRILL_JOURNAL, drill_outcome_path, is_drill_outcome
from uds.memory_disk import MemoryDisk
from uds.ports import Append


async def no_wait(_: float) -> None:
    """Nothing here is slow."""


async def test_the_way_back_is_there_exactly_while_something_is_in() -> None:
    """Whoever finds it knows that a drill was cut off."""
    files = DrillFiles(MemoryDisk())

    assert await files.found() is None
    await files.begin({"id": "F2", "undo": {}})
    assert {"id": "F2", "undo": {}} == await files.found()
    await files.end()
    assert await files.found() is None


async def test_a_way_back_that_cannot_be_read_is_still_a_sign() -> None:
    """A torn journal must not be taken for none: it has to be cleared away."""
    disk = MemoryDisk()
    await disk.append([Append(DRILL_JOURNAL, b'{"id": "F')])

    assert {} == await DrillFiles(disk).found()


async def test_a_way_back_that_cannot_be_written_says_so() -> None:
    """Then nothing may be put in."""
    plan = FaultPlan()
    plan.arm("full", Fault(FaultKind.FULL, "disk.replace"))
    files = DrillFiles(FaultyDisk(MemoryDisk(), plan, no_wait))

    with pytest.raises(DiskFailed):
        await files.begin({"id": "F2"})


async def test_the_newest_outcomes_are_kept_and_read_oldest_first() -> None:
    """A drill a night must not fill the folder in ten years."""
    disk = MemoryDisk()
    files = DrillFiles(disk)
    for at_ms in range(OUTCOMES_KEPT + 3):
        await files.keep(at_ms, "F2", {"at": at_ms})

    assert OUTCOMES_KEPT == len(await disk.names("drills"))
    newest = OUTCOMES_KEPT + 2
    assert ({"at": newest - 1}, {"at": newest}) == await files.outcomes(2)


async def test_an_outcome_that_cannot_be_read_is_left_out() -> None:
    """The history is for people; one bad page does not hide the others."""
    disk = MemoryDisk()
    files = DrillFiles(disk)
    await files.keep(1, "F1", {"at": 1})
    await disk.replace(drill_outcome_path(2, "F2"), b"[]")
    await disk.replace(drill_outcome_path(3, "F3"), b"\xff")

    assert ({"at": 1},) == await files.outcomes(9)


async def test_only_evidence_is_discarded_whatever_name_is_given() -> None:
    """The names come from a file: none of them may lead anywhere else."""
    disk = MemoryDisk()
    files = DrillFiles(disk)
    kept = "quarantine/00000001-0001.XAU_USD.tf_60.seg.jsonl"
    await disk.append([Append(kept, b"x"), Append("LOCK", b"x"), Append("a/b.jsonl", b"x")])

    await files.discard(["../LOCK", "../a/b.jsonl", "LOCK"])
    assert [b"x"] * 3 == [await disk.read(path) for path in (kept, "LOCK", "a/b.jsonl")]
    await files.discard(await files.evidence())
    assert frozenset() == await files.evidence()


def test_an_outcomes_name_sorts_by_age_and_the_journal_is_none() -> None:
    """`drills/running.json` lies beside them."""
    earlier, later = drill_outcome_path(999, "Z7"), drill_outcome_path(1_000, "F10")

    assert earlier < later
    assert all(is_drill_outcome(path.partition("/")[2]) for path in (earlier, later))
    assert not is_drill_outcome("running.json")
