"""The scripts, step by step: the order of writes and syncs is what a power cut is about."""

from __future__ import annotations

import errno
from collections.abc import Sequence

import pytest

from uds.disk_steps import (
    Exists,
    Link,
    MakeFolder,
    Remove,
    Rename,
    Script,
    Scripts,
    Step,
    Sync,
    SyncFolder,
    T,
    Truncate,
    Write,
    perform,
    saying,
)
from uds.errors import DiskFailed, DiskFull
from uds.incarnation import Incarnation, Revoked
from uds.ports import Append

MADE_A = (MakeFolder(""), MakeFolder("a"), SyncFolder(""))
"""How the folder of `a/x` comes about on an empty disk."""


def steps_of(script: Script[T], denied: Step | None = None) -> tuple[Step, ...]:
    """The steps of a script, each of which is answered with True but for the denied one."""
    done: list[Step] = []

    def do(step: Step) -> bool:
        done.append(step)
        return step != denied

    perform(script, do)
    return tuple(done)


@pytest.fixture
def scripts() -> Scripts:
    """Scripts of a handle that has met no name yet."""
    return Scripts()


def test_an_appended_file_is_durable_before_the_next_is_begun(scripts: Scripts) -> None:
    """Bytes, then the name, then the next file: no reader of ruins finds a later one alone."""
    batch = [Append("a/x", b"1"), Append("a/y", b"2")]

    assert (
        *MADE_A,
        *(Write("a/x", b"1"), Sync("a/x", data_only=True), SyncFolder("a")),
        *(Write("a/y", b"2"), Sync("a/y", data_only=True), SyncFolder("a")),
    ) == steps_of(scripts.append(batch))


def test_a_known_file_costs_one_sync(scripts: Scripts) -> None:
    """What an append costs is its syncs; names are settled once."""
    steps_of(scripts.append([Append("a/x", b"1")]))

    assert (Write("a/x", b"2"), Sync("a/x", data_only=True)) == steps_of(
        scripts.append([Append("a/x", b"2")])
    )


def test_folders_are_made_from_the_outside_in(scripts: Scripts) -> None:
    """Each name is durable before anything is put below it; a second file finds them made."""
    steps = steps_of(scripts.append([Append("a/b/x", b"1")]))

    assert (*MADE_A, MakeFolder("a/b"), SyncFolder("a"), Write("a/b/x", b"1")) == steps[:6]
    assert Write("a/b/y", b"") == steps_of(scripts.append([Append("a/b/y", b"")]))[0]


def test_folders_side_by_side_are_settled_together(scripts: Scripts) -> None:
    """A start has eleven for each symbol; one sync proves as much as eleven."""
    made = (*MADE_A, MakeFolder("a/b"), MakeFolder("a/c"), SyncFolder("a"))

    assert made == steps_of(scripts.make(["a/b", "a/c"]))
    assert () == steps_of(scripts.make(["a/c", "a/b"]))
    assert Write("a/c/x", b"1") == steps_of(scripts.append([Append("a/c/x", b"1")]))[0]


def test_a_folder_that_exists_is_settled_all_the_same(scripts: Scripts) -> None:
    """Who made it may have been killed before its name was durable."""
    assert MADE_A == steps_of(scripts.append([Append("a/x", b"1")]), MakeFolder("a"))[:3]


def test_after_a_failure_no_name_is_believed(scripts: Scripts) -> None:
    """A folder that was taken away from under us is made again."""
    steps_of(scripts.append([Append("a/x", b"1")]))

    with pytest.raises(DiskFailed):
        perform(scripts.append([Append("a/x", b"2")]), Refusing(Write("a/x", b"2"), errno.ENOENT))
    assert MADE_A == steps_of(scripts.append([Append("a/x", b"2")]))[:3]


@pytest.mark.parametrize("go", ["replace", "remove"])
def test_a_name_that_changed_hands_is_settled_anew(scripts: Scripts, go: str) -> None:
    """It stands for another file now, if for any, and that may not be durable yet."""
    steps_of(scripts.append([Append("a/x", b"1")]))
    steps_of(scripts.replace("a/x", b"") if go == "replace" else scripts.remove(["a/x"]))

    assert SyncFolder("a") == steps_of(scripts.append([Append("a/x", b"2")]))[-1]


def test_a_created_file_is_durable_with_its_name(scripts: Scripts) -> None:
    """A token that is used before it is durable is given twice."""
    assert (
        *MADE_A,
        Write("a/x", b"1", must_be_new=True),
        Sync("a/x"),
        SyncFolder("a"),
    ) == steps_of(scripts.create("a/x", b"1"))


def test_a_file_that_exists_is_not_created(scripts: Scripts) -> None:
    """Nothing of the other's is touched."""
    new = Write("a/x", b"1", must_be_new=True)

    assert (*MADE_A, new) == steps_of(scripts.create("a/x", b"1"), new)
    assert perform(scripts.create("a/x", b"1"), lambda step: True)
    assert not perform(scripts.create("a/x", b"1"), lambda step: step != new)


def test_a_file_is_replaced_by_a_synced_one(scripts: Scripts) -> None:
    """A rename that is durable before the bytes would leave an empty file."""
    assert (
        MakeFolder(""),
        Remove(".x.tmp"),
        Write(".x.tmp", b"1", must_be_new=True),
        Sync(".x.tmp"),
        Rename(".x.tmp", "x"),
        SyncFolder(""),
    ) == steps_of(scripts.replace("x", b"1"))


def test_the_kept_name_is_never_missing(scripts: Scripts) -> None:
    """The current file gets a second name, and that is renamed over the name to be kept."""
    steps = steps_of(scripts.replace("x", b"1", keep_as="x.prev"))

    assert (
        Exists("x"),
        Remove(".x.prev.tmp"),
        Link("x", ".x.prev.tmp"),
        Rename(".x.prev.tmp", "x.prev"),
        Remove(".x.prev.tmp"),
        Rename(".x.tmp", "x"),
        SyncFolder(""),
    ) == steps[4:]


def test_nothing_is_kept_of_nothing(scripts: Scripts) -> None:
    """The first state file has none before it."""
    steps = steps_of(scripts.replace("x", b"1", keep_as="x.prev"), Exists("x"))

    assert (Exists("x"), Rename(".x.tmp", "x"), SyncFolder("")) == steps[4:]


def test_a_second_writer_of_one_file_is_an_error(scripts: Scripts) -> None:
    """Who finds another's temporary file does not write into it."""
    fresh = Write(".x.tmp", b"1", must_be_new=True)

    with pytest.raises(DiskFailed, match="another writer is at it: could not replace x"):
        steps_of(scripts.replace("x", b"1"), fresh)


def test_a_link_found_done_is_made_durable(scripts: Scripts) -> None:
    """Who asks again had no answer the first time, so nobody knows whether it was."""
    link = Link("m", "a/c")

    assert (*MADE_A, link, SyncFolder("a")) == steps_of(scripts.link("m", "a/c"), link)


def test_a_truncated_file_is_synced(scripts: Scripts) -> None:
    """Or the torn tail is back after a power cut, behind newer lines."""
    assert (Truncate("a/x", 5), Sync("a/x")) == steps_of(scripts.truncate("a/x", 5))


def test_removed_files_cost_one_sync_a_folder(scripts: Scripts) -> None:
    """Hundreds of files of one folder are collected at once."""
    assert (
        *(Remove("a/x"), Remove("b/y"), Remove("a/z")),
        *(Exists("a"), SyncFolder("a"), Exists("b")),
    ) == steps_of(scripts.remove(["a/x", "b/y", "a/z"]), Exists("b"))


class Refusing:
    """One step fails, all others do as they are told."""

    def __init__(self, bad: Step, code: int) -> None:
        self.bad = bad
        self.code = code
        self.done: list[Step] = []

    def __call__(self, step: Step) -> bool:
        """Do a step, or raise OSError."""
        if step == self.bad:
            raise OSError(self.code, "so it is")
        self.done.append(step)
        return True


def each_operation() -> Sequence[tuple[str, Script[None] | Script[bool]]]:
    """Every operation of a fresh handle, and the sentence about its failure."""
    scripts = Scripts()
    return (
        ("so it is: could not append to a/x.", scripts.append([Append("a/x", b"1")])),
        ("so it is: could not create a/x.", scripts.create("a/x", b"1")),
        ("so it is: could not replace a/x.", scripts.replace("a/x", b"1", "a/y")),
        ("so it is: could not link a/x.", scripts.link("m", "a/x")),
        ("so it is: could not truncate a/x.", scripts.truncate("a/x", 1)),
        ("so it is: could not remove (a/x|files in a).", scripts.remove(["a/x"])),
    )


@pytest.mark.parametrize("number", range(6))
def test_a_failed_step_ends_its_script(number: int) -> None:
    """Nothing is done after it, and the sentence names the file that was asked for."""
    whole = steps_of(each_operation()[number][1])
    for bad in whole:
        sentence, script = each_operation()[number]
        refusing = Refusing(bad, errno.EIO)
        with pytest.raises(DiskFailed, match=sentence) as failed:
            perform(script, refusing)

        assert whole[: whole.index(bad)] == tuple(refusing.done)
        assert "Check the disk and the rights of the data folder." == failed.value.hint


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_want_of_space_is_told_from_a_broken_disk(code: int) -> None:
    """The operator's remedy is another."""
    with pytest.raises(DiskFull) as full, saying("append to", "x"):
        raise OSError(code, "No space left on device")

    assert "No space left on device: could not append to x." == full.value.detail
    assert "Free space" in full.value.hint


def test_a_revoked_incarnation_stops_between_two_steps(scripts: Scripts) -> None:
    """Whatever the script is at: its next start may be writing the same file."""
    child, done = Incarnation("m1_poller", 1), []

    def do(step: Step) -> bool:
        done.append(step)
        if isinstance(step, Write):
            child.revoke()
        return True

    with child.active(), pytest.raises(Revoked):
        perform(scripts.append([Append("x", b"1"), Append("y", b"2")]), do)
    assert [MakeFolder(""), Write("x", b"1")] == done
