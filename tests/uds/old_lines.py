"""Lines as the platform of before writes them."""

from __future__ import annotations

import json
from typing import Any

from .samples import GOLD, minute


def record(index: int, **changed: Any) -> dict[str, Any]:
    """A line of the old platform for gold's `index`-th minute; None takes a key out."""
    price = 2_000.0 + index
    found = {
        "symbol": GOLD,
        "tf_s": 60,
        "open_time_ms": minute(index),
        "close_time_ms": minute(index + 1),
        "o": price,
        "h": price + 1,
        "low": price - 1,
        "c": price + 0.5,
        "v": 7,
        "complete": True,
        "src": "history",
        "extensions": {},
        **changed,
    }
    return {name: value for name, value in found.items() if value is not None}


def text(*records: dict[str, Any] | str | bytes) -> bytes:
    """Records, or lines as they are, as one file."""
    lines = [r if isinstance(r, bytes) else r.encode() for r in map(_line, records)]
    return b"".join(line + b"\n" for line in lines)


def _line(found: dict[str, Any] | str | bytes) -> str | bytes:
    return json.dumps(found, separators=(",", ":")) if isinstance(found, dict) else found
