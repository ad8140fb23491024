"""The screen in front of an engine in another process: it only looks until it is armed.

Whatever becomes of the engine, the screen stays with the last picture; whatever becomes of the
screen, the engine does not notice.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine import hearing

from .app import ConsoleApp
from .dress import dressed
from .keys import keys_from
from .logbook import LogBook
from .remote_client import followed
from .shell.exits import Exit
from .shell.reading_logs import borrowed_logs
from .terminal.keeper import Complaints, Keeper, Parting

if TYPE_CHECKING:
    from engine import Config


async def attach_console(
    config: Config, path: Path, *, is_read_only: bool, is_mouse: bool
) -> tuple[Exit, str]:
    """Until the operator leaves; why there is no screen any more, where that was not their wish.

    Raises EngineUnreachable when no engine answers to begin with.
    """
    dress = dressed(config, os.environ, sys.stdout.encoding)
    keys, complaints = keys_from(config.console.keys), Complaints()
    logs = LogBook()
    with hearing(logs):
        async with (
            followed(path, is_read_only=is_read_only) as client,
            borrowed_logs(client.look, logs),
        ):

            def screen() -> ConsoleApp:
                return ConsoleApp(
                    client,
                    client.now_ms,
                    ascii_only=dress.is_ascii,
                    mono=dress.is_mono,
                    theme=dress.theme,
                    words=dress.words,
                    logs=logs,
                    complaints=complaints,
                    keys=keys,
                    config=config,
                )

            keeper = Keeper(screen, complaints, mouse=is_mouse)
            _hear_signals(keeper)
            if await keeper.keep() is Parting.BROKEN:
                return Exit.FAILED, dress.words.attached_crashed
    return Exit.OK, ""


def _hear_signals(keeper: Keeper) -> None:
    hear = asyncio.get_running_loop().add_signal_handler
    for number in (signal.SIGTERM, signal.SIGINT):
        hear(number, keeper.part, Parting.DETACHED)
    hear(signal.SIGHUP, keeper.part, Parting.LOST)
