"""The process that a sandbox drill runs in: `python -m engine.drills.child ID FOLDER`.

It prints a JSON line for each phase and at last one with the facts. When stdin ends, whoever
wanted to know is gone, and so is it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from ..replica import plain
from .catalog import CATALOG
from .facts import DrillFacts
from .leash import end_of_stdin
from .sandbox import run_sandbox
from .shape import DrillPhase


async def run(drill_id: str, folder: Path) -> DrillFacts | None:
    """The drill, unless stdin ends before."""
    drilling = asyncio.create_task(run_sandbox(CATALOG[drill_id], folder, _tell))
    leaving = asyncio.create_task(end_of_stdin())
    await asyncio.wait((drilling, leaving), return_when=asyncio.FIRST_COMPLETED)
    if not drilling.done():
        drilling.cancel()
        await asyncio.wait((drilling,))
        return None
    leaving.cancel()
    return drilling.result()


def _tell(phase: DrillPhase, variant: str) -> None:
    _print(phase=phase.value, variant=variant)


def _print(**document: object) -> None:
    print(json.dumps(document), flush=True)


def main() -> int:
    """The process."""
    facts = asyncio.run(run(sys.argv[1], Path(sys.argv[2])))
    if facts is None:
        return 1
    _print(facts=plain(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
