"""The engine's log lines in another process: the command `logs`, and an attached console's page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from engine import ActionRefused, EngineError

from ..logbook import LogBook
from ..lookout import Ask
from ..moments import stamped
from .errands import ASK_TIMEOUT_S, asked, loaded, run_loop, show, tell
from .exits import Exit
from .options import Options

_PAGE = 250
_PAUSE_S = 0.5


def read_logs(options: Options, process: str | None, *, is_following: bool) -> Exit:
    """What the engine still keeps; with `-f` what it says from then on, until --timeout."""
    since = _told(options, process, 0)
    if is_following:
        with suppress(TimeoutError):
            run_loop(asyncio.wait_for(_follow(options, process, since), options.timeout_s))
    return Exit.OK


@asynccontextmanager
async def borrowed_logs(look: Ask, logs: LogBook) -> AsyncIterator[None]:
    """Write the engine's lines into a log book until the block ends, whichever engine is there."""
    bringing = asyncio.create_task(_bring(look, logs), name="log lines")
    try:
        yield
    finally:
        bringing.cancel()
        await asyncio.wait((bringing,))


def _told(options: Options, process: str | None, since: int) -> int:
    """Show all there is behind a number; where the next question goes on."""
    while True:
        page = asked(options, "logs", _args(process, since))
        _show(options, page)
        since = page["reached"]
        if len(page["lines"]) < _PAGE:
            return since


async def _follow(options: Options, process: str | None, since: int) -> None:
    from engine import EngineUnreachable, call_engine

    root, boot_id, is_lost = loaded(options).data_root, "", False
    while True:
        await asyncio.sleep(_PAUSE_S)
        args = _args(process, since)
        try:
            page = call_engine(root, "logs", args, path=options.socket, timeout_s=ASK_TIMEOUT_S)
        except EngineUnreachable:
            if not is_lost:
                tell("The engine is gone; waiting for it to come back.")
            is_lost = True
            continue
        is_lost = False
        if boot_id not in ("", page["boot_id"]):
            boot_id, since = page["boot_id"], 0
            continue
        boot_id, since = page["boot_id"], page["reached"]
        _show(options, page)


async def _bring(look: Ask, logs: LogBook) -> None:
    boot_id, since = "", 0
    while True:
        try:
            page: Any = await look("logs", {"since": since})
        except (ActionRefused, EngineError):
            await asyncio.sleep(_PAUSE_S)
            continue
        if boot_id not in ("", page["boot_id"]):
            boot_id, since = page["boot_id"], 0
            continue
        boot_id, since = page["boot_id"], page["reached"]
        logs.write((o["at_ms"], o["level"], o["source"], o["text"]) for o in page["lines"])
        if len(page["lines"]) < _PAGE:
            await asyncio.sleep(_PAUSE_S)


def _args(process: str | None, since: int) -> dict[str, object]:
    return {"since": since, "process": process or "", "limit": _PAGE}


def _show(options: Options, page: Any) -> None:
    for line in page["lines"]:
        if options.is_json:
            show(json.dumps(line))
        else:
            text = " ".join(line["text"].splitlines())
            show(f"{stamped(line['at_ms'])} {line['level']:<8} {line['source']}: {text}")
