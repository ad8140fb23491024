"""Whatever a terminal sends becomes text, and only keys are left in it."""

from __future__ import annotations

import random

import pytest
from textual._xterm_parser import XTermParser
from textual.events import Key, Paste

from console.terminal.keystrokes import Keystrokes

BLANKED = {
    "a report past column 95": (b"a\x1b[M\x20\xff\x80b", ["a", "b"]),
    "a report whose bytes are one character of UTF-8": (b"\x1b[M\x20\xc3\xa4q", ["q"]),
    "a report with escapes in it": (b"\x1b[M\x1b\x1b\x1bj", ["j"]),
    "a report with keys in it": (b"\x1b[Mqrbj", ["j"]),
    "one report after the other": (b"\x1b[M\xff\xff\xff" * 3 + b"j", ["j"]),
    "letters of another alphabet": ("йц".encode(), ["й", "ц"]),
    "keys that are sequences": (b"\x1b[1;5A\x1bOP", ["ctrl+up", "f1"]),
    "what only begins like a report": (b"\x1b\x1b[Aj", ["escape", "up", "j"]),
    "a paste with colours in it": (b"\x1b[200~q\x1b[31mred\x1bqd\x1b[0m\x1b\x1b[201~j", ["j"]),
    "a paste that ends as it begins": (b"\x1b[200~\x1b[200~a\x1b[201~j\x1b[200~b\x1b[201~", ["j"]),
    "bytes of no character": (b"a\xffb", ["a", "replacement_character", "b"]),
}
REPLIES = {
    "a reply about colours": (b"\x1b]11;rgb:dddd/dddd/dddd\x07k", ["k"]),
    "a reply ended by a string terminator": (b"\x1bP1$r0m\x1b\\k", ["k"]),
}


def _keys(*texts: str) -> list[str]:
    """The keys that a parser makes of it."""
    parser = XTermParser()
    found = [event for text in texts if text for event in parser.feed(text)]
    return [event.key for event in found if isinstance(event, Key)]


@pytest.mark.parametrize("name", [*BLANKED, *REPLIES])
def test_what_is_no_key_does_not_become_one(name: str) -> None:
    """The screen died of a mouse past column 95; a lax decoder would take the next key with it."""
    data, expected = (BLANKED | REPLIES)[name]

    assert expected == _keys(Keystrokes().text(data))


@pytest.mark.parametrize("name", BLANKED)
def test_it_does_not_matter_where_reading_cuts(name: str) -> None:
    """A terminal's bytes come in any portions."""
    data, expected = BLANKED[name]
    keystrokes = Keystrokes()

    assert expected == _keys(*(keystrokes.text(bytes([byte])) for byte in data))


def test_what_is_pasted_arrives_as_text() -> None:
    """Into the line behind the colon a name may be pasted; its colours are no part of it."""
    found = XTermParser().feed(Keystrokes().text(b"\x1b[200~XAU\x1b[1m/USD\n\x1b[201~j"))

    assert ["XAU[1m/USD\n"] == [event.text for event in found if isinstance(event, Paste)]


def test_noise_never_raises_and_keys_after_it_are_keys() -> None:
    """A stuck line must not be able to end the screen."""
    chance = random.Random(11)
    for _ in range(300):
        keystrokes = Keystrokes()
        noise = bytes(chance.choices(range(256), k=chance.randrange(1, 40)))

        assert (keystrokes.text(noise) + keystrokes.text(b"......j")).endswith("j")
