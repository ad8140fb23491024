"""What Redis answered a fenced function: a word, a pointer, or the error that it stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .errors import CacheRegressed, Fenced, UdsError
from .model import Generation
from .ports import Pointer
from .told import told

_FENCED = "FENCED"
_WORD_MAX = 60
_SEQ = re.compile(rb"[0-9]{1,15}")


def word_in(reply: object) -> str:
    """The word a reply is, or begins with; of anything else what it looks like."""
    first = reply[0] if isinstance(reply, list) and reply else reply
    said = first.decode("ascii", "replace") if isinstance(first, bytes) else repr(first)
    return (said if said.isprintable() else repr(said))[:_WORD_MAX]


def pointer_in(parts: Sequence[object]) -> Pointer | None:
    """generation, seq and previous as Redis holds them; None without a generation.

    Raises ValueError when they are no pointer.
    """
    generation, seq, previous = parts
    if generation is None:
        return None
    if not isinstance(seq, bytes) or not _SEQ.fullmatch(seq):
        raise ValueError(f"{seq!r} is not a number of extensions")
    before = _generation(previous) if previous else None
    return Pointer(_generation(generation), int(seq), before)


def obey(words: Sequence[str], doing: str, where: str) -> None:
    """Raise what the gravest word stands for; who is fenced must not hear of a loss first."""
    for word in sorted(words, key=_FENCED.__ne__):
        if word != "OK":
            raise refusal(word, doing, where)


def refusal(word: str, doing: str, where: str) -> UdsError:
    """What any word but OK stands for."""
    if word == _FENCED:
        return Fenced(told("redis_owned", where), hint=told("redis_owned_remedy"))
    return CacheRegressed(f"Could not {doing} {where}: it answered {word}.")


def _generation(text: object) -> Generation:
    if not isinstance(text, bytes):
        raise ValueError(f"{text!r} is not a generation")
    return Generation.parse(text.decode("ascii", "backslashreplace"))
