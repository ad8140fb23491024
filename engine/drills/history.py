"""The history of drills in a data folder: what came of each, and the facts it follows from."""

from __future__ import annotations

from uds import DrillFiles

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
