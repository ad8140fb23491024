"""Folders that the operator may not read: one sentence and exit 6, never a traceback."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import FAST, coldstart

_DROP_FROM_BOUNDS = 24
_READ_WHATEVER, _SEARCH_WHATEVER = 1, 2


def as_anybody() -> None:
    """Root may read whatever it likes; what runs next may not. Others lose nothing by it."""
    system = ctypes.CDLL(None)
    for capability in (_READ_WHATEVER, _SEARCH_WHATEVER):
        system.prctl(_DROP_FROM_BOUNDS, capability, 0, 0, 0)


@pytest.fixture
def shut(tmp_path: Path) -> Iterator[Path]:
    """A folder that its owner may neither list nor enter."""
    folder = tmp_path / "shut"
    folder.mkdir(mode=0)
    yield folder
    folder.chmod(0o700)


@pytest.mark.parametrize(
    "command",
    [
        ("bootstrap", "--port", "0"),
        ("verify",),
        ("export", "--all"),
        ("analyze",),
    ],
)
@pytest.mark.parametrize("below", [".", "deep/er"])
def test_a_data_folder_that_may_not_be_read_is_said(
    tmp_path: Path, shut: Path, command: tuple[str, ...], below: str
) -> None:
    """The data folder's rights are nothing the command line can know to be a mistake: exit 6."""
    done = coldstart(
        *command, "--data", str(shut / below), cwd=tmp_path, env=FAST, before=as_anybody
    )

    assert (6, "") == (done.code, done.out)
    assert 1 == len(done.err.splitlines()), done.err


def test_a_folder_that_takes_no_export_is_named_with_its_own_remedy(
    tmp_path: Path, shut: Path
) -> None:
    """The data folder was blamed for the rights of another."""
    shut.chmod(0o500)
    started = coldstart("bootstrap", "--port", "0", cwd=tmp_path, env=FAST)
    done = coldstart(
        "export", "XAU/USD", "--out", str(shut), cwd=tmp_path, env=FAST, before=as_anybody
    )

    assert 0 == started.code, started.err
    assert (6, "") == (done.code, done.out), done.err
    assert f"Free or open {shut}, or choose another folder with --out." in done.err
