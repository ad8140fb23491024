"""An engine that is being opened behind a screen: the picture comes first, and holds up nothing."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys

from console.opening import OpeningClient
from console.uncollected import collected, uncollected
from console.words import Words

from . import scenes
from .scenes import OPENED_MS

LATER = ("numpy", "engine.process", "engine.supervisor", "engine.runtime", "uds.codec", "starlette")
"""What an engine needs and a first picture does not."""


def an_opening() -> OpeningClient:
    """Before there is an engine."""
    return OpeningClient(scenes.cold(), lambda: OPENED_MS, Words())


async def test_the_engine_is_loaded_behind_the_first_picture() -> None:
    """One interpreter that does both at once shows the operator nothing for longer."""
    client = an_opening()
    waiting = asyncio.create_task(client.picture(60.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    client.shown()
    await waiting


async def test_a_terminal_that_takes_no_picture_keeps_no_engine_from_opening() -> None:
    """The screen is a guest: a stalled line must not cost a start."""
    await asyncio.wait_for(an_opening().picture(0.01), 5.0)


def test_what_the_first_picture_is_made_of_loads_no_engine() -> None:
    """Half a second on a slow host, in which nothing is to be seen."""
    asked = (
        f"import sys, console.terminal.siblings; print([m for m in {LATER!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert "[]" == done.stdout.strip(), done.stderr


def test_a_command_that_runs_has_its_garbage_collected() -> None:
    """Loading goes without; an engine that went on without would fill the memory."""
    asked = (
        "import atexit, gc, sys; from console.__main__ import run; sys.argv[1:] = ['status', '-x'];"
        "atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 1_000)); run()"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert "True True" == done.stdout.strip(), done.stderr


def test_the_collector_rests_while_things_are_loaded() -> None:
    """A pass over a heap that only grows finds nothing, and takes a tenth of a start."""
    uncollected()
    assert not gc.isenabled()
    collected()
    assert gc.isenabled()
