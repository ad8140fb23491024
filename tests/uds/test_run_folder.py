"""Where sockets live: beside the data, unless its path is too long for the kernel."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from uds.errors import FolderUnreadable
from uds.run_folder import make_socket_folder, socket_folder


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder with a short path, which the folders of pytest have not."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name).resolve()


@pytest.fixture
def home(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of this test."""
    monkeypatch.setenv("HOME", str(place))
    return place


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A data folder whose sockets could not be bound."""
    folder = tmp_path / ("d" * 100)
    folder.mkdir()
    return folder


def mode_of(folder: Path) -> int:
    """Who may do what."""
    return stat.S_IMODE(folder.stat().st_mode)


def test_sockets_lie_beside_the_data(tmp_path: Path) -> None:
    """There they outlive a logout, which a runtime folder of the session does not."""
    folder = make_socket_folder(tmp_path)

    assert tmp_path / "run" == folder == socket_folder(tmp_path)
    assert 0o700 == mode_of(folder)
    assert [] == list(folder.iterdir())


def test_a_long_path_falls_back_to_the_home_folder(home: Path, deep: Path) -> None:
    """Short enough to bind, and the data folder says where."""
    folder = make_socket_folder(deep)

    assert home / ".local/state/coldstart" == folder.parent
    assert 0o700 == mode_of(folder)
    assert f"{folder}\n" == (deep / "run" / "where").read_text()
    assert 0o600 == (deep / "run" / "where").stat().st_mode & 0o777
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "control.sock"))


def test_the_place_is_a_function_of_the_data_folder(home: Path, deep: Path) -> None:
    """A client finds the socket without asking anybody; two data folders never share one."""
    other = deep.with_name("e" * 100)

    assert socket_folder(deep) == make_socket_folder(deep)
    assert socket_folder(deep) != socket_folder(other)
    assert not socket_folder(other).exists()


def test_a_path_is_measured_in_bytes(home: Path) -> None:
    """The kernel counts bytes, and a letter may have two."""
    base = home / "x"
    room = 100 - len(os.fsencode(base / "run" / "control.sock")) + 1

    assert base.with_name("x" * room) / "run" == socket_folder(base.with_name("x" * room))
    for name in ("x" * (room + 1), "ж" * room):
        assert home / ".local/state/coldstart" == socket_folder(base.with_name(name)).parent


def test_an_open_folder_is_closed(tmp_path: Path) -> None:
    """Whoever may list it may connect."""
    (tmp_path / "run").mkdir(mode=0o755)
    (tmp_path / "run").chmod(0o755)

    assert 0o700 == mode_of(make_socket_folder(tmp_path))


def test_a_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner could put his own socket in the place of ours."""
    (tmp_path / "run").mkdir()
    stranger = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: stranger)

    with pytest.raises(FolderUnreadable, match="is not a folder of this user"):
        make_socket_folder(tmp_path)


@pytest.mark.parametrize("made_as", ["link", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, made_as: str) -> None:
    """A link would lead our sockets to where somebody else wants them."""
    (tmp_path / "elsewhere").mkdir()
    if made_as == "link":
        (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    else:
        (tmp_path / "run").write_text("")

    with pytest.raises(FolderUnreadable):
        make_socket_folder(tmp_path)
