"""What a boot does about a drill that a kill cut off: its way back is gone to the end, and told."""

from __future__ import annotations

from collections.abc import Mapping

from uds import DrillFiles

from ..sayings import saying
from .catalog import CATALOG
from .seam_injections import made_up
from .shape import RevertedDrill


async def take_back(files: DrillFiles, journal: Mapping[str, object], now_ms: int) -> RevertedDrill:
    """Carry out what the journal says; anything that reads otherwise is left alone.

    Raises DiskFailed.
    """
    undo = journal.get("undo")
    undo = undo if isinstance(undo, dict) else {}
    done = [saying("died")]
    if count := await _discard(files, undo):
        done.append(saying("evidence_removed", count))
    if isinstance(undo.get("server"), int):
        done.append(saying("server_ended"))
    drill_id, began_ms = str(journal.get("id")), journal.get("began_ms")
    return RevertedDrill(
        drill_id if drill_id in CATALOG else "",
        str(journal.get("variant", ""))[:40],
        str(journal.get("by", ""))[:40],
        began_ms if isinstance(began_ms, int) else None,
        "; ".join(map(str, done)),
        now_ms,
        tuple(done),
    )


async def _discard(files: DrillFiles, undo: Mapping[str, object]) -> int:
    """Remove evidence about a file that is sound; how many pieces."""
    mark, token, known = (undo.get(k) for k in ("evidence_of", "evidence_by", "known"))
    if not (isinstance(mark, str) and isinstance(token, int) and isinstance(known, list)):
        return 0
    found = made_up(await files.evidence(), frozenset(map(str, known)), mark, token)
    await files.discard(found)
    return len(found)
