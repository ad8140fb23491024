"""Serves the reader's API; answers 503 with reasons until the gate opens."""

from __future__ import annotations

import asyncio
from functools import partial

from ..degraded import DegradedCode
from ..errors import PortBusy
from ..events import ApiListening, ReasonCleared, ReasonRaised
from ..process import Tools
from ..sayings import said_of
from ..serving.connections import serve
from ..serving.http import build_app
from ..status import Status

_PORT_RETRY_S = 1.0


async def run(tools: Tools) -> None:
    """Listen, say ready, serve; a busy port is waited for, loudly."""
    config = tools.config
    depth_bars, origins = config.bootstrap.depth_bars, config.api.cors
    app = build_app(tools.board, tools.store, tools.clock, depth_bars, origins)
    while True:
        try:
            listening = tools.listener.take()
            break
        except PortBusy as error:
            tools.warming("port busy")
            _say_busy(tools, error)
            await tools.clock.sleep(_PORT_RETRY_S)
    tools.board.post(ReasonCleared(DegradedCode.API_PORT_BUSY, None))
    port = tools.listener.port
    assert port is not None
    tools.board.post(ApiListening(port))
    tools.say(f"listens on {config.api.host}:{port}")
    async with asyncio.TaskGroup() as group:
        group.create_task(_tell_what_is_served(tools), name="ui detail")
        await serve(app, listening)
        raise RuntimeError("the HTTP server stopped by itself")


def _say_busy(tools: Tools, error: PortBusy) -> None:
    standing = {reason.code for reason in tools.board.status.reasons}
    if DegradedCode.API_PORT_BUSY not in standing:
        busy = ReasonRaised.told(DegradedCode.API_PORT_BUSY, None, *said_of(error))
        tools.board.post(busy)


async def _tell_what_is_served(tools: Tools) -> None:
    while True:
        is_open = tools.board.status.gate_state.is_open
        tools.ready("serving" if is_open else "serving 503")
        await tools.board.until(partial(_is_other_than, is_open))


def _is_other_than(is_open: bool, status: Status) -> bool:
    return status.gate_state.is_open is not is_open
