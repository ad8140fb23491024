"""An engine whose market lives fast, with a console in its process, for `consoles` to look at.

SIGUSR1 holds the market where it is, so that screens come to rest and can be compared.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from unittest.mock import patch

from console.app import ConsoleApp
from console.client import LocalClient
from console.logbook import LogBook
from engine.log_ring import hearing
from engine.runtime import open_engine

from .endurance import BEGINS_MS, configuration
from .fast_clock import FastClock


async def host(folder: Path) -> None:
    """Until the screen is left."""
    logs = LogBook()
    with hearing(logs), patch("engine.sources.SystemClock", FastClock):
        async with open_engine(configuration(folder), BEGINS_MS) as engine:
            assert isinstance(engine.clock, FastClock)
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGUSR1, engine.clock.hold)
            app = ConsoleApp(LocalClient(engine), engine.clock.now_ms, logs=logs)
            await app.run_async(mouse=False)


if __name__ == "__main__":
    asyncio.run(host(Path(sys.argv[1])))
