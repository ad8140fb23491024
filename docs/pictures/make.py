"""Draws the pictures of the README from the real console over a scripted engine.

Run it by hand in the project's folder after the screen has changed, and look at the diff:

    .venv/bin/python docs/pictures/make.py

The engine is one of the scenes of the tests: real statuses made by the real step function, a
clock that stands still. The console is the real one with its real keys; only the terminal is
ours, and its cells are written as SVG text, without fonts or links from elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent.parent))

from rich.cells import cell_len  # noqa: E402
from rich.segment import Segment  # noqa: E402
from rich.style import Style  # noqa: E402

from console.themes import THEMES  # noqa: E402
from engine import Status  # noqa: E402
from tests.console import scenes  # noqa: E402
from tests.console.stage import drawn, staged  # noqa: E402

_CELL_W, _CELL_H, _BASELINE, _MARGIN = 8.4, 18, 13.5, 10
_FONTS = "ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace"


class Shot(NamedTuple):
    """One picture."""

    name: str
    scene: Status
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    language: str = "en"


SHOTS = (
    Shot("console", scenes.closed_with_reasons(), (120, 30), ("n", "n", "n")),
    Shot("ready", scenes.end_of_boot(), (80, 24), ("A", "j", "j", "b")),
    Shot("reasons-uk", scenes.closed_with_reasons(), (80, 24), ("3",), "uk"),
)


async def shoot(shot: Shot) -> str:
    """The picture as SVG."""
    app, _ = staged(shot.scene, language=shot.language)
    async with app.run_test(size=shot.size) as pilot:
        await pilot.press(*shot.keys)
        await drawn(pilot)
        stack = app._background_screens
        update = app.screen._compositor.render_update(full=True, screen_stack=stack, simplify=True)
        rows = [[segment for strip in row for segment in strip] for row in update.strips]
    return "\n".join(_svg(rows, *shot.size))


def _svg(rows: list[list[Segment]], columns: int, height: int) -> Iterator[str]:
    theme = THEMES["default"]
    wide = columns * _CELL_W + 2 * _MARGIN
    high = height * _CELL_H + 2 * _MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" '
        f'font-family="{_FONTS}" font-size="14" fill="{theme.ink}" xml:space="preserve">'
    )
    yield f'<rect width="{wide:g}" height="{high:g}" rx="6" fill="{theme.ground}"/>'
    for y, row in enumerate(rows):
        yield from _row(row, _MARGIN + y * _CELL_H)
    yield "</svg>\n"


def _row(row: Iterable[Segment], top: float) -> Iterator[str]:
    column = 0
    for text, style, _ in row:
        width = cell_len(text)
        left = _MARGIN + column * _CELL_W
        column += width
        style = style or Style.null()
        ink, ground = _colours(style)
        if ground is not None:
            yield (
                f'<rect x="{left:g}" y="{top:g}" width="{width * _CELL_W:g}" '
                f'height="{_CELL_H}" fill="{ground}"/>'
            )
        if text.strip():
            yield _text(text, style, ink, left, top)


def _text(text: str, style: Style, ink: str | None, left: float, top: float) -> str:
    shown = text.rstrip()
    left += (len(shown) - len(shown.lstrip())) * _CELL_W
    shown = shown.lstrip()
    attributes = f'x="{left:g}" y="{top + _BASELINE:g}" textLength="{cell_len(shown) * _CELL_W:g}"'
    if ink is not None:
        attributes += f' fill="{ink}"'
    if style.bold:
        attributes += ' font-weight="bold"'
    if style.underline:
        attributes += ' text-decoration="underline"'
    return f'<text {attributes} lengthAdjust="spacingAndGlyphs">{escape(shown)}</text>'


def _colours(style: Style) -> tuple[str | None, str | None]:
    """Ink and ground, None where they are the picture's."""
    theme = THEMES["default"]
    ink = style.color.name.upper() if style.color else theme.ink.upper()
    ground = style.bgcolor.name.upper() if style.bgcolor else theme.ground.upper()
    if style.reverse:
        ink, ground = ground, ink
    return (
        None if ink == theme.ink.upper() else ink,
        None if ground == theme.ground.upper() else ground,
    )


def main() -> None:
    """Write every picture."""
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        os.environ.pop(name, None)
    for shot in SHOTS:
        path = FOLDER / f"{shot.name}.svg"
        path.write_text(asyncio.run(shoot(shot)), encoding="utf-8")
        print(f"{path.name}: {path.stat().st_size / 1_024:.0f} KB")


if __name__ == "__main__":
    main()
