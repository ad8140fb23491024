"""A package's door that opens one room at a time, so that nobody waits for rooms not used.

What the console shows first must not wait for the Redis client or the HTTP server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_door(module: str, rooms: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """A module `__getattr__` that fetches each name from its room on first use.

    The rooms of a package are inside it, those of another module beside it.
    """
    room_of = {name: room for room, names in rooms.items() for name in names}

    def fetch(name: str) -> object:
        room = room_of.get(name)
        if room is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        door = import_module(module)
        found: object = getattr(import_module(f".{room}", door.__package__), name)
        setattr(door, name, found)
        return found

    return fetch
