"""The history of drills in a data folder: what came of each, and the facts it follows from.

A drill in a sandbox is run by another process, which writes its outcome beside a running engine.
"""

from __future__ import annotations

from uds import DrillFiles

from ..board import StatusBoard
from ..events import DrillsRemembered
from ..replica import BadReplica, built, plain
from .facts import DrillFacts
from .shape import DrillOutcome


async def keep_outcome(
    files: DrillFiles, outcome: DrillOutcome, facts: DrillFacts | None = None
) -> None:
    """Add one; raises DiskFailed."""
    found = plain(outcome)
    assert isinstance(found, dict)
    variants = [] if facts is None else [one.document() for one in facts.variants]
    await files.keep(outcome.ended_ms, outcome.id, {"schema": 1, **found, "facts": variants})


async def remembered(files: DrillFiles, count: int) -> tuple[DrillOutcome, ...]:
    """The newest ones that this version can read, oldest first; raises DiskFailed."""
    found = []
    for document in await files.outcomes(count):
        try:
            outcome = built(DrillOutcome, document, "outcome")
        except BadReplica:
            continue
        assert isinstance(outcome, DrillOutcome)
        found.append(outcome)
    return tuple(found)


class History:
    """What the status has of the history: it follows what the folder gets from anybody."""

    def __init__(self, files: DrillFiles, board: StatusBoard, kept: int) -> None:
        self._files = files
        self._board = board
        self._kept = kept
        self._names: tuple[str, ...] = ()

    async def follow(self) -> None:
        """Read the folder if it has other pages than before; raises DiskFailed.

        An outcome that is known and could not be written stays.
        """
        names = await self._files.names()
        if names == self._names:
            return
        read = await remembered(self._files, self._kept)
        self._names = names
        known = self._board.status.drills
        unwritten = (one for one in known if one not in read)
        found = sorted((*read, *unwritten), key=lambda one: one.ended_ms)[-self._kept :]
        if tuple(found) != known:
            self._board.post(DrillsRemembered(tuple(found)))
