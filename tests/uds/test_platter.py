"""The simulated medium: faults of single steps, what a power cut leaves, damage by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random

import pytest

from uds.errors import DiskFailed, DiskFull
from uds.fault import Fault, FaultKind
from uds.memory_disk import MemoryDisk, NodeCrashed, Platter
from uds.ports import Append


class FailOnce:
    """Injects one fault before the first step of a name."""

    def __init__(self, name: str, fault: Fault) -> None:
        self.name = name
        self.fault: Fault | None = fault
        self.names: list[str] = []

    async def before(self, name: str, path: str) -> Fault | None:
        """The fault when its step comes, and never again."""
        self.names.append(name)
        fault = self.fault if name == self.name else None
        if fault is not None:
            self.fault = None
        return fault


@pytest.mark.parametrize(
    ("kind", "kept_bytes", "left"),
    [
        (FaultKind.REFUSE, None, b"old"),
        (FaultKind.REFUSE, 2, b"oldne"),
        (FaultKind.LOSE_REPLY, None, b"oldnew"),
        (FaultKind.FULL, None, b"old"),
        (FaultKind.FULL, 1, b"oldn"),
    ],
)
async def test_a_failed_write_may_have_happened(
    kind: FaultKind, kept_bytes: int | None, left: bytes
) -> None:
    """Not at all, in part or in full: only reading tells (Z3)."""
    platter = Platter()
    platter.files["x"] = b"old"
    seam = FailOnce("append.Write", Fault(kind, "append.Write", kept_bytes=kept_bytes))

    with pytest.raises(DiskFailed) as failed:
        await MemoryDisk(platter, seam).append([Append("x", b"new")])
    assert (kind is FaultKind.FULL) == isinstance(failed.value, DiskFull)
    assert left == platter.files["x"]
    assert "append.Sync" not in seam.names


async def test_a_kill_may_tear_a_write() -> None:
    """The one place where a kill without a power cut leaves a part of a line."""
    platter = Platter()
    seam = FailOnce("append.Write", Fault(FaultKind.CRASH, "append.Write", kept_bytes=2))
    torn = MemoryDisk(platter, seam)

    with pytest.raises(NodeCrashed):
        await torn.append([Append("x", b"line")])
    assert b"li" == platter.files["x"]
    with pytest.raises(NodeCrashed):
        await torn.read("x")


async def test_a_failed_sync_may_have_lost_what_a_later_one_calls_durable() -> None:
    """As on Linux: the pages are clean afterwards, so nobody may go on with that file (Z3)."""
    left = set()
    for seed in range(40):
        platter = Platter()
        seam = FailOnce("append.Sync", Fault(FaultKind.REFUSE, "append.Sync"))
        disk = MemoryDisk(platter, seam)
        with pytest.raises(DiskFailed, match="Input/output error: could not append to x"):
            await disk.append([Append("x", b"lost")])
        await disk.append([Append("x", b"kept")])
        assert b"lostkept" == await disk.read("x")
        platter.power_cut(Random(seed))
        left.add(platter.files["x"])

    assert {b"lostkept", b"\0\0\0\0kept"} == left


async def test_what_was_doubtful_is_gone_when_it_is_cut_off() -> None:
    """Only the bytes that a failed Sync left open are, and only as long as they are there."""
    for seed in range(20):
        platter = Platter()
        platter.files["x"] = b"good"
        disk = MemoryDisk(platter, FailOnce("append.Sync", Fault(FaultKind.REFUSE, "append.Sync")))
        with pytest.raises(DiskFailed):
            await disk.append([Append("x", b"lost")])
        await disk.truncate("x", 4)
        await disk.append([Append("x", b"kept")])
        platter.power_cut(Random(seed))
        assert b"goodkept" == platter.files["x"]


@pytest.mark.parametrize("name", ["read", "size", "names"])
async def test_looking_may_fail_too(name: str) -> None:
    """A disk that cannot be read is a failure, not an empty folder."""
    disk = MemoryDisk(seam=FailOnce(name, Fault(FaultKind.REFUSE, name)))
    looks: dict[str, Callable[[str], Awaitable[object]]] = {
        "read": disk.read,
        "size": disk.size,
        "names": disk.names,
    }

    with pytest.raises(DiskFailed, match=r"Input/output error: could not .* x"):
        await looks[name]("x")
    assert not await looks[name]("x")


# -- the platter itself ----------------------------------------------------------------------------


async def ruins(seed: int) -> dict[str, bytes]:
    """What is left of half-done work."""
    platter, random = Platter(), Random(seed)
    disk = MemoryDisk(platter, leaves_out=frozenset({"append.Sync", "append.SyncFolder"}))
    for n in range(6):
        await disk.append([Append(f"{n % 2}/{n}", bytes([65 + n]) * 9)])
    platter.power_cut(random)
    return dict(platter.files)


async def test_the_same_seed_leaves_the_same_ruins() -> None:
    """A failing seed must fail again, in another process as well."""
    each = [await ruins(seed) for seed in range(20)]

    assert each == [await ruins(seed) for seed in range(20)]
    assert 10 < len({tuple(left.items()) for left in each})


async def test_a_power_cut_leaves_every_kind_of_ruin() -> None:
    """What a start must cope with has to come up: nothing, half, NULs, foreign bytes, all."""
    found = set()
    for seed in range(200):
        platter = Platter()
        platter.files["x"] = b"old"
        await MemoryDisk(platter, leaves_out=frozenset({"append.Sync"})).append(
            [Append("x", b"newer")]
        )
        platter.power_cut(Random(seed))
        left = platter.files["x"]
        assert left.startswith(b"old")
        rest = left[3:].rstrip(b"\0")
        is_right = b"newer".startswith(rest)
        found.add((len(left) == 8, b"\0" in left, is_right))

    assert {
        (False, False, True),  # nothing of it, or a part
        (True, False, True),  # all of it
        (True, True, True),  # a part, and NULs for the rest
        (True, False, False),  # a part, and something else for the rest
    } <= found


async def test_what_is_put_on_the_platter_by_hand_is_durable() -> None:
    """Damage that a test does must not be healed by a power cut, nor undone by one."""
    disk = MemoryDisk()
    disk.files["a/b/x"] = b"1"
    files = disk.files
    files |= {"a/y": b"2", "z": b"3"}
    disk.files["z"] += b"3"
    del disk.files["a/y"]
    disk.platter.power_cut(Random(0))

    assert {"a/b/x": b"1", "z": b"33"} == disk.files
    assert ["a/b/x", "z"] == list(disk.files)
    assert 2 == len(disk.files)
    assert "a" not in disk.files
    assert "z/x" not in disk.files
    with pytest.raises(KeyError):
        del disk.files["a"]


async def test_the_files_of_one_disk_may_be_copied_to_another() -> None:
    """Many damages are tried on copies of one history."""
    whole, other = MemoryDisk(), MemoryDisk()
    await whole.append([Append("a/x", b"1")])
    other.files["b"] = b"2"
    other.files = dict(whole.files)
    await other.append([Append("a/x", b"2")])

    assert {"a/x": b"1"} == whole.files
    assert {"a/x": b"12"} == other.files


async def test_damage_through_one_name_is_seen_through_the_other() -> None:
    """Two names of one file share its bytes, on the medium as well."""
    disk = MemoryDisk()
    await disk.replace("manifest/1", b"truth")
    await disk.link("manifest/1", "commit/1")
    disk.files["manifest/1"] = b"wrong"

    assert b"wrong" == await disk.read("commit/1")
