"""Numbers as people read them, in sentences of the engine and on every screen."""

from __future__ import annotations


def grouped(count: float) -> str:
    """A whole number in groups of three digits, parted by a space: `4 320`."""
    return f"{count:,.0f}".replace(",", " ")
