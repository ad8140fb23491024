"""Runs that once found a hole in the engine: they must hold for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.simulation.case import read_case
from engine.simulation.run import run_case

_FILES = sorted((Path(__file__).parent / "seeds").glob("*.json"))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_what_was_found_once_is_not_found_again(path: Path) -> None:
    """Each file says in its note what it found."""
    assert () == run_case(read_case(path.read_text("utf-8"))).violations


def test_there_are_such_files() -> None:
    """A folder that is not found would make the test above pass with nothing."""
    assert _FILES
