"""A package's door that opens one room at a time, so that nobody waits for rooms not used.

What the console shows first must not wait for the Redis client or the HTTP server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_door(package: str, rooms: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """A module `__getattr__` that fetches each name from its room on first use."""
    room_of = {name: room for room, names in rooms.items() for name in names}

    def fetch(name: str) -> object:
        room = room_of.get(name)
        if room is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found: object = getattr(import_module(f".{room}", package), name)
        setattr(import_module(package), name, found)
        return found

    return fetch
