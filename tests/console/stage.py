"""A console on a stage: a scripted engine, a clock that stands still, and its screen as text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from console.app import ConsoleApp
from engine.status import Status

from .scenes import OPENED_MS, FakeClient

NOW_MS = OPENED_MS + 12_400
FLUSHED_S = 0.25
"""Longer than a flush and a drawing."""


def staged(
    now: Status,
    *,
    ascii_only: bool = False,
    mono: bool = False,
    refuses: str = "",
    now_ms: Callable[[], int] = lambda: NOW_MS,
) -> tuple[ConsoleApp, FakeClient]:
    """A console and the client it looks at."""
    client = FakeClient(now, refuses)
    return ConsoleApp(client, now_ms, ascii_only=ascii_only, mono=mono), client


async def drawn(pilot: Pilot[Any], wait_s: float = 0.0) -> list[str]:
    """The rows of the screen; after a push or a step of the clock wait for the flush."""
    await asyncio.sleep(wait_s)
    await pilot.pause()
    await pilot.pause()
    screen = pilot.app.screen
    return [strip.text.rstrip() for strip in screen._compositor.render_strips(pilot.app.size)]
