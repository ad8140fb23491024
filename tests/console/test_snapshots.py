"""Pictures of a few screens: colours, reverse and underline, which text cannot show."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from . import scenes
from .stage import staged

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture is taken when nothing moves."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


def test_a_boot_half_way(snap_compare: Compare) -> None:
    """Each state of a start has its colour; cells changed in the last 3 s are underlined."""
    app, _ = staged(scenes.middle_of_boot())
    assert snap_compare(app, terminal_size=(80, 24))


def test_a_closed_gate_with_reasons_on_a_wide_screen(snap_compare: Compare) -> None:
    """Failed is a block, degraded is heavy, the chosen cell is a whole block."""
    app, _ = staged(scenes.closed_with_reasons())
    assert snap_compare(app, terminal_size=(160, 48), press=["l", "j"])


def test_a_question(snap_compare: Compare) -> None:
    """The question stands over the screen it concerns."""
    app, _ = staged(scenes.end_of_boot())
    assert snap_compare(app, terminal_size=(80, 24), press=["b"])


def test_the_help_page(snap_compare: Compare) -> None:
    """The signs in help wear their colours."""
    app, _ = staged(scenes.end_of_boot())
    assert snap_compare(app, terminal_size=(80, 40), press=["question_mark"])


def test_monochrome(snap_compare: Compare) -> None:
    """Without colour the sign and its text say everything."""
    app, _ = staged(scenes.closed_with_reasons(), mono=True)
    assert snap_compare(app, terminal_size=(80, 24))
