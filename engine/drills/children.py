"""Sandbox drills seen from outside: a process for each, two at a time, and what they found."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..replica import BadReplica, built
from ..sayings import saying
from .facts import DrillFacts
from .shape import DrillPhase, Place

AT_ONCE = 2
PATIENCE_S = 180.0
"""No drill takes so long; one that does is ended."""
_END_S = 10.0
_SAID_MAX = 400
_LINE_BYTES_MAX = 1 << 22

Heard = Callable[[str, DrillPhase, str], None]
"""Hears the drill's id, its phase and its variant."""


async def run_sandboxes(
    ids: Sequence[str], heard: Heard, done: Callable[[DrillFacts], None]
) -> tuple[DrillFacts, ...]:
    """Run these drills, two at a time; the facts in the order of the ids."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(drill_id: str) -> DrillFacts:
        async with slots:
            facts = await run_sandboxed(drill_id, heard)
            done(facts)
            return facts

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(drill_id)) for drill_id in ids]
    return tuple(task.result() for task in tasks)


async def run_sandboxed(drill_id: str, heard: Heard) -> DrillFacts:
    """One drill in a process of its own; what it could not do is its trouble."""
    with tempfile.TemporaryDirectory(prefix="cs-", ignore_cleanup_errors=True) as name:
        command = (sys.executable, "-m", "engine.drills.child", drill_id, str(Path(name)))
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
            limit=_LINE_BYTES_MAX,
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                found, said = await _heard(process, drill_id, heard)
        except TimeoutError:
            found, said = None, f"it did not end within {PATIENCE_S:.0f} s"
        finally:
            await _end(process)
    if found is None:
        return DrillFacts(drill_id, Place.SANDBOX, (), saying("itself_failed", said))
    return found


async def _heard(process: Process, drill_id: str, heard: Heard) -> tuple[DrillFacts | None, str]:
    """What it found, and the last thing it said that was no line of ours."""
    assert process.stdout is not None
    found: DrillFacts | None = None
    said = "it said nothing"
    async for line in process.stdout:
        document = _document(line)
        if document is None:
            said = line.decode("utf-8", "replace").strip()[:_SAID_MAX] or said
        elif "facts" in document:
            with suppress(BadReplica):
                facts = built(DrillFacts, document["facts"], "facts")
                found = facts if isinstance(facts, DrillFacts) else None
        else:
            heard(drill_id, DrillPhase(document["phase"]), document["variant"])
    return found, said


def _document(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


async def _end(process: Process) -> None:
    """Let go of the leash; what does not hear it is killed."""
    if process.returncode is not None:
        return
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _END_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
