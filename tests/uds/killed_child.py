"""A process that lives a store's life and kills itself before, in or after its n-th step.

Run as a module it is a nursery: it imports everything once, then takes orders, one JSON object
a line, forks a child for each and answers with the child's exit code. What a child knows to be
acknowledged it writes to a file, unbuffered, whenever it learns of it and before every step.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import struct
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import wraps
from pathlib import Path
from random import Random
from typing import Any, NoReturn, TypeVar, cast

from uds.cache import RedisCache
from uds.disk_steps import Step, Write
from uds.folder_calls import Trip
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import Bars, Symbol, Timeframe
from uds.opening import new_boot_id, open_store
from uds.reader import Reader
from uds.store import Store

from .world import SYMBOLS, Node, Seam, World, small_terms

MANNERS = ("before", "midst", "after")
_CALLS = ("connect", "claim", "holds", "write", "flip", "extend", "read", "forget")
_KNOWN = ("durable", "drafted", "attempted", "committed", "committing", "seen_ms", "violations")
_COUNTED = ("lives", "reads", "token", "server_pid")
_DELAY_S_MAX = 0.000_8
_LENGTH = struct.Struct("<Q")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Order:
    """What is asked of one child."""

    root: str
    """The data folder."""
    redis_url: str | None
    """Where its Redis is; None for an embedded server of its own."""
    namespace: str
    accounts: str
    """The file that says what is known, and to which the child adds what it learns."""
    steps: str
    """The file to which it writes the name of each step before it is done."""
    at: int | None = None
    """The step it dies at; None to die when its life is over."""
    manner: str = "before"
    """`before` the step, in its `midst`, or `after` it, when nobody has heard of it yet."""
    seed: int = 0
    """For how long a midst lasts."""
    bug: str = ""
    """`forgetful`: its disk acknowledges what it does not write to files that exist."""


class ToldWorld(World):
    """A world that writes down what it knows, for whoever comes after its owner."""

    def __init__(self, accounts: Path) -> None:
        super().__init__()
        self.token = 0
        self.server_pid: int | None = None
        self._accounts = accounts
        self.look_through(None, {})
        if accounts.exists():
            self._recall(_last_record(accounts.read_bytes()))

    def tell(self) -> None:
        """Add all that is known to the file, by one call."""
        known = {name: getattr(self, name) for name in (*_KNOWN, *_COUNTED)}
        record = pickle.dumps(known | {"seen": self._reader._seen})
        descriptor = os.open(self._accounts, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, _LENGTH.pack(len(record)) + record)
        os.close(descriptor)

    def look_through(self, cache: RedisCache | None, seen: Mapping[Symbol, Any]) -> None:
        """Read from this cache from now on, and nothing older than was seen."""
        self._reader = Reader(cast(MemoryCache, cache))
        self._reader._seen = dict(seen)
        self.readers = dict.fromkeys(SYMBOLS, self._reader)

    async def live_once(
        self, root: Path, url: str | None, namespace: str, finally_do: Callable[[], object]
    ) -> None:
        """A whole life of the next owner, then something more, then a good end."""
        async with open_store(small_terms(), root, new_boot_id(), 1, url, namespace) as store:
            self._expect(store.token.value > self.token, f"token {store.token.value} came twice")
            self.token, self.lives = store.token.value, self.lives + 1
            await store.connect()
            self.server_pid = None if store.server is None else store.server.pid
            cache = RedisCache(url or cast(Any, store.server).reader_url, namespace)
            self.look_through(cache, self._reader._seen)
            await self.live(Node(store, MemoryDisk(), Seam()))
            self.tell()
            finally_do()
            await cache.close()

    async def append(
        self, store: Store, symbol: Symbol, timeframe: Timeframe, bars: Bars, drafts: int = 0
    ) -> None:
        """Write bars, note them once they are acknowledged, and tell."""
        await super().append(store, symbol, timeframe, bars, drafts)
        self.tell()

    async def look(self, symbol: Symbol) -> None:
        """A reader of Redis; what it has seen is told as well."""
        await super().look(symbol)
        self.tell()

    def _recall(self, known: dict[str, Any]) -> None:
        self.look_through(None, known.pop("seen"))
        for name, value in known.items():
            setattr(self, name, value)


def _last_record(data: bytes) -> dict[str, Any]:
    """The last one that is whole: a kill may have cut off the one after it."""
    found, at = b"", 0
    while len(data) >= at + _LENGTH.size:
        begin = at + _LENGTH.size
        at = begin + _LENGTH.unpack_from(data, at)[0]
        found = data[begin:at] if at <= len(data) else found
    known: dict[str, Any] = pickle.loads(found)
    return known


def die() -> NoReturn:
    """SIGKILL: nothing is tidied up after it."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it lives on")


class Death:
    """Counts the steps of a life, and ends it at the one it was told."""

    def __init__(self, order: Order, world: ToldWorld) -> None:
        self._order = order
        self._world = world
        self._delay_s = Random(f"{order.at} {order.seed}").uniform(0, _DELAY_S_MAX)
        self._count = 0
        self._steps = os.open(order.steps, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def reaches(self, name: str) -> str:
        """A step begins: in which manner it is the last one, empty when it is not."""
        number, self._count = self._count, self._count + 1
        os.write(self._steps, f"{name}\n".encode())
        self._world.tell()
        if number != self._order.at:
            return ""
        if self._order.manner == "before":
            die()
        if self._order.manner == "midst":
            threading.Timer(self._delay_s, die).start()
        return self._order.manner

    def around_step(self, do: Callable[[Trip, Step], bool]) -> Callable[[Trip, Step], bool]:
        """A step of the real disk; a write may be cut in two."""

        @wraps(do)
        def stepped(trip: Trip, step: Step) -> bool:
            manner = self.reaches(type(step).__name__)
            if manner == "midst" and isinstance(step, Write):
                do(trip, replace(step, data=step.data[: len(step.data) // 2]))
                die()
            answer = do(trip, step)
            if manner == "after":
                die()
            return answer

        return stepped

    def around_call(
        self, name: str, call: Callable[..., Awaitable[_T]]
    ) -> Callable[..., Awaitable[_T]]:
        """A call of Redis."""

        @wraps(call)
        async def called(*args: object) -> _T:
            manner = self.reaches(f"cache.{name}")
            answer = await call(*args)
            if manner == "after":
                die()
            return answer

        return called


def live_and_die(order: Order) -> None:
    """The whole of a child; never returns alive."""
    world = ToldWorld(Path(order.accounts))
    death = Death(order, world)
    if order.bug == "forgetful":
        Trip.do = _forgetful(Trip.do)  # type: ignore[assignment,method-assign]
    Trip.do = death.around_step(Trip.do)  # type: ignore[assignment,method-assign]
    for name in _CALLS:
        setattr(RedisCache, name, death.around_call(name, getattr(RedisCache, name)))
    asyncio.run(world.live_once(Path(order.root), order.redis_url, order.namespace, die))


def _forgetful(do: Callable[[Trip, Step], bool]) -> Callable[[Trip, Step], bool]:
    """A planted bug: bars for the end of a file that is there already are not written."""

    def forgets(trip: Trip, step: Step) -> bool:
        if isinstance(step, Write) and step.data.startswith(b'{"symbol"'):
            return True
        return do(trip, step)

    return forgets


def raise_children() -> None:
    """One child an order, one after another, until standard input ends."""
    for line in sys.stdin:
        order = Order(**json.loads(line))
        child = os.fork()
        if child == 0:
            try:
                live_and_die(order)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def as_line(order: Order) -> str:
    """An order as the nursery takes it."""
    return json.dumps(asdict(order)) + "\n"


if __name__ == "__main__":
    raise_children()
