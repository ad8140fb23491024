"""Spoils the state files of a medium, and knows what a start must say of those it finds.

Who judges must not ask the product what it believes. So nothing is parsed here: a file that the
engine wrote is good, and bytes that were put in its place are bad as long as they lie there;
where there were two and both were removed, they are missed.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from random import Random

from ..degraded import DegradedCode

STATE = "_derived_tail_state.json"
"""The checkpoint of all symbols, as the design names it."""
STATE_PREVIOUS = f"{STATE}.prev"
"""The one before it."""
SPOILED = ("current", "both", "previous")
"""Which of them can be spoiled."""
REMOVED = "removed"
"""Instead of that both may be taken away."""
_PATHS = {"current": (STATE,), "previous": (STATE_PREVIOUS,), "both": (STATE, STATE_PREVIOUS)}
_DIGITS = b"0123456789"


class StateFiles:
    """What was done to the state files of one medium."""

    def __init__(self, files: MutableMapping[str, bytes]) -> None:
        self._files = files
        self._spoiled: set[bytes] = set()
        self._are_removed = False

    def spoil(self, which: str, random: Random) -> tuple[str, ...]:
        """Damage these, or remove both; returns the paths of those there were."""
        if which == REMOVED:
            return self._remove()
        found = tuple(path for path in _PATHS[which] if self._files.get(path))
        for path in found:
            bad = _spoiled(self._files[path], random)
            self._spoiled.add(bad)
            self._files[path] = bad
        return found

    def must_say(self) -> DegradedCode | None:
        """What a start that reads them now must say; None when nothing."""
        current, previous = self._files.get(STATE), self._files.get(STATE_PREVIOUS)
        if current is None and previous is None:
            return DegradedCode.STATE_REBUILT if self._are_removed else None
        if self._is_good(current):
            return None
        is_second_good = self._is_good(previous)
        return DegradedCode.STATE_FALLBACK_PREV if is_second_good else DegradedCode.STATE_REBUILT

    def _remove(self) -> tuple[str, ...]:
        """Take both away, if there is one before: who has saved once may not know it yet."""
        if STATE_PREVIOUS not in self._files:
            return ()
        self._are_removed = True
        both = tuple(path for path in _PATHS["both"] if path in self._files)
        for path in both:
            del self._files[path]
        return both

    def _is_good(self, data: bytes | None) -> bool:
        return data is not None and data not in self._spoiled


def _spoiled(data: bytes, random: Random) -> bytes:
    """Another digit somewhere, which only a checksum can notice; or an end that is missing."""
    digits = [at for at, byte in enumerate(data) if byte in _DIGITS]
    if not digits or random.random() < 0.3:
        return data[: random.randrange(len(data))]
    at = random.choice(digits)
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
