"""Hosting the engine in this process without a screen: headless, or as a one-shot bootstrap."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from engine import Closed, GateState, Open, process_age_s

from ..clean import clean
from .exits import Exit
from .options import Options

if TYPE_CHECKING:
    from engine import Config, Engine, Status

_LINE_EVERY_S = 0.2
_INTEGRITY = (GateState.FENCED, GateState.UNSAFE)


async def host_headless(config: Config, options: Options, say: Callable[[str], None]) -> Exit:
    """Engine, API and socket until a signal or `down` stops them."""
    async with opened(config, options) as engine:
        signalled = _stop_on_signals(engine)
        watching = asyncio.create_task(_tell_progress(engine, say))
        try:
            await engine.stopped()
        finally:
            watching.cancel()
    return Exit.INTERRUPTED if signal.SIGINT in signalled else Exit.OK


async def host_bootstrap(config: Config, options: Options) -> tuple[Exit, dict[str, Any]]:
    """Start, wait for the verdict of the gate, measure, stop."""
    from engine import bootstrap_report

    limit_s = config.bootstrap.duration_max_s
    if options.timeout_s is not None:
        limit_s = min(limit_s, options.timeout_s)
    async with opened(config, options) as engine:
        launch_s = process_age_s() - engine.tools.since_opened_s()
        signalled = _stop_on_signals(engine)
        show = asyncio.create_task(_draw_progress(engine, options))
        is_late = False
        try:
            async with asyncio.timeout(limit_s):
                await _first(engine.board.until(_is_decided), engine.stopped())
        except TimeoutError:
            is_late = True
        finally:
            show.cancel()
        report = await bootstrap_report(engine, launch_s)
        if signalled:
            return Exit.INTERRUPTED, report
        return (Exit.TIMEOUT if is_late else _exit_of(engine.board.status)), report


def opened(config: Config, options: Options) -> AbstractAsyncContextManager[Engine]:
    """The engine as the options want it."""
    from engine import open_engine

    return open_engine(config, options.at_ms(), options.socket, is_read_only=options.is_read_only)


def _stop_on_signals(engine: Engine) -> set[signal.Signals]:
    """SIGTERM, SIGINT and a hangup stop the engine in order; the set says which came.

    Under `nohup` a hangup stays ignored.
    """
    came: set[signal.Signals] = set()

    def stop(number: signal.Signals) -> None:
        came.add(number)
        engine.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue
        loop.add_signal_handler(number, stop, number)
    return came


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Until one of them ends; raises what it failed with."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


def _is_decided(status: Status) -> bool:
    """Whether waiting longer cannot change the answer, or need not."""
    verdict = status.gate
    return isinstance(verdict, Open) or verdict.state is not GateState.CLOSED


def _exit_of(status: Status) -> Exit:
    verdict = status.gate
    if isinstance(verdict, Open):
        return Exit.NOT_READY if verdict.reasons else Exit.OK
    if verdict.state in _INTEGRITY:
        return Exit.INTEGRITY
    return Exit.FAILED if verdict.state is GateState.NEEDS_OPERATOR else Exit.NOT_READY


async def _tell_progress(engine: Engine, say: Callable[[str], None]) -> None:
    """A line at each change of phase, gate or port, for whoever reads the log."""
    said = ""
    status = engine.board.status
    while True:
        line = headline(status)
        if line != said:
            say(line)
            said = line
        status = await engine.board.changed()


async def _draw_progress(engine: Engine, options: Options) -> None:
    """One line on a terminal's stderr, redrawn in place."""
    terminal = sys.__stderr__  # ours to steer, unlike what is written for people
    if options.is_quiet or terminal is None or not terminal.isatty():
        return
    try:
        while True:
            line = f"{headline(engine.board.status)}  {engine.board.status.ready_cells} ready"
            print(f"\r\x1b[K{clean(line)}", end="", file=terminal, flush=True)
            await asyncio.sleep(_LINE_EVERY_S)
    finally:
        print("\r\x1b[K", end="", file=terminal, flush=True)


def headline(status: Status) -> str:
    """The state in one line."""
    verdict = status.gate
    where = f" port {status.api_port}" if status.api_port else ""
    waits = f", waits for {len(verdict.why)}" if isinstance(verdict, Closed) else ""
    codes = sorted({reason.code.value for reason in status.reasons})
    reasons = f" [{', '.join(codes)}]" if codes else ""
    return (
        f"{status.name} ({status.market}) owner {status.owner_token}{where}: "
        f"{status.phase.value}, gate {verdict.state.value}{waits if not codes else ''}{reasons}"
    )
