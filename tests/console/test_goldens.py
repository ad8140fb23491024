"""Whole screens as text; write them anew with COLDSTART_GOLDENS=rewrite and read the diff."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine.status import Status

from . import drilled, scenes
from .stage import drawn, staged

GOLDENS = Path(__file__).parent / "goldens"


def _many_symbols() -> Status:
    now = scenes.cold([f"MKT{number:02d}" for number in range(1, 41)], market="replay")
    return scenes.sealed(scenes.started(now, scenes.OPENED_MS), "MKT20", scenes.OPENED_MS)


SCREENS = {
    "start_80x24": (scenes.start_of_boot, (80, 24), ()),
    "middle_80x24": (scenes.middle_of_boot, (80, 24), ()),
    "end_80x24": (scenes.end_of_boot, (80, 24), ()),
    "reasons_80x24": (scenes.closed_with_reasons, (80, 24), ()),
    "reasons_72x20": (scenes.closed_with_reasons, (72, 20), ()),
    "reasons_120x30": (scenes.closed_with_reasons, (120, 30), tuple("jjjjjj")),
    "reasons_160x48": (scenes.closed_with_reasons, (160, 48), tuple("jjjjjj")),
    "reasons_250x60": (scenes.closed_with_reasons, (250, 60), ("j",)),
    "processes_80x24": (scenes.closed_with_reasons, (80, 24), ("tab", "j", "j")),
    "confirm_80x24": (scenes.end_of_boot, (80, 24), ("A", "j", "b")),
    "phrase_80x24": (scenes.end_of_boot, (80, 24), ("A", "B", *"al")),
    "command_80x24": (scenes.end_of_boot, (80, 24), ("A", "colon", *"re")),
    "palette_80x24": (scenes.end_of_boot, (80, 24), ("ctrl+p", *"re", "down")),
    "help_80x24": (scenes.end_of_boot, (80, 24), ("question_mark",)),
    "many_symbols_80x24": (_many_symbols, (80, 24), tuple("j" * 19)),
    "filtered_80x24": (scenes.closed_with_reasons, (80, 24), ("slash", *"usd !d1", "enter", "z")),
    "typing_a_filter_80x24": (scenes.closed_with_reasons, (80, 24), ("slash", *"state:ready")),
    "milliseconds_frozen_80x24": (scenes.middle_of_boot, (80, 24), ("m", "m", "m", "space")),
    "page_processes_80x24": (scenes.closed_with_reasons, (80, 24), ("2", "j", "j")),
    "page_reasons_80x24": (scenes.closed_with_reasons, (80, 24), ("3", "j", "j")),
    "page_reasons_160x48": (scenes.closed_with_reasons, (160, 48), ("3",)),
    "page_timeline_80x24": (scenes.end_of_boot, (80, 24), ("t", "j", "j", "j")),
    "page_timeline_160x48": (scenes.end_of_boot, (160, 48), ("4", *"jjjjjj")),
    "page_timeline_60x15": (scenes.end_of_boot, (60, 15), ("4",)),
    "page_logs_80x24": (scenes.closed_with_reasons, (80, 24), ("l", "k", "k")),
    "page_journal_80x24": (scenes.end_of_boot, (80, 24), ("A", "b", "y", "7")),
    "page_drills_80x24": (drilled.remembered, (80, 24), ("6",)),
    "page_drills_160x48": (drilled.passed, (160, 48), ("6", *"jjjjjjjj")),
    "page_drills_running_80x24": (drilled.under_way, (80, 24), ("6",)),
    "page_drills_running_71x19": (drilled.under_way, (71, 19), ("6",)),
    "page_drills_failed_80x24": (drilled.failed, (80, 24), ("6", *"jjjjjjjj")),
    "page_drill_80x24": (drilled.failed, (80, 24), ("6", *"jjjjjjjj", "enter")),
    "page_drill_160x48": (drilled.under_way, (160, 48), ("6", "enter")),
    "drill_phrase_80x24": (drilled.remembered, (80, 24), ("A", "6", *"jjjjjjjj", "f", "F")),
    "drilling_80x24": (drilled.under_way, (80, 24), ()),
    "page_xray_160x48": (scenes.end_of_boot, (160, 48), ("right", "enter")),
    "page_xray_72x60": (scenes.end_of_boot, (72, 60), ("right", "enter")),
    "page_xray_below_80x24": (scenes.closed_with_reasons, (80, 24), ("enter", "pagedown")),
    "page_xray_80x24": (scenes.closed_with_reasons, (80, 24), (*"jjjjjj", "enter")),
    "told_80x24": (scenes.told_in_codes, (80, 24), ()),
    "page_reasons_told_80x24": (scenes.told_in_codes, (80, 24), ("3",)),
    "page_reasons_72x20": (scenes.closed_with_reasons, (72, 20), ("3",)),
    "page_logs_40x10": (scenes.closed_with_reasons, (40, 10), ("l",)),
    "compact_71x19": (scenes.closed_with_reasons, (71, 19), ()),
    "compact_30x8": (scenes.closed_with_reasons, (30, 8), ()),
}
UKRAINIAN = (
    "reasons_80x24",
    "reasons_160x48",
    "told_80x24",
    "page_reasons_told_80x24",
    "confirm_80x24",
    "phrase_80x24",
    "palette_80x24",
    "help_80x24",
    "filtered_80x24",
    "page_processes_80x24",
    "page_reasons_80x24",
    "page_xray_80x24",
    "page_timeline_80x24",
    "page_drills_80x24",
    "page_drills_running_80x24",
    "page_drill_80x24",
    "compact_71x19",
)


def _compare(name: str, rows: list[str]) -> None:
    path = GOLDENS / f"{name}.txt"
    text = "\n".join(rows) + "\n"
    if os.environ.get("COLDSTART_GOLDENS") == "rewrite":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, f"compare {path.name} with what is drawn"


@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_reads_as_it_did(name: str) -> None:
    """A change of layout must be seen in a diff and meant."""
    make, size, keys = SCREENS[name]
    app, _ = staged(make())
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys)
        rows = await drawn(pilot)

    _compare(name, rows)
    assert size[1] == len(rows)
    assert size[0] >= max(map(cell_len, rows))


@pytest.mark.parametrize("name", UKRAINIAN)
async def test_the_screen_reads_as_well_in_ukrainian(name: str) -> None:
    """Longer words must neither push figures off the screen nor break the columns."""
    make, size, keys = SCREENS[name]
    app, _ = staged(make(), language="uk")
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys)
        rows = await drawn(pilot)

    _compare(f"uk_{name}", rows)
    assert size[0] >= max(map(cell_len, rows))


@pytest.mark.parametrize(
    "name",
    [
        "reasons_80x24",
        "confirm_80x24",
        "phrase_80x24",
        "page_logs_80x24",
        "filtered_80x24",
        "page_timeline_80x24",
        "page_drills_running_80x24",
    ],
)
async def test_without_unicode_every_sign_has_its_stand_in(name: str) -> None:
    """A terminal that cannot draw the signs must still tell the states apart."""
    make, size, keys = SCREENS[name]
    app, _ = staged(make(), ascii_only=True)
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys)
        rows = await drawn(pilot)

    assert "".join(rows).isascii()
    _compare(f"ascii_{name}", rows)
