"""A child's leash: when the pipe at its stdin ends, whoever wanted something of it is gone."""

from __future__ import annotations

import asyncio
import sys


async def end_of_stdin() -> None:
    """Return when there is nobody any more."""
    ended = asyncio.Event()

    def look() -> None:
        if not sys.stdin.read(1):
            ended.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, look)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(sys.stdin)
