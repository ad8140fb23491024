"""The line from the engine to the screen: ten looks a second at most, none when nothing moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine import Status

from .client import Client

FLUSH_S = 0.1
"""The least time between two pictures."""


async def follow(client: Client, show: Callable[[Status], object]) -> None:
    """Show the status now and whenever it has changed, newest only; runs until cancelled."""
    shown = client.status
    show(shown)
    while True:
        # No await between look and wait: a change cannot slip in unseen.
        if client.status is shown:
            await client.changed()
        shown = client.status
        show(shown)
        await asyncio.sleep(FLUSH_S)
