"""A process of its own for one measurement: nothing of the last one is warm, nor in the way.

Run as `python -m engine.bench.child KIND JOB`, the job being JSON. `start` prints what came of
one start. `serve` opens an engine whose gate is open at once, `bare` a server that answers
every request with the bytes it reads from stdin; both then obey lines on stdin: `cpu` prints
the seconds that all threads used so far, the end of stdin ends them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, TextIO

from uds.model import Timeframe

from ..clock import cpu_s
from ..config import Config
from ..config_file import load_config
from ..runtime import open_engine
from .starting import NOON_MS, measured_start

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


def configured(overrides: dict[str, Any], folder: Path) -> Config:
    """The built-in configuration on the simulated broker, with these keys changed."""
    fixed = {"broker.kind": "sim", "redis.url": None, "api.port": 0, "data_root": str(folder)}
    return load_config(None, {}, {**fixed, **overrides}, folder)


async def start(job: dict[str, Any]) -> None:
    """One start."""
    config = configured(job["overrides"], Path(job["folder"]))
    found = await measured_start(config, job["at_ms"])
    print(json.dumps(found.document()), flush=True)


async def serve(job: dict[str, Any]) -> None:
    """An engine that serves, and fetches nothing older behind its gate."""
    at_once = {
        "broker.sim.login_s": 0,
        "broker.sim.latency_ms": 0,
        "bootstrap.depth_bars": dict.fromkeys((tf.name for tf in Timeframe), 0),
    }
    config = configured(at_once, Path(job["folder"]))
    async with open_engine(config, NOON_MS) as engine:
        await engine.board.until(lambda status: status.gate_state.is_open)
        await obey(engine.board.status.api_port or 0)


async def bare(_: dict[str, Any]) -> None:
    """The least that answers on a socket: no request is read further than to its end."""
    length = int(sys.stdin.readline())
    body = sys.stdin.read(length).encode()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Bare(_HEAD % len(body) + body), "127.0.0.1", 0
    )
    async with server:
        await obey(server.sockets[0].getsockname()[1])


class _Bare(asyncio.Protocol):
    """One connection."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *whole, self._asked = (self._asked + data).split(b"\r\n\r\n")
        for _ in whole:
            self._transport.write(self._answer)


async def obey(port: int) -> None:
    """Say where we listen, then do what the lines on stdin say."""
    print(port, flush=True)
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, _read_line, sys.stdin, lines)
    while await lines.get() == "cpu\n":
        print(cpu_s(), flush=True)


def _read_line(source: TextIO, lines: asyncio.Queue[str]) -> None:
    lines.put_nowait(source.readline())


_KINDS = {"start": start, "serve": serve, "bare": bare}


def main() -> None:
    """The process."""
    asyncio.run(_KINDS[sys.argv[1]](json.loads(sys.argv[2])))


if __name__ == "__main__":
    main()
