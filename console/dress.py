"""How the screen is dressed: language, signs and colours, from configuration and terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .glyphs import needs_ascii
from .words import Words, language_of

if TYPE_CHECKING:
    from engine import Config


@dataclass(frozen=True, slots=True)
class Dress:
    """What a terminal and its operator want."""

    words: Words
    """In their language."""
    is_ascii: bool
    """Whether every sign is replaced by its ASCII stand-in."""
    is_mono: bool
    """Whether no colour is used."""
    theme: str
    """The colours' name."""


def dressed(config: Config, environ: Mapping[str, str], encoding: str | None) -> Dress:
    """What was asked for, else what the locale and the terminal say.

    A terminal without Unicode has no Cyrillic either: ASCII speaks English, whatever was asked.
    """
    console = config.console
    is_ascii = console.ascii
    if is_ascii is None:
        is_ascii = needs_ascii(encoding, environ.get("TERM"))
    language = "en" if is_ascii else console.lang or language_of(environ)
    is_mono = console.theme == "mono" or bool(environ.get("NO_COLOR"))
    return Dress(Words(language), is_ascii, is_mono, console.theme)
