"""Passes the broker's ticks on to subscribers in Redis."""

from __future__ import annotations

import json
from dataclasses import asdict

from uds import CacheDown

from ..process import Tools


async def run(tools: Tools) -> None:
    """Publish each tick; one that Redis does not take is lost, counted and said."""
    lost_count = 0
    tools.ready()
    async for tick in tools.session.broker.ticks(tuple(tools.markets)):
        tools.ticks.publish(tick)
        try:
            await tools.store.publish_tick(tick.symbol, json.dumps(asdict(tick)).encode())
        except CacheDown:
            lost_count += 1
            tools.ready(f"{lost_count} tick{'s' if lost_count > 1 else ''} lost")
