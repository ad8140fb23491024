"""A run told in words: when, who, what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_TEXT_MAX = 240


def told(story: Iterable[tuple[int, str, str]]) -> Iterator[str]:
    """One line for each thing that happened."""
    for at_us, who, what in story:
        text = what if len(what) <= _TEXT_MAX else f"{what[:_TEXT_MAX]}…"
        yield f"{at_us / 1e6:12.6f} s  {who:9} {text}"
