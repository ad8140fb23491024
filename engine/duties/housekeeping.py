"""The slow duties beside a running engine: checkpoint, scrub, audit, repair, throwing away.

Every second the folder is asked for a later owner, the store records how far it has come, one
file is read again and one symbol's tails in Redis are held against those in RAM. A file that is
not what was written any more is damage: the symbol gets a draft from what the disk has, which
its processes fill and seal like any other, while readers keep the generation in RAM. Ten
seconds after a symbol's flip, what nobody can need any more is removed.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import TypeVar

from uds import CacheDown, CacheRegressed, DiskFailed, Fenced
from uds.model import Generation, Symbol

from ..attempt import Partner, attempt, clear
from ..bootstrap import has_lost, show
from ..cell import CellState
from ..degraded import DegradedCode
from ..events import GenerationFailed, ReasonCleared, ReasonRaised
from ..mending import say_damage
from ..process import Tools
from ..sayings import said_of, saying

BEAT_S = 1.0
GRACE_S = 10.0
"""How long readers may hold a generation that was flipped away."""
_STATE_CODES = (DegradedCode.STATE_FALLBACK_PREV, DegradedCode.STATE_REBUILT)
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


async def keep_house(tools: Tools) -> None:
    """Run until cancelled; raises Fenced when another owner has the folder."""
    collector = _Collector(tools)
    symbols, beat = tuple(tools.markets), 0
    while True:
        await tools.clock.sleep(BEAT_S)
        await _until_read(tools, tools.store.check_folder)  # who has no Redis of ours is seen here
        save = partial(_checkpoint, tools)
        if await attempt(tools, Partner.DISK, None, save, says_anything=bool):
            for code in _STATE_CODES:
                tools.board.post(ReasonCleared(code, None))
        await _scrub(tools)
        await _audit(tools, symbols[beat % len(symbols)])
        beat += 1
        await collector.collect_due()


async def last_checkpoint(tools: Tools) -> None:
    """At an orderly stop: the next start need not find out how far we came."""
    try:
        await _checkpoint(tools)
    except (DiskFailed, Fenced) as error:
        _log.warning("The last checkpoint was not written: %s", error)


async def repair(tools: Tools, symbol: Symbol, doubted: Collection[str] = ()) -> None:
    """Begin a draft from what the disk has, and say what was damaged."""
    recover = partial(tools.store.recover, symbol, doubted)
    recovered = await attempt(tools, Partner.DISK, symbol, recover)
    say_damage(tools, recovered)
    show(tools, symbol, CellState.EMPTY)


async def _until_read(tools: Tools, read: Callable[[], Awaitable[_T]]) -> _T:
    """Read until it succeeds; what somebody else said of the disk only a write takes back."""
    has_failed = False

    async def once() -> _T:
        nonlocal has_failed
        try:
            return await read()
        except DiskFailed:
            has_failed = True
            raise

    return await attempt(tools, Partner.DISK, None, once, says_anything=lambda _: has_failed)


async def _checkpoint(tools: Tools) -> bool:
    return await tools.store.checkpoint(tools.clock.real_ms())


async def _scrub(tools: Tools) -> None:
    found = await _until_read(tools, tools.store.scrub)
    if found is None or found.is_sound or tools.store.is_drafting(found.key.symbol):
        return
    await repair(tools, found.key.symbol, (found.path,))


async def _audit(tools: Tools, symbol: Symbol) -> None:
    """What readers are served, in RAM and in Redis, is still what was made durable.

    Bars that fail their digest in RAM close the gate until the disk has given them back.
    Somebody else's DEL in Redis is not noticed by the heartbeat; it is put right here.
    """
    altered, served = tools.store.altered(symbol), tools.store.tail(symbol)
    if altered and served is not None:
        names = ", ".join(timeframe.name for timeframe in altered)
        fails = saying("digest_fails", symbol, names, served.generation.short)
        tools.board.post(GenerationFailed(symbol, served.generation, str(fails), (fails,)))
        if not tools.store.is_drafting(symbol):
            await repair(tools, symbol)
        return
    if has_lost(tools, symbol):
        return  # Redis still has what RAM lost; the next minute derives it again, and says so
    try:
        differing = await tools.store.audit(symbol)
    except (CacheDown, CacheRegressed):
        return  # whose watch says so
    if not differing:
        return
    names = ", ".join(timeframe.name for timeframe in differing)
    gone = saying("tails_gone", symbol, names)
    tools.board.post(ReasonRaised.told(DegradedCode.REDIS_REGRESSED, None, gone))
    await attempt(tools, Partner.REDIS, None, partial(tools.store.extend, symbol))


class _Collector:
    """Remembers since when each symbol's generation is live."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._live: dict[Symbol, tuple[Generation, float]] = {}
        self._collected: dict[Symbol, Generation] = {}
        self._unremoved: set[Symbol] = set()
        """Whose files could not be removed: what else the disk does says nothing of that."""

    async def collect_due(self) -> None:
        """Collect where the grace has passed; raises Fenced."""
        now_s = self._tools.clock.monotonic_s()
        for symbol, generation in self._tools.board.status.generations.items():
            if self._live.get(symbol, (None, 0.0))[0] != generation:
                self._live[symbol] = (generation, now_s)
            is_due = now_s - self._live[symbol][1] >= GRACE_S
            if is_due and self._collected.get(symbol) != generation:
                try:
                    await self._tools.store.collect(symbol)
                except (CacheDown, CacheRegressed):
                    continue  # whose watch says so; at the next beat again
                except DiskFailed as error:
                    self._say(symbol, error)
                    continue
                self._say_removed(symbol)
                self._collected[symbol] = generation

    def _say(self, symbol: Symbol, error: DiskFailed) -> None:
        """Once, unless it is something else by now: it is tried at every beat."""
        if symbol not in self._unremoved:
            self._unremoved.add(symbol)
            self._tools.unsettled[(Partner.DISK.name, symbol)] += 1
        said = saying("not_removed", symbol), *said_of(error)
        raised = ReasonRaised.told(Partner.DISK.code_of(error), symbol, *said)
        found = raised.code, raised.scope, raised.said
        if found not in ((r.code, r.scope, r.said) for r in self._tools.board.status.reasons):
            self._tools.board.post(raised)

    def _say_removed(self, symbol: Symbol) -> None:
        """Nobody needs more of the disk, unless somebody else waits for it."""
        unsettled, place = self._tools.unsettled, (Partner.DISK.name, symbol)
        unsettled[place] -= symbol in self._unremoved
        self._unremoved.discard(symbol)
        if not unsettled[place]:
            clear(self._tools, Partner.DISK, symbol)
