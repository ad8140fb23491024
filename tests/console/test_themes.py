"""Colour only helps: every theme can be read, and without colour nothing is lost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from console.dress import dressed
from console.glyphs import STATES, in_ascii
from console.lines import Look, Span
from console.paint import Brush
from console.themes import THEMES
from engine.config import ConsoleConfig
from engine.status import Status

from . import scenes
from .stage import drawn, staged

_DEUTAN = ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969))
"""How a deuteranope sees linear RGB, by the usual simulation."""


def _linear(colour: str) -> tuple[float, ...]:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return tuple(p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _as_a_deuteranope(colour: str) -> tuple[float, ...]:
    linear = _linear(colour)
    return tuple(sum(a * b for a, b in zip(row, linear, strict=True)) for row in _DEUTAN)


@pytest.mark.parametrize(("name", "least"), [("default", 5.4), ("deutan", 5.4), ("contrast", 9.0)])
def test_every_colour_stands_out_from_its_ground(name: str, least: float) -> None:
    """A projector in a bright room, a tired eye."""
    theme = THEMES[name]
    faint = {
        str(look): round(_contrast(colour, theme.ground), 2)
        for look, colour in {**theme.states, "ink": theme.ink, "dim": theme.dim}.items()
        if _contrast(colour, theme.ground) < least
    }

    assert {} == faint
    assert theme.states.keys() == STATES.keys()


def test_the_colours_are_those_of_the_design() -> None:
    """The table of the design, to the letter."""
    assert {
        Look.WAITING: "#8A8A8A",
        Look.FETCHING: "#56B4E9",
        Look.DERIVING: "#3D8BFF",
        Look.PRIMING: "#3D8BFF",
        Look.READY: "#00B98A",
        Look.STALE: "#CC79A7",
        Look.DEGRADED: "#F0C000",
        Look.FAILED: "#FF6A1F",
    } == THEMES["default"].states
    changed = {
        look: colour
        for look, colour in THEMES["deutan"].states.items()
        if colour != THEMES["default"].states[look]
    }
    assert {
        Look.DERIVING: "#56B4E9",
        Look.PRIMING: "#56B4E9",
        Look.READY: "#4C9BFF",
    } == changed


def test_ready_and_what_is_wrong_differ_for_a_deuteranope() -> None:
    """Red against green is the pair that one man in twelve cannot tell apart."""
    for name in THEMES:
        colours = THEMES[name].states
        for wrong in (Look.DEGRADED, Look.FAILED):
            seen = [_as_a_deuteranope(colours[look]) for look in (Look.READY, wrong)]
            assert 0.25 < math.dist(*seen), (name, wrong)


def test_states_differ_by_more_than_colour_in_every_theme() -> None:
    """Signs are pairwise different in Unicode and in ASCII."""
    for one, other in itertools.combinations(STATES.values(), 2):
        assert one.sign != other.sign
        assert in_ascii(one.sign) != in_ascii(other.sign)


@pytest.mark.parametrize(
    "scene", [scenes.middle_of_boot, scenes.closed_with_reasons, scenes.end_of_boot]
)
async def test_the_text_is_the_same_with_and_without_colour(scene: Callable[[], Status]) -> None:
    """Whatever the colour says, sign and word have said already."""
    seen = []
    for mono, theme in ((True, "default"), (False, "default"), (False, "deutan"), (False, "mono")):
        app, _ = staged(scene(), mono=mono, theme=theme)
        async with app.run_test(size=(120, 40)) as pilot:
            seen.append(await drawn(pilot))

    assert all(seen[0] == other for other in seen)


def test_what_stands_out_by_its_ground_ends_with_its_text() -> None:
    """A padded column must not become a block of alarm; the cursor's own block stays whole."""
    padded = Span("CORRUPT_JSONL   ", Look.FAILED)
    for mono in (False, True):
        brush = Brush(mono=mono)
        alarm, rest = list(brush.strip((padded,), 16))[:2]
        assert ("CORRUPT_JSONL", "   ") == (alarm.text, rest.text)
        assert alarm.style is not None
        assert rest.style is not None
        assert (True, False) == (bool(alarm.style.reverse), bool(rest.style.reverse))
        (whole,) = brush.strip((padded._replace(chosen=True),), 16)
        assert padded.text == whole.text


def test_without_colour_the_weights_still_tell_apart() -> None:
    """Failed is a block, degraded is heavy, what steps back is faint, fresh is underlined."""
    brush = Brush(mono=True)

    assert brush.style(Look.FAILED).reverse
    assert brush.style(Look.DEGRADED).bold
    assert brush.style(Look.DIM).dim
    assert brush.style(Look.READY, fresh=True).underline
    assert brush.style(Look.READY, chosen=True).reverse
    assert all(brush.style(look).color is None for look in Look)
    assert all(Brush(theme="mono").style(look).color is None for look in Look)


def _config(**console: Any) -> Any:
    return SimpleNamespace(console=ConsoleConfig(**console))


@pytest.mark.parametrize(
    ("config", "environ", "encoding", "language", "is_ascii", "is_mono"),
    [
        ({}, {"LANG": "uk_UA.UTF-8", "TERM": "xterm"}, "utf-8", "uk", False, False),
        ({"lang": "en"}, {"LANG": "uk_UA.UTF-8", "TERM": "xterm"}, "utf-8", "en", False, False),
        ({"lang": "uk"}, {"LANG": "C", "TERM": "xterm"}, "utf-8", "uk", False, False),
        ({"lang": "uk"}, {"TERM": "linux"}, "utf-8", "en", True, False),
        ({"lang": "uk"}, {"TERM": "xterm"}, "iso-8859-5", "en", True, False),
        ({"ascii": False, "lang": "uk"}, {"TERM": "linux"}, "utf-8", "uk", False, False),
        ({"ascii": True}, {"TERM": "xterm"}, "utf-8", "en", True, False),
        ({}, {"NO_COLOR": "1", "TERM": "xterm"}, "utf-8", "en", False, True),
        ({}, {"NO_COLOR": "", "TERM": "xterm"}, "utf-8", "en", False, False),
        ({"theme": "mono"}, {"TERM": "xterm"}, "utf-8", "en", False, True),
    ],
)
def test_what_is_asked_for_wins_over_what_the_terminal_says(
    config: Mapping[str, Any],
    environ: Mapping[str, str],
    encoding: str,
    language: str,
    is_ascii: bool,
    is_mono: bool,
) -> None:
    """A locale is a guess; ASCII cannot spell Ukrainian, so it speaks English."""
    dress = dressed(_config(**config), environ, encoding)

    assert (language, is_ascii, is_mono) == (dress.words.language, dress.is_ascii, dress.is_mono)
