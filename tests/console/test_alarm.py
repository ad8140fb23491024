"""The bell rings at the last moment it was set to, and at no other."""

from __future__ import annotations

import asyncio
from functools import partial

from console.alarm import Alarm


async def test_it_rings_once_at_the_moment_it_was_last_set_to() -> None:
    """Marks fade when nothing happens any more; each event puts that off."""
    rung: list[float] = []
    loop = asyncio.get_running_loop()
    alarm = Alarm(lambda: rung.append(loop.time()))
    for _ in range(5):
        alarm.set(0.05)
        await asyncio.sleep(0.02)
    last_s = loop.time() - 0.02
    await asyncio.sleep(0.1)

    [at_s] = rung
    assert 0.045 <= at_s - last_s <= 0.09


async def test_it_can_be_brought_forward_and_called_off() -> None:
    """A running clock wants a frame soon although a fading mark had time."""
    rung: list[str] = []
    soon, never, over = (Alarm(partial(rung.append, name)) for name in ("a", "b", "c"))
    soon.set(5.0)
    soon.set(0.01)
    never.set(0.01)
    never.set(None)
    over.set(0.01)
    over.stop()
    await asyncio.sleep(0.05)

    assert ["a"] == rung
