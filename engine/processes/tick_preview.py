"""Says ready and rests: previews from ticks are not formed in this version."""

from __future__ import annotations

import asyncio

from ..process import Tools


async def run(tools: Tools) -> None:
    """Be there, so that the process table is the platform's."""
    tools.ready("idle")
    await asyncio.Event().wait()
