"""Documents of the operator: read whole, or refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from uds.disk import read_document
from uds.errors import FolderUnreadable


def test_a_document_is_read_whole(tmp_path: Path) -> None:
    """The configuration goes through this floor too."""
    (tmp_path / "config.json").write_bytes(b"{}")

    assert b"{}" == read_document(tmp_path / "config.json")


def test_an_unreadable_document_says_why(tmp_path: Path) -> None:
    """The path and the reason, in one sentence."""
    with pytest.raises(FolderUnreadable, match="cannot be read: No such file"):
        read_document(tmp_path / "config.json")
    with pytest.raises(FolderUnreadable, match="cannot be read: Is a directory"):
        read_document(tmp_path)


def test_a_huge_document_is_refused(tmp_path: Path) -> None:
    """--config /dev/zero must not fill the memory."""
    with pytest.raises(FolderUnreadable, match="is larger than 4194304 bytes"):
        read_document(Path("/dev/zero"))
