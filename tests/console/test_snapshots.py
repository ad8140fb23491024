"""Pictures of the scenarios: colours, reverse and underline, which text cannot show.

Their goldens in plain text stand in test_goldens.py and survive themes and versions.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from . import drilled, scenes
from .stage import staged

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture is taken when nothing moves."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


def test_a_boot_at_its_start(snap_compare: Compare) -> None:
    """0 %: everything waits and nothing alarms."""
    app, _ = staged(scenes.start_of_boot())
    assert snap_compare(app, terminal_size=(80, 24))


def test_a_boot_half_way(snap_compare: Compare) -> None:
    """40 %: each state has its colour; cells changed in the last 3 s are underlined."""
    app, _ = staged(scenes.middle_of_boot())
    assert snap_compare(app, terminal_size=(80, 24))


def test_a_boot_at_its_end(snap_compare: Compare) -> None:
    """100 %: one calm colour."""
    app, _ = staged(scenes.end_of_boot())
    assert snap_compare(app, terminal_size=(80, 24))


def test_a_closed_gate_with_reasons_on_a_wide_screen(snap_compare: Compare) -> None:
    """160×48: failed is a block, degraded is heavy, the chosen cell is a whole block."""
    app, _ = staged(scenes.closed_with_reasons())
    assert snap_compare(app, terminal_size=(160, 48), press=["right", "j"])


def test_an_xray(snap_compare: Compare) -> None:
    """One cell over the whole page."""
    app, _ = staged(scenes.closed_with_reasons())
    assert snap_compare(app, terminal_size=(80, 24), press=[*"jjjjjj", "enter"])


def test_the_processes(snap_compare: Compare) -> None:
    """One in backoff, its last words below."""
    app, _ = staged(scenes.closed_with_reasons())
    assert snap_compare(app, terminal_size=(80, 24), press=["2", "j", "j"])


def test_the_reasons_in_ukrainian(snap_compare: Compare) -> None:
    """The worst first, what to do below, in the operator's language."""
    app, _ = staged(scenes.closed_with_reasons(), language="uk")
    assert snap_compare(app, terminal_size=(80, 24), press=["3"])


def test_the_logs_paused(snap_compare: Compare) -> None:
    """Moving up pauses, which is said aloud."""
    app, _ = staged(scenes.closed_with_reasons())
    assert snap_compare(app, terminal_size=(80, 24), press=["l", "k", "k"])


def test_the_timeline(snap_compare: Compare) -> None:
    """Waiting is light and work is dark; what came later than promised is marked."""
    app, _ = staged(scenes.end_of_boot())
    assert snap_compare(app, terminal_size=(80, 24), press=["t", "j", "j"])


def test_the_journal(snap_compare: Compare) -> None:
    """An act stands out among events, with the command that does the same below."""
    app, _ = staged(scenes.end_of_boot())
    assert snap_compare(app, terminal_size=(80, 24), press=["A", "b", "y", "7"])


def test_a_drill_under_way(snap_compare: Compare) -> None:
    """What runs, what is done and what waits: the checklist of six ways of failing."""
    app, _ = staged(drilled.under_way(), armed=True)
    assert snap_compare(app, terminal_size=(80, 24), press=["6"])


def test_a_drill_that_failed(snap_compare: Compare) -> None:
    """The verdict and the step that was too late are blocks nobody overlooks."""
    app, _ = staged(drilled.failed())
    assert snap_compare(app, terminal_size=(80, 24), press=["6", *"jjjjjjjj"])


def test_a_frozen_and_filtered_picture(snap_compare: Compare) -> None:
    """What hides or holds something is a block nobody overlooks."""
    app, _ = staged(scenes.closed_with_reasons())
    press = ["slash", *"!d1", "enter", "z", "m", "space"]
    assert snap_compare(app, terminal_size=(80, 24), press=press)


def test_a_question(snap_compare: Compare) -> None:
    """The question stands over the screen it concerns."""
    app, _ = staged(scenes.end_of_boot())
    assert snap_compare(app, terminal_size=(80, 24), press=["A", "b"])


def test_the_help_page(snap_compare: Compare) -> None:
    """The signs in help wear their colours."""
    app, _ = staged(scenes.end_of_boot())
    assert snap_compare(app, terminal_size=(80, 70), press=["question_mark"])


def test_monochrome(snap_compare: Compare) -> None:
    """Without colour the sign and its text say everything."""
    app, _ = staged(scenes.closed_with_reasons(), mono=True)
    assert snap_compare(app, terminal_size=(80, 24))


def test_ascii(snap_compare: Compare) -> None:
    """Without Unicode the stand-ins do, in the same colours."""
    app, _ = staged(scenes.closed_with_reasons(), ascii_only=True)
    assert snap_compare(app, terminal_size=(80, 24))


def test_the_deutan_theme(snap_compare: Compare) -> None:
    """Ready is blue, wrong is yellow and orange."""
    app, _ = staged(scenes.closed_with_reasons(), theme="deutan")
    assert snap_compare(app, terminal_size=(80, 24))


def test_the_contrast_theme_asks(snap_compare: Compare) -> None:
    """The question wears the theme too."""
    app, _ = staged(scenes.closed_with_reasons(), theme="contrast")
    assert snap_compare(app, terminal_size=(80, 24), press=["A", "b"])
