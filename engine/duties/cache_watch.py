"""Keeps Redis ours: connect, check ownership every 0.25 s, put back what it lost.

A timed-out or refused call says REDIS_TIMEOUT or REDIS_DOWN and is tried again at the next
beat; the embedded server is started again when it is gone. Lost claims, keys or functions say
REDIS_REGRESSED until every live symbol was primed and flipped again. A disk that does not take
the server's record says DISK_ERROR, a full one DISK_FULL. A higher token ends the watch:
OWNER_CHANGED, FENCED, and the supervisor stops whoever writes.
"""

from __future__ import annotations

import logging

from uds import CacheDown, CacheRegressed, CacheTooOld, DiskFailed, Fenced, ServerMissing

from ..attempt import Partner, clear
from ..degraded import DegradedCode
from ..events import ReasonRaised
from ..process import Tools
from ..sayings import said_of
from ..tenure import say_fenced

BEAT_S = 0.25
_OF_DISK = (Partner.DISK.name, None)


async def watch_cache(tools: Tools) -> None:
    """Run until fenced or cancelled."""
    is_ours = False
    disk = _DiskTrouble(tools)
    while True:
        try:
            if is_ours:
                await tools.store.check_ownership()
            else:
                await _take(tools)
                is_ours = True
                disk.is_over()
        except CacheRegressed as error:
            is_ours = False
            _say(tools, DegradedCode.REDIS_REGRESSED, error)
        except CacheDown as error:
            is_ours = False
            _say(tools, Partner.REDIS.code_of(error), error)
        except (CacheTooOld, ServerMissing) as error:
            is_ours = False
            _say(tools, DegradedCode.REDIS_DOWN, error)
        except DiskFailed as error:
            is_ours = False
            disk.stands(error)
        except Fenced as error:
            say_fenced(tools.board, error)
            return
        await tools.clock.sleep(BEAT_S)


async def _take(tools: Tools) -> None:
    await tools.store.connect()
    tools.claimed.set()  # before what is restored: a symbol that hangs there holds no other
    for symbol in tools.markets:
        await tools.store.restore(symbol)
    if any(r.code in Partner.REDIS.codes and r.scope is None for r in tools.board.status.reasons):
        tools.say("Redis answers again, its tails are in place")
    clear(tools, Partner.REDIS, None)


class _DiskTrouble:
    """A disk that does not take the server's record: meanwhile no other call clears that."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._stands = False

    def stands(self, error: DiskFailed) -> None:
        """It failed, perhaps again."""
        if not self._stands:
            self._tools.unsettled[_OF_DISK] += 1
        self._stands = True
        _say(self._tools, Partner.DISK.code_of(error), error)

    def is_over(self) -> None:
        """The record was taken; whoever failed beside us and got through first cleared nothing."""
        if not self._stands:
            return
        self._stands = False
        self._tools.unsettled[_OF_DISK] -= 1
        if not self._tools.unsettled[_OF_DISK]:
            clear(self._tools, Partner.DISK, None)


def _say(tools: Tools, code: DegradedCode, error: Exception) -> None:
    """Raise the reason once; repeating it at every beat would only count beats."""
    if code in {reason.code for reason in tools.board.status.reasons}:
        return
    tools.board.post(ReasonRaised.told(code, None, *said_of(error)))
    tools.say(f"{code.value}: {error}", logging.WARNING)
