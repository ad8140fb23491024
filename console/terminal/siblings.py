"""The engine and the screen side by side in one process: either may end without the other.

    {engine with its control socket} ── client ── {keeper: screen, screen, …}

What ends the screen only: detaching, a terminal that hangs up (SIGHUP or end of file), a screen
that keeps crashing. Then this process leaves the terminal, the prompt comes back, and the engine
goes on as if it had been started headless. What ends both: SIGTERM, `down`, the operator's word,
a failure of the engine; the screen gives the terminal back first. SIGINT from outside is the key
Ctrl+C: it asks. Without a screen it stops the engine.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from engine import DegradedCode, ReasonCleared, ReasonRaised, SystemClock, first_status, hearing

from ..app import ConsoleApp
from ..client import LocalClient
from ..dress import Dress, dressed
from ..keys import keys_from
from ..logbook import LogBook
from ..opening import OpeningClient
from ..shell.exits import Exit
from ..shell.hosting import opened
from ..shell.options import Options
from ..uncollected import collected
from ..words import Words
from .fork import Tether
from .keeper import Complaints, Keeper, Parting

if TYPE_CHECKING:
    from engine import Config, Engine, StatusBoard

_SCOPE = "console"
_PICTURE_S = 0.5
"""So long the engine waits for the first picture: one interpreter would do both more slowly."""
_PROGRAM = "coldstart-console"


async def host_console(config: Config, options: Options, tether: Tether) -> Exit:
    """The console and an engine until the engine stops, with or without the console.

    The screen is painted first, then what the engine imports is loaded in a thread.
    """
    dress = dressed(config, os.environ, sys.stdout.encoding)
    logs = LogBook()
    with hearing(logs):
        return await _hosted(config, options, tether, dress, logs)


async def _hosted(
    config: Config, options: Options, tether: Tether, dress: Dress, logs: LogBook
) -> Exit:
    at_ms, words = options.at_ms(), dress.words
    clock = SystemClock() if at_ms is None else SystemClock.started_at(at_ms)
    client = OpeningClient(first_status(config, "", clock.now_ms()), clock.now_ms, words)
    complaints, keys = Complaints(), keys_from(config.console.keys)

    def screen() -> ConsoleApp:
        return ConsoleApp(
            client,
            lambda: client.now_ms(),
            ascii_only=dress.is_ascii,
            mono=dress.is_mono,
            theme=dress.theme,
            words=words,
            logs=logs,
            complaints=complaints,
            host=client,
            keys=keys,
            config=config,
        )

    life = _Life(config, options, client, complaints)
    keeper = Keeper(screen, complaints, mouse=options.is_mouse)
    showing = asyncio.create_task(keeper.keep(), name="screen keeper")
    showing.add_done_callback(lambda _: client.shown())  # there will be no picture
    _hear_signals(life, keeper)
    try:
        await asyncio.wait((life.task, showing), return_when=asyncio.FIRST_COMPLETED)
        if showing.done() and not life.task.done():
            await _part(showing.result(), life, lambda how: _farewell(how, options, words), tether)
        await asyncio.wait((life.task,))
    finally:
        keeper.part(Parting.STOPPED)
        life.stop()
        await asyncio.wait((life.task, showing))
    showing.result()
    if not life.task.cancelled():
        life.task.result()
    return Exit.OK


class _Life:
    """The engine from before it is opened to its end."""

    def __init__(
        self, config: Config, options: Options, client: OpeningClient, complaints: Complaints
    ) -> None:
        self._config, self._options = config, options
        self._client, self._complaints = client, complaints
        self._engine: Engine | None = None
        self._opened = asyncio.Event()
        self.task = asyncio.create_task(self._live(), name="engine")
        """Ends with the engine; cancelled when it was stopped before it was open."""

    def stop(self) -> None:
        """In order, at any time."""
        if self._engine is not None:
            self._engine.stop()
        elif not self.task.done():
            self.task.cancel()

    async def settled(self) -> None:
        """Until it is known whether the engine could be opened."""
        opened = asyncio.create_task(self._opened.wait())
        await asyncio.wait((self.task, opened), return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()

    async def _live(self) -> None:
        await self._client.picture(_PICTURE_S)
        await asyncio.to_thread(import_module, "engine.runtime")
        collected()
        async with opened(self._config, self._options) as engine:
            self._engine = engine
            self._opened.set()
            self._client.opened(LocalClient(engine), engine.clock.now_ms)
            self._complaints.told_to(partial(_tell, engine.board))
            await engine.stopped()


async def _part(
    how: Parting, life: _Life, farewell: Callable[[Parting], str], tether: Tether
) -> None:
    """The screen is gone: stop the engine, or let it go on without a terminal."""
    if how is Parting.STOPPED:
        life.stop()
        return
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, life.stop)
    if how is not Parting.LOST:
        # whoever sees the prompt again shall see there why an engine could not be opened
        await life.settled()
    if not life.task.done():
        tether.leave(farewell(how))


def _hear_signals(life: _Life, keeper: Keeper) -> None:
    hear = asyncio.get_running_loop().add_signal_handler
    hear(signal.SIGTERM, life.stop)
    hear(signal.SIGINT, keeper.leave)
    hear(signal.SIGHUP, keeper.part, Parting.LOST)


def _tell(board: StatusBoard, code: DegradedCode, sentence: str | None) -> None:
    if sentence is None:
        board.post(ReasonCleared(code, _SCOPE))
    else:
        board.post(ReasonRaised(code, _SCOPE, sentence))


def _farewell(how: Parting, options: Options, words: Words) -> str:
    """What goes on, how to come back to it, and what would end it."""
    place = _place(options)
    lines = [words.crashed] if how is Parting.BROKEN else []
    lines.append(
        words.detached.format(
            pid=os.getpid(), attach=f"{_PROGRAM} attach{place}", down=f"{_PROGRAM} down{place}"
        )
    )
    from .logout import LogoutRisk, logout_risk  # nobody waits for it at the start

    if (risk := logout_risk()) is not None:
        says = {LogoutRisk.SESSION: words.logout_session, LogoutRisk.SERVICE: words.logout_service}
        lines.append(says[risk].format(up=f"{_PROGRAM} up{place}"))
    return "\n".join(lines)


def _place(options: Options) -> str:
    """The options by which another command finds this engine."""
    given = {"--config": options.config, "--data": options.data, "--socket": options.socket}
    return "".join(f" {name} {shlex.quote(str(path))}" for name, path in given.items() if path)
