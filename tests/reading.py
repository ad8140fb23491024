"""A crowd of readers in a process of its own: what they were answered, as one JSON object.

    python -m tests.reading PORT CLIENTS PAUSE_S EXPECT

Every other client makes a fresh connection for each question. They ask for random cells until
standard input ends. EXPECT is `revisions` when the volume of every bar must name the answer's
generation, else `pinned`: then one cell, generation and seq must always be answered alike.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from statistics import quantiles
from typing import Any
from urllib.parse import quote

from benchmarks.http_reader import HttpReader, Reply
from uds.model import Generation

from .revising import revision_of
from .running import ROOT

_ENDING_S = 15.0


@dataclass
class Read:
    """What all readers saw."""

    answers: int = 0
    """Answers with bars."""
    refused: int = 0
    """Other answers."""
    errors: int = 0
    """Connections that broke."""
    empty: int = 0
    """Answers without a bar."""
    mixed: int = 0
    """Answers with a bar that is not of the answer's generation, or not ascending."""
    backwards: int = 0
    """Answers older than one the same client had before."""
    unpinned: int = 0
    """Answers of one cell, generation and seq that differ."""
    truncated: int = 0
    """Answers that said there is less than was asked for."""
    generations: list[str] = field(default_factory=list)
    """All that were seen."""
    p50_ms: float = 0.0
    """From the question to the last byte."""
    p95_ms: float = 0.0
    max_ms: float = 0.0

    @property
    def faults(self) -> tuple[int, ...]:
        """What must all be zero."""
        return self.refused, self.errors, self.empty, self.mixed, self.backwards, self.unpinned


class Crowd:
    """Readers and what they saw."""

    def __init__(self, port: int, pause_s: float, expect: str) -> None:
        self._port = port
        self._pause_s = pause_s
        self._expects_revisions = expect == "revisions"
        self._took_s: list[float] = []
        self._pinned: dict[tuple[str, str, str, int], int] = {}
        self._seen: set[str] = set()
        self.read = Read()

    async def cells(self) -> list[tuple[str, str]]:
        """All there are."""
        async with HttpReader(self._port) as client:
            status = json.loads((await client.get("/api/status")).body)
        return [(symbol, tf) for symbol, tfs in status["cells"].items() for tf in tfs]

    async def ask(self, number: int, cells: list[tuple[str, str]]) -> None:
        """One client, until cancelled."""
        chance = random.Random(number)
        newest: dict[str, tuple[Generation, int]] = {}
        async with HttpReader(self._port, is_kept_alive=number % 2 == 0) as client:
            while True:
                await asyncio.sleep(self._pause_s * (0.5 + chance.random()))
                symbol, tf = chance.choice(cells)
                path = f"/api/bars?symbol={quote(symbol)}&tf={tf}&limit=300"
                try:
                    reply = await client.get(path)
                except (OSError, TimeoutError, EOFError):
                    self.read.errors += 1
                else:
                    self._note(symbol, tf, reply, newest)

    def _note(
        self, symbol: str, tf: str, reply: Reply, newest: dict[str, tuple[Generation, int]]
    ) -> None:
        self._took_s.append(reply.took_s)
        if reply.code != 200:
            self.read.refused += 1
            return
        body, read = json.loads(reply.body), self.read
        read.answers += 1
        read.empty += not body["bars"]
        read.truncated += body["truncated"]
        self._seen.add(body["generation"])
        here = Generation.parse(body["generation"]), body["seq"]
        read.backwards += here < newest.get(symbol, here)
        newest[symbol] = here
        digest = zlib.crc32(reply.body.partition(b'"bars":[')[2])
        pinned = self._pinned.setdefault((symbol, tf, body["generation"], body["seq"]), digest)
        read.unpinned += pinned != digest
        read.mixed += not self._is_of_one(body["bars"], here[0])

    def _is_of_one(self, bars: list[dict[str, Any]], generation: Generation) -> bool:
        opens = [bar["open_time_ms"] for bar in bars]
        if any(later <= earlier for earlier, later in itertools.pairwise(opens)):
            return False
        return not self._expects_revisions or {generation.n} == {revision_of(b["v"]) for b in bars}

    def summary(self) -> Read:
        """With the times."""
        read = self.read
        read.generations = sorted(self._seen)
        if len(self._took_s) > 1:
            cuts = quantiles(self._took_s, n=20)
            read.p50_ms, read.p95_ms = cuts[9] * 1e3, cuts[18] * 1e3
            read.max_ms = max(self._took_s) * 1e3
        return read


async def _crowd(port: int, clients: int, pause_s: float, expect: str) -> Read:
    crowd = Crowd(port, pause_s, expect)
    cells = await crowd.cells()
    tasks = [asyncio.create_task(crowd.ask(number, cells)) for number in range(clients)]
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print("reading", flush=True)
    await asyncio.wait((*tasks, ended), return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    failed = await asyncio.gather(*tasks, return_exceptions=True)
    for error in (one for one in failed if isinstance(one, Exception)):
        raise error
    return crowd.summary()


class Reading:
    """A crowd that reads; its summary once it has ended."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def end(self) -> Read:
        """Ask no more."""
        async with asyncio.timeout(_ENDING_S):
            out, err = await self._process.communicate(b"")
        assert 0 == self._process.returncode, err.decode()
        return Read(**json.loads(out))


@asynccontextmanager
async def reading(port: int, clients: int, pause_s: float, expect: str) -> AsyncIterator[Reading]:
    """A crowd for the length of the block, at most."""
    arguments = (str(port), str(clients), str(pause_s), expect)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.reading", *arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert b"reading\n" == await process.stdout.readline()
        yield Reading(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


if __name__ == "__main__":
    _, a_port, a_clients, a_pause, an_expectation = sys.argv
    found = asyncio.run(_crowd(int(a_port), int(a_clients), float(a_pause), an_expectation))
    print(json.dumps(asdict(found)))
