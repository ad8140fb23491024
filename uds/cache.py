"""The real Redis: fenced functions over one small pool, no client retries, 0.5 s a call.

A timed-out command may have been applied, so only calls that may be repeated cross this file.
The half second is for all of a call: waiting for a free connection, connecting, asking; that our
own loop was held is not the server's fault (`call_deadline.py`). The functions themselves are in
`functions.lua` and are loaded at `connect`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import TypeVar, cast

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from . import codec, layout
from .call_deadline import within
from .errors import (
    CacheDown,
    CacheRegressed,
    CacheTimeout,
    CacheTooOld,
    UdsError,
)
from .incarnation import check_incarnation
from .model import FencingToken, Generation, Preview, SeriesKey, Symbol, Timeframe
from .ports import Pointer
from .reply import obey, pointer_in, word_in
from .told import told

CALL_TIMEOUT_S = 0.5
CONNECT_TIMEOUT_S = 0.3
_CONNECTIONS = 8
_LOADING_S = 0.01
_LOADING_TRIES = 50
"""How often, and how far apart, a server is asked that still reads its own data."""
_VERSION_MIN = 7
_VERSION_CHARS = 32
"""Characters of a version that are worth a look."""
_GARBLED = (ValueError, TypeError, AttributeError, RecursionError)
"""What the client raises when it cannot make out an answer."""
_NEWER = "Redis 7 or newer, or any Valkey, is needed; or remove redis.url."

_T = TypeVar("_T")


class RedisCache:
    """Cache over one Redis-protocol server."""

    def __init__(self, url: str, namespace: str) -> None:
        self._namespace = namespace
        self._address = layout.shown_address(url)
        self._name = f"Redis at {self._address}"
        # Only `_asked` keeps the time of a call: the client's own timeouts are for each step
        # alone, and one that ends together with ours can swallow it.
        pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=None,
            socket_timeout=None,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,  # found out anew for each connection, in 2 ms of reading files
        )
        self._redis = redis.Redis(connection_pool=pool)
        self._run_id: object = None

    async def connect(self) -> None:
        """Reach the server, check its version, load the functions."""
        info = cast(dict[str, object], await self._asked(self._redis.info("server")))
        version = str(info.get("valkey_version") or info.get("redis_version", "0"))[:_VERSION_CHARS]
        major = version.partition(".")[0]
        if not major.isdecimal() or int(major) < _VERSION_MIN:
            raise CacheTooOld(f"{self._name} is version {version}.", hint=_NEWER)
        self._run_id = info.get("run_id")
        library = (files("uds") / "functions.lua").read_text("utf-8")
        await self._once_loaded(lambda: self._redis.function_load(library, replace=True))

    async def claim(self, symbols: Sequence[Symbol], token: FencingToken) -> None:
        """Become the owner of every symbol, unless fenced; a pointer without meaning goes."""
        check_incarnation()
        pipeline = self._each_symbol("coldstart_claim", symbols, token)
        replies = await self._asked(pipeline.execute())
        obey([word_in(reply) for reply in replies], "claim", self._name)

    async def holds(
        self, symbols: Sequence[Symbol], token: FencingToken
    ) -> tuple[Pointer | None, ...]:
        """What readers of each are served, None without anything, as long as all are ours.

        Owner and pointer do not prove that nothing is lost: after a crash a server that syncs
        every second has both, but an earlier value of a tail that was primed twice. So another
        run of the server than `connect` saw is a loss as well.
        """
        pipeline = self._each_symbol("coldstart_holds", symbols, token)
        pipeline.info("server")
        *replies, info = await self._asked(pipeline.execute())
        obey([word_in(reply) for reply in replies], "check ownership of", self._name)
        run_id = cast(dict[str, object], info).get("run_id")
        if self._run_id not in (None, run_id):
            raise CacheRegressed(told("redis_replaced", self._name))
        found = zip(symbols, cast(list[list[object]], replies), strict=True)
        return tuple(self._pointer(symbol, reply[1:]) for symbol, reply in found)

    async def write(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Put tails of a generation; CacheRegressed for the live one and the one before it."""
        keys = self._tail_keys(symbol, generation, tuple(tails))
        args: tuple[str | bytes, ...] = (str(generation), *tails.values())
        await self._fenced("coldstart_write", symbol, token, keys, args)

    async def flip(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        seq: int,
        timeframes: Sequence[Timeframe],
    ) -> None:
        """Make a complete generation the live one; forming bars that it holds as final go."""
        keys = (
            *self._tail_keys(symbol, generation, timeframes),
            *self._preview_keys(symbol, timeframes),
        )
        await self._fenced("coldstart_flip", symbol, token, keys, (str(generation), str(seq)))

    async def extend(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        from_seq: int,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Replace tails of the live generation, drop their previews, advance seq by one."""
        keys = (
            *self._tail_keys(symbol, generation, tuple(tails)),
            *self._preview_keys(symbol, tuple(tails)),
        )
        channel = layout.update_channel(self._namespace, symbol)
        head = (str(generation), str(from_seq), channel)
        await self._fenced("coldstart_extend", symbol, token, keys, (*head, *tails.values()))

    async def read(
        self, symbol: Symbol, timeframes: Sequence[Timeframe]
    ) -> tuple[Pointer, dict[Timeframe, bytes]] | None:
        """Pointer and tails in one step; None when nothing is live."""
        names = (tf.name for tf in timeframes)
        live_key = layout.live_key(self._namespace, symbol)
        asked = self._redis.fcall_ro("coldstart_read", 1, live_key, *names)
        reply = await self._asked(cast(Awaitable[object], asked))
        if reply == []:
            return None
        if not isinstance(reply, list) or len(reply) != 3 + len(timeframes):
            raise self._without_meaning(symbol, "it is not a pointer and its tails")
        pointer = self._pointer(symbol, reply[:3])
        if pointer is None:
            raise self._without_meaning(symbol, "it has no generation")
        found = zip(timeframes, reply[3:], strict=True)
        return pointer, {tf: value for tf, value in found if isinstance(value, bytes)}

    async def expires(
        self, key: SeriesKey, generation: Generation
    ) -> tuple[int | None, int | None]:
        """In how many ms the tail of a generation goes, and the forming bar; None for never."""
        names = (
            layout.tail_key(self._namespace, key, generation),
            layout.preview_key(self._namespace, key),
        )
        left = [await self._asked(self._redis.pttl(name)) for name in names]
        tail_ms, preview_ms = (ms if isinstance(ms, int) and ms >= 0 else None for ms in left)
        return tail_ms, preview_ms

    async def preview(
        self, symbol: Symbol, token: FencingToken, ttl_ms: int, previews: Sequence[Preview]
    ) -> None:
        """Put forming bars beside the live generation; those not after its last bar go."""
        keys = self._preview_keys(symbol, [one.key.timeframe for one in previews])
        args: list[str | bytes] = [str(ttl_ms)]
        for one in previews:
            args += [one.key.timeframe.name, str(one.open_time_ms), codec.preview_json(one)]
        await self._fenced("coldstart_preview", symbol, token, keys, args)

    async def forget(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        timeframes: Sequence[Timeframe],
    ) -> None:
        """Drop tails of a generation; CacheRegressed for the live one and the one before it."""
        keys = self._tail_keys(symbol, generation, timeframes)
        await self._fenced("coldstart_forget", symbol, token, keys, (str(generation),))

    async def publish_tick(self, symbol: Symbol, payload: bytes) -> None:
        """Tell subscribers of one tick."""
        check_incarnation()
        channel = layout.tick_channel(self._namespace, symbol)
        await self._asked(self._redis.publish(channel, payload))

    async def close(self) -> None:
        """Let go of all connections; never raises."""
        with suppress(RedisError):
            await self._redis.aclose(close_connection_pool=True)

    def _gate_keys(self, symbol: Symbol) -> tuple[str, str]:
        return (
            layout.owner_key(self._namespace, symbol),
            layout.live_key(self._namespace, symbol),
        )

    def _tail_keys(
        self, symbol: Symbol, generation: Generation, timeframes: Sequence[Timeframe]
    ) -> tuple[str, ...]:
        return tuple(
            layout.tail_key(self._namespace, SeriesKey(symbol, tf), generation) for tf in timeframes
        )

    def _preview_keys(self, symbol: Symbol, timeframes: Sequence[Timeframe]) -> tuple[str, ...]:
        return tuple(
            layout.preview_key(self._namespace, SeriesKey(symbol, tf)) for tf in timeframes
        )

    def _each_symbol(
        self, function: str, symbols: Sequence[Symbol], token: FencingToken
    ) -> redis.client.Pipeline:
        pipeline = self._redis.pipeline(transaction=False)
        for symbol in symbols:
            pipeline.fcall(function, 2, *self._gate_keys(symbol), str(token.value), token.boot_id)
        return pipeline

    async def _fenced(
        self,
        function: str,
        symbol: Symbol,
        token: FencingToken,
        keys: Sequence[str],
        args: Sequence[str | bytes],
    ) -> None:
        check_incarnation()
        keys = (*self._gate_keys(symbol), *keys)
        # redis-py types keys and values as str only, but passes bytes through untouched.
        values = (str(token.value), token.boot_id, *cast(Sequence[str], args))
        command = self._redis.fcall(function, len(keys), *keys, *values)
        reply = await self._asked(cast(Awaitable[object], command))
        obey([word_in(reply)], f"{function.partition('_')[2]} {symbol} in", self._name)

    def _pointer(self, symbol: Symbol, parts: list[object]) -> Pointer | None:
        try:
            return pointer_in(parts)
        except ValueError as error:
            raise self._without_meaning(symbol, str(error)) from error

    def _without_meaning(self, symbol: Symbol, why: str) -> CacheRegressed:
        return CacheRegressed(
            f"What {self._name} serves of {symbol} has no meaning: {why}.", scope=symbol
        )

    async def _once_loaded(self, call: Callable[[], Awaitable[_T]]) -> _T:
        for _ in range(_LOADING_TRIES):
            try:
                return await self._asked(call())
            except CacheDown as error:
                if not isinstance(error.__cause__, BusyLoadingError):
                    raise
            await asyncio.sleep(_LOADING_S)
        return await self._asked(call())

    async def _asked(self, command: Awaitable[_T]) -> _T:
        try:
            async with within(CALL_TIMEOUT_S):
                return await command
        except (TimeoutError, RedisTimeoutError, RedisConnectionError) as error:
            # A greeting that nobody answers comes as a refused connection caused by a timeout.
            if any(
                isinstance(e, TimeoutError | RedisTimeoutError) for e in (error, error.__cause__)
            ):
                silence = told("redis_silent", CALL_TIMEOUT_S, self._address)
                raise CacheTimeout(silence) from error
            away = told("redis_away", self._address)
            raise CacheDown(away, hint=told("redis_remedy")) from error
        except ResponseError as error:
            raise self._understood(error) from error
        except (RedisError, *_GARBLED) as error:
            raise CacheDown(told("redis_unlike", self._name, repr(error))) from error

    def _understood(self, error: ResponseError) -> UdsError:
        text = str(error).lower()
        if "function not found" in text:
            return CacheRegressed(told("redis_emptied", self._name))
        if "wrongtype" in text:
            return CacheRegressed(f"In {self._name} a key of ours is of another type.")
        if "unknown command" in text:
            return CacheTooOld(f"{self._name} does not know functions.", hint=_NEWER)
        return CacheDown(told("redis_refused", self._name, error))
