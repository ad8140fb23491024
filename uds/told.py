"""What this floor's commonest failures say, as codes with arguments; the sentences stand here once.

A screen in another language translates by the code; str() is the English that logs, files and
the wire have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

UDS_SAYINGS: Mapping[str, str] = {
    "redis_silent": "Redis did not answer within {0} s ({1}).",
    "redis_away": "Redis cannot be reached ({0}).",
    "redis_remedy": "Start it, correct redis.url, or remove redis.url for the embedded server.",
    "redis_replaced": "{0} was restarted or replaced.",
    "redis_emptied": "{0} lost our functions.",
    "redis_refused": "{0} refused a command: {1}.",
    "redis_unlike": "{0} does not answer as Redis does: {1}.",
    "server_unspawned": "The embedded server could not be started: {0}.",
    "server_unstarted": "The embedded server did not start; it said: {0}.",
    "server_remedy": "Valkey, or Redis 7 or newer, is needed.",
    "disk_failed": "{0}: could not {1} {2}.",
    "disk_full_remedy": "Free space on the data folder's disk.",
    "disk_remedy": "Check the disk and the rights of the data folder.",
    "export_remedy": "Free or open {0}, or choose another folder with --out.",
    "state_gone": "{0} and {1} are missing, though one was saved.",
    "state_missing": "{0} cannot be used: it is missing.",
    "state_bad": "{0} cannot be used: {1}.",
    "manifest_bad": "the manifest {0} of {1} cannot be used: {2}.",
    "owner_later": "Owner {0} took the data folder from owner {1}.",
    "owner_remedy": "Use the engine that owns it now.",
    "redis_owned": "{0} has another owner: a later one, or one from a copy of this data folder.",
    "redis_owned_remedy": "Use the engine that owns it now, or give this one a redis.namespace "
    "of its own.",
}
"""Sentences by code; what stands in braces are the arguments in their order."""


class Told(NamedTuple):
    """One sentence of the table."""

    code: str
    """Which."""
    args: tuple[str, ...] = ()
    """What stands in the braces."""

    def __str__(self) -> str:
        """In English."""
        return UDS_SAYINGS[self.code].format(*self.args)


def told(code: str, *args: object) -> Told:
    """One of the table; an argument is written as it is."""
    return Told(code, tuple(map(str, args)))
