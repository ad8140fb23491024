"""An engine in a process of its own, for drills that stop, continue and kill one.

Run as `python -m engine.drills.node JOB`, the job being JSON. It prints a line once its API
listens, and one when the fault it was given befell something; the end of stdin ends it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from uds import Fault, FaultKind, FolderLocked

from .leash import end_of_stdin
from .sandbox import Sandbox, opened, sandbox_config

REFUSED = 5
_POLL_S = 0.01


async def run(job: dict[str, Any]) -> int:
    """Until stdin ends; the exit code."""
    config = sandbox_config(Path(job["data_root"]), job["changes"])
    try:
        async with opened(config, job["at_ms"]) as sandbox:
            if job["hangs_at"]:
                fault = Fault(FaultKind.SLOW, job["hangs_at"], job["subject"], delay_s=3_600.0)
                sandbox.scene.seams.plan.arm("node", fault)
            telling = asyncio.create_task(_tell(sandbox), name="node tells")
            await end_of_stdin()
            telling.cancel()
    except FolderLocked as error:
        _print(refused=str(error))
        return REFUSED
    return 0


async def _tell(sandbox: Sandbox) -> None:
    board, plan = sandbox.engine.board, sandbox.scene.seams.plan
    status = await board.until(lambda status: status.api_port is not None)
    _print(token=status.owner_token, boot_id=status.boot_id, port=status.api_port)
    while not plan.injected("node"):
        await asyncio.sleep(_POLL_S)
    _print(hit=True)


def _print(**document: object) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(run(json.loads(sys.argv[1]))))
