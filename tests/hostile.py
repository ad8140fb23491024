"""Five hundred texts that a broker, a file or an exception might bring to harm a terminal."""

from __future__ import annotations

import unicodedata
from random import Random

COUNT = 500
_PIECES = (
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[H",
    "\x1b]0;owned\x07",
    "\x1b]52;c;b3duZWQ=\x07",
    "\x1b]52;c;b3duZWQ=\x1b\\",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "\x1bP1$r0m\x1b\\",
    "\x1b_Gi=1;AAAA\x1b\\",
    "\x1b^pm\x1b\\",
    "\x1bc",
    "\x1b[?1049l",
    "\x1b[?1000h",
    "\x1b[6n",
    "\x1b[c",
    "\x1b[21t",
    "\x1b[3;1H\x1b[K",
    "\x1b(0lqqk",
    "\x1b",
    "\x9b31m",
    "\x9d52;c;b3duZWQ=\x9c",
    "\x90q\x9c",
    "\x85",
    "\x07\x07",
    "\x08\x08\x08",
    "\r",
    "\n",
    "\r\n\t\v\f",
    "\x00",
    "\x7f",
    "\x0e\x0f",
    "\x11\x13",
    "[bold]no markup[/bold]",
    "[/]",
    "[",
    "\\[",
    "[link=http://evil]x[/link]",
    "[@click=app.quit]x[/]",
    "[red on blue",
    "{0} {name} %s %n $(id) `id`",
    "\u202eevil\u202c",
    "\u2066\u2067\u2068\u2069",
    "\u200e\u200f\u061c",
    "\u200b\u200c\u200d\ufeff",
    "\u00ad",
    "\u2028\u2029",
    "Z\u0334\u0335\u0336\u0337\u0338algo\u0489",
    "e\u0301",
    "\u20dd\u20e3",
    "日本語",
    "🙂👨‍👩‍👧🏽",
    "ﷺ" * 3,
    "\ud800",
    "\udfff\udc80",
    "\udc1b[31m",
    "\ufffe\uffff",
    "\ue000\U000f0000",
    "\U000e0041\U000e007f",
    "\u3164\u115f",
    "x" * 10_000,
    "日" * 10_000,
    "\x1b[31m" * 2_000,
    "\u0301" * 10_000,
    "\u202e" * 10_000,
    " " * 10_000 + "end",
    "",
    "../../etc/passwd",
    "-rf",
    "'; DROP TABLE bars; --",
    "<script>alert(1)</script>&amp;",
    "\"quoted\" 'and' \\n",
)


def _texts() -> tuple[str, ...]:
    random, found = Random(6), list(_PIECES)
    short = [piece for piece in _PIECES if len(piece) < 50]
    while len(found) < COUNT:
        count = random.randint(2, 6)
        text = "".join(random.choice((*short, "XAU/USD", " ", "a")) for _ in range(count))
        if text not in found:
            found.append(text)
    return tuple(found)


HOSTILE = _texts()
"""The same ones in every run."""


def steering(text: str) -> list[str]:
    """The characters in a text that could steer a terminal, hide, or are half a character."""
    return [c for c in text if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"]
