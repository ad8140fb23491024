"""The real Redis: five fenced functions over one small pool, no client retries, 0.5 s a call.

A timed-out command may have been applied, so only calls that may be repeated cross this file.
The functions themselves are in `functions.lua` and are loaded at `connect`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from importlib.resources import files
from typing import TypeVar, cast

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from . import codec, layout
from .errors import (
    CacheDown,
    CacheRegressed,
    CacheTimeout,
    CacheTooOld,
    Fenced,
    UdsError,
)
from .model import FencingToken, Generation, Preview, SeriesKey, Symbol, Timeframe
from .ports import Pointer

CALL_TIMEOUT_S = 0.5
CONNECT_TIMEOUT_S = 0.3
_CONNECTIONS = 8
_VERSION_MIN = 7

_T = TypeVar("_T")


class RedisCache:
    """Cache over one Redis-protocol server."""

    def __init__(self, url: str, namespace: str) -> None:
        self._namespace = namespace
        self._where = layout.shown_address(url)
        pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=CALL_TIMEOUT_S,
            socket_timeout=CALL_TIMEOUT_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = redis.Redis(connection_pool=pool)

    async def connect(self) -> None:
        """Reach the server, check its version, load the functions."""
        info = cast(dict[str, object], await self._asked(self._redis.info("server")))
        version = str(info.get("valkey_version") or info.get("redis_version", "0"))
        major = version.partition(".")[0]
        if not major.isdecimal() or int(major) < _VERSION_MIN:
            raise CacheTooOld(
                f"The server at {self._where} is version {version}.",
                hint="Redis 7 or newer, or any Valkey, is needed; or remove redis.url.",
            )
        library = (files("uds") / "functions.lua").read_text("utf-8")
        await self._asked(self._redis.function_load(library, replace=True))

    async def claim(self, symbols: Sequence[Symbol], token: FencingToken) -> None:
        """Become the owner of every symbol; raises Fenced when a higher token is."""
        args = (str(token.value), token.boot_id)
        for word in await self._each_owner("coldstart_claim", symbols, args):
            self._obey(word, "claim")

    async def holds(self, symbols: Sequence[Symbol], token: FencingToken) -> None:
        """Check that we still own them all; raises Fenced, CacheRegressed."""
        for word in await self._each_owner("coldstart_holds", symbols, (str(token.value),)):
            self._obey(word, "check ownership of")

    async def write(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Put tails of a generation that is not live."""
        keys = (*self._gate_keys(symbol), *self._tail_keys(symbol, generation, tuple(tails)))
        args: tuple[str | bytes, ...] = (str(token.value), str(generation), *tails.values())
        self._obey(await self._call("coldstart_write", keys, args), f"prime {symbol} in")

    async def flip(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        seq: int,
        timeframes: Sequence[Timeframe],
    ) -> None:
        """Make a complete generation the live one."""
        keys = (*self._gate_keys(symbol), *self._tail_keys(symbol, generation, timeframes))
        args = (str(token.value), str(generation), str(seq))
        self._obey(await self._call("coldstart_flip", keys, args), f"flip {symbol} in")

    async def extend(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        from_seq: int,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Replace tails of the live generation, drop their previews, advance seq by one."""
        previews = (layout.preview_key(self._namespace, SeriesKey(symbol, tf)) for tf in tails)
        keys = (
            *self._gate_keys(symbol),
            *self._tail_keys(symbol, generation, tuple(tails)),
            *previews,
        )
        channel = layout.update_channel(self._namespace, symbol)
        head = (str(token.value), str(generation), str(from_seq), channel, str(len(tails)))
        word = await self._call("coldstart_extend", keys, (*head, *tails.values()))
        self._obey(word, f"extend {symbol} in")

    async def read(
        self, symbol: Symbol, timeframes: Sequence[Timeframe]
    ) -> tuple[Pointer, dict[Timeframe, bytes]] | None:
        """Pointer and tails in one step; None when nothing is live."""
        keys = (layout.live_key(self._namespace, symbol),)
        reply = await self._call("coldstart_read", keys, tuple(tf.name for tf in timeframes))
        if not isinstance(reply, list) or not reply:
            return None
        found = zip(timeframes, reply[3:], strict=True)
        return self._pointer(symbol, reply), {tf: v for tf, v in found if v is not None}

    async def preview(
        self, symbol: Symbol, token: FencingToken, ttl_ms: int, previews: Sequence[Preview]
    ) -> None:
        """Put forming bars beside the live generation; those not after its last bar go."""
        keys = (
            *self._gate_keys(symbol),
            *(layout.preview_key(self._namespace, preview.key) for preview in previews),
        )
        args: list[str | bytes] = [str(token.value), str(ttl_ms)]
        for one in previews:
            args += [one.key.timeframe.name, str(one.open_time_ms), codec.preview_json(one)]
        word = await self._call("coldstart_preview", keys, tuple(args))
        self._obey(word, f"preview {symbol} in")

    async def forget(
        self, symbol: Symbol, generation: Generation, timeframes: Sequence[Timeframe]
    ) -> None:
        """Drop the tails of a generation nobody is served from."""
        await self._asked(self._redis.unlink(*self._tail_keys(symbol, generation, timeframes)))

    async def publish_tick(self, symbol: Symbol, payload: bytes) -> None:
        """Tell subscribers of one tick."""
        channel = layout.tick_channel(self._namespace, symbol)
        await self._asked(self._redis.publish(channel, payload))

    async def close(self) -> None:
        """Let go of all connections."""
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

    def _pointer(self, symbol: Symbol, reply: list[object]) -> Pointer:
        try:
            words = (part.decode() if isinstance(part, bytes) else "" for part in reply[:3])
            generation, seq, previous = words
            before = Generation.parse(previous) if previous else None
            return Pointer(Generation.parse(generation), int(seq), before)
        except ValueError as error:
            raise CacheRegressed(
                f"What Redis at {self._where} serves of {symbol} has no meaning: {error}."
            ) from error

    async def _each_owner(
        self, function: str, symbols: Sequence[Symbol], args: tuple[str, ...]
    ) -> list[object]:
        pipeline = self._redis.pipeline(transaction=False)
        for symbol in symbols:
            pipeline.fcall(function, 1, layout.owner_key(self._namespace, symbol), *args)
        return cast(list[object], await self._asked(pipeline.execute()))

    async def _call(
        self, function: str, keys: tuple[str, ...], args: tuple[str | bytes, ...]
    ) -> object:
        # redis-py types keys and values as str only, but passes bytes through untouched.
        command = self._redis.fcall(function, len(keys), *keys, *cast(tuple[str, ...], args))
        return await self._asked(cast(Awaitable[object], command))

    async def _asked(self, command: Awaitable[_T]) -> _T:
        try:
            return await command
        except RedisTimeoutError as error:
            raise CacheTimeout(
                f"Redis at {self._where} did not answer within {CALL_TIMEOUT_S} s."
            ) from error
        except RedisConnectionError as error:
            raise CacheDown(
                f"Redis at {self._where} cannot be reached.",
                hint="Start it, correct redis.url, or remove redis.url for the embedded server.",
            ) from error
        except ResponseError as error:
            raise self._understood(error) from error
        except RedisError as error:
            raise CacheDown(f"Redis at {self._where} failed: {error}.") from error

    def _understood(self, error: ResponseError) -> UdsError:
        text = str(error).lower()
        if "function not found" in text:
            return CacheRegressed(f"Redis at {self._where} lost our functions.")
        if "unknown command" in text:
            return CacheTooOld(
                f"The server at {self._where} does not know functions.",
                hint="Redis 7 or newer, or any Valkey, is needed; or remove redis.url.",
            )
        return CacheDown(f"Redis at {self._where} refused a command: {error}.")

    def _obey(self, word: object, doing: str) -> None:
        if word == b"OK":
            return
        said = word.decode() if isinstance(word, bytes) else repr(word)
        if said == "FENCED":
            raise Fenced(
                f"Another owner with a higher token took Redis at {self._where}.",
                hint="Use the engine that owns it now.",
            )
        raise CacheRegressed(f"Could not {doing} Redis at {self._where}: it answered {said}.")
