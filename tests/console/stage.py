"""A console on a stage: a scripted engine, a clock that stands still, and its screen as text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from console.app import ConsoleApp
from console.commands import Keys
from console.logbook import LogBook
from console.words import Words
from engine import catalog_document
from engine.status import Status

from . import boots, scenes, xrays
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
    language: str = "en",
    theme: str = "default",
    logs: LogBook | None = None,
    armed: bool = False,
    keys: Keys | None = None,
    is_host: bool = True,
) -> tuple[ConsoleApp, FakeClient]:
    """A console and the client it looks at."""
    client = FakeClient(now, refuses, is_armed=armed)
    client.answers["timeline"] = boots.timeline_of_a_boot()
    client.answers["host"] = scenes.use_of_the_host()
    client.answers["xray"] = xrays.answered
    client.answers["drills"] = catalog_document()
    app = ConsoleApp(
        client,
        now_ms,
        ascii_only=ascii_only,
        mono=mono,
        words=Words(language),
        theme=theme,
        logs=logs or scenes.log_of_a_boot(),
        host=client if is_host else None,
        keys=keys,
    )
    return app, client


async def drawn(pilot: Pilot[Any], wait_s: float = 0.0) -> list[str]:
    """The rows of the screen; after a push or a step of the clock wait for the flush."""
    await asyncio.sleep(wait_s)
    await pilot.pause()
    await pilot.pause()
    app = pilot.app
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    return ["".join(strip.text for strip in row).rstrip() for row in update.strips]
