"""What the test of raw bytes runs in its terminal: all hostile texts, by every way to a screen."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import suppress
from pathlib import Path

from console.app import ConsoleApp
from console.clean import defusing
from console.logbook import LogBook
from console.messages import Told
from console.pages import Page
from console.shell.errands import loaded, show
from console.shell.options import Options
from console.shell.stderr_log import logging_to_stderr
from console.shell.storing import bring_in
from tests.console import scenes
from tests.console.scenes import OPENED_MS, FakeClient
from tests.console.test_hostile_text import after
from tests.hostile import HOSTILE

_DRAWN_S = 0.13
"""Longer than a flush."""
_BATCH = 100
_IMPORTED = 10
"""Every so many names are imported too, which is slow."""


def commands(folder: Path) -> None:
    """As symbols of a configuration, names of files, log records, sentences and answers."""
    sys.stderr = defusing(sys.stderr)
    with logging_to_stderr():
        say_all(folder)


def say_all(folder: Path) -> None:
    """Each of the texts in each of the places."""
    config = folder / "config.json"
    options = Options(data=folder / "data")
    for at, text in enumerate(HOSTILE):
        config.write_text(json.dumps({"symbols": [text]}))
        with suppress(SystemExit):
            loaded(Options(config=config))
        file = folder / f"x{text}"
        with suppress(SystemExit):
            loaded(Options(config=file))
        if at % _IMPORTED == 0:
            with suppress(SystemExit):
                bring_in(options, file, None, None, None, is_replacing=False)
        logging.getLogger("engine.hostile").warning("the broker said %s", text)
        show(text)


async def screen() -> None:
    """As a broker's errors, scopes, exceptions, acts and log lines, on every page."""
    book = LogBook()
    client = FakeClient(scenes.started(scenes.cold(["XAU/USD", "NGAS"]), OPENED_MS))
    app = ConsoleApp(client, lambda: OPENED_MS, ascii_only=False, mono=False, logs=book)
    running = asyncio.create_task(app.run_async(mouse=False))
    await asyncio.sleep(0.5)
    for at in range(0, len(HOSTILE), _BATCH):
        texts = HOSTILE[at : at + _BATCH]
        book.write((OPENED_MS, "ERROR", text, text) for text in texts)
        client.push(after(texts))
        for page in Page:
            app._home.action_visit(page.value)
            app.post_message(Told(texts[len(page.value)]))
            await asyncio.sleep(_DRAWN_S)
    app.exit()
    await running


if __name__ == "__main__":
    if sys.argv[1] == "screen":
        asyncio.run(screen())
    else:
        commands(Path(sys.argv[2]))
    print("THE END")
