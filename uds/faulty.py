"""Disk, Cache and steps that obey a FaultPlan: the seams drills and simulation inject through.

`FaultyDisk` and `FaultyCache` stand before any Disk and Cache, the real ones in a live drill.
`FaultySteps` is the seam of a simulated disk and works one floor deeper, on single steps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from typing import NamedTuple, TypeAlias, TypeVar

from .errors import CacheDown, CacheTimeout, DiskFailed, DiskFull, UdsError
from .fault import Fault, FaultKind, FaultPlan, Injection
from .model import FencingToken, Generation, Preview, SeriesKey, Symbol, Timeframe
from .ports import Append, Cache, Disk, Pointer

CALL_TIMEOUT_S = 0.5
"""How long a call of the cache that is never answered takes, as at the real one."""

Sleep: TypeAlias = Callable[[float], Awaitable[None]]
"""Waits that many seconds, of whatever clock."""

_T = TypeVar("_T")

_LOOK = frozenset({FaultKind.REFUSE, FaultKind.SLOW})
_CHANGE = _LOOK | {FaultKind.FULL, FaultKind.LOSE_REPLY}
_CALL = _LOOK | {FaultKind.TIME_OUT, FaultKind.LOSE_REPLY}
_LOOKING_STEPS = frozenset({"names", "read", "size", "lock"})
_HINT = "This failure was injected."


class FaultyDisk:
    """A disk that fails where a plan wants it; operations are called `disk.<method>`.

    Locking and closing never fail here: a drill must not cost the folder.
    """

    def __init__(self, inner: Disk, plan: FaultPlan, sleep: Sleep) -> None:
        self._inner = inner
        self._passage = _Passage("disk", plan, sleep, _disk_error)

    async def lock(self, holder: str) -> None:
        """Own the folder, as the disk behind does."""
        await self._inner.lock(holder)

    async def names(self, folder: str) -> tuple[str, ...]:
        """Entries of a folder."""
        call = partial(self._inner.names, folder)
        return await self._passage.through("names", (folder,), _LOOK, call)

    async def read(
        self, path: str, from_byte: int = 0, until_byte: int | None = None
    ) -> bytes | None:
        """A part of a file, perhaps with one bit flipped; the file itself stays as it is."""
        data = await self._inner.read(path, from_byte, until_byte)
        able = _LOOK | {FaultKind.CORRUPT} if data else _LOOK
        hit = self._passage.hit("read", (path,), able)
        if hit is None:
            return data
        if data and hit.injection.fault.kind is FaultKind.CORRUPT:
            return _flipped(data, hit.injection.draw)
        return await self._passage.suffer("read", hit, partial(_answer, data))

    async def size(self, path: str) -> int | None:
        """Length of a file."""
        return await self._passage.through("size", (path,), _LOOK, partial(self._inner.size, path))

    async def append(self, appends: Iterable[Append]) -> None:
        """Write each; one that fails leaves those before it whole and none after it."""
        if not self._passage.is_about("append"):
            return await self._inner.append(appends)  # whose bytes are made in its own thread
        appends = tuple(appends)
        hit = self._passage.hit("append", [path for path, _ in appends], _CHANGE)
        if hit is None:
            return await self._inner.append(appends)
        fault = hit.injection.fault
        if fault.kind in (FaultKind.REFUSE, FaultKind.FULL):
            await self._inner.append(_until(appends, hit.place, fault.kept_bytes))
        await self._passage.suffer("append", hit, partial(self._inner.append, appends))

    async def make(self, folders: Sequence[str]) -> None:
        """Make folders."""
        call = partial(self._inner.make, folders)
        await self._passage.through("make", folders, _CHANGE, call)

    async def create(self, path: str, data: bytes) -> bool:
        """Create a file that must not exist; False when it does."""
        call = partial(self._inner.create, path, data)
        return await self._passage.through("create", (path,), _CHANGE, call)

    async def replace(self, path: str, data: bytes, keep_as: str | None = None) -> None:
        """Put a whole file in place of another, or of none."""
        call = partial(self._inner.replace, path, data, keep_as)
        await self._passage.through("replace", (path,), _CHANGE, call)

    async def truncate(self, path: str, length: int) -> None:
        """Cut the end off a file."""
        call = partial(self._inner.truncate, path, length)
        await self._passage.through("truncate", (path,), _CHANGE, call)

    async def link(self, path: str, as_path: str) -> None:
        """Give a durable file a second name; a fault is matched with that one."""
        call = partial(self._inner.link, path, as_path)
        await self._passage.through("link", (as_path,), _CHANGE, call)

    async def remove(self, paths: Sequence[str]) -> None:
        """Remove files."""
        call = partial(self._inner.remove, paths)
        await self._passage.through("remove", paths, _CHANGE, call)

    def close(self) -> None:
        """Let go of what the disk behind holds."""
        self._inner.close()


class FaultyCache:
    """A cache that fails where a plan wants it; operations are called `cache.<method>`.

    Closing never fails here.
    """

    def __init__(self, inner: Cache, plan: FaultPlan, sleep: Sleep) -> None:
        self._inner = inner
        self._passage = _Passage("cache", plan, sleep, _cache_error)

    async def connect(self) -> None:
        """Reach the server."""
        await self._passage.through("connect", ("",), _CALL, self._inner.connect)

    async def claim(self, symbols: Sequence[Symbol], token: FencingToken) -> None:
        """Become the owner of every symbol."""
        call = partial(self._inner.claim, symbols, token)
        await self._passage.through("claim", symbols, _CALL, call)

    async def holds(
        self, symbols: Sequence[Symbol], token: FencingToken
    ) -> tuple[Pointer | None, ...]:
        """What readers of each are served, as long as all are ours."""
        call = partial(self._inner.holds, symbols, token)
        return await self._passage.through("holds", symbols, _CALL, call)

    async def write(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Put tails of a generation."""
        call = partial(self._inner.write, symbol, token, generation, tails)
        await self._passage.through("write", (symbol,), _CALL, call)

    async def flip(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        seq: int,
        timeframes: Sequence[Timeframe],
    ) -> None:
        """Make a complete generation the live one."""
        call = partial(self._inner.flip, symbol, token, generation, seq, timeframes)
        await self._passage.through("flip", (symbol,), _CALL, call)

    async def extend(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        from_seq: int,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Replace tails of the live generation."""
        call = partial(self._inner.extend, symbol, token, generation, from_seq, tails)
        await self._passage.through("extend", (symbol,), _CALL, call)

    async def read(
        self, symbol: Symbol, timeframes: Sequence[Timeframe]
    ) -> tuple[Pointer, dict[Timeframe, bytes]] | None:
        """Pointer and tails, perhaps with one bit of one tail flipped; Redis keeps the good one."""
        found = await self._inner.read(symbol, timeframes)
        solid = [timeframe for timeframe, tail in found[1].items() if tail] if found else []
        able = _CALL | {FaultKind.CORRUPT} if solid else _CALL
        hit = self._passage.hit("read", (symbol,), able)
        if hit is None:
            return found
        if found and hit.injection.fault.kind is FaultKind.CORRUPT:
            pointer, tails = found
            chosen = solid[hit.injection.draw % len(solid)]
            return pointer, {**tails, chosen: _flipped(tails[chosen], hit.injection.draw)}
        return await self._passage.suffer("read", hit, partial(_answer, found))

    async def expires(
        self, key: SeriesKey, generation: Generation
    ) -> tuple[int | None, int | None]:
        """In how many ms a tail and a forming bar go."""
        call = partial(self._inner.expires, key, generation)
        return await self._passage.through("expires", (key.symbol,), _CALL, call)

    async def preview(
        self, symbol: Symbol, token: FencingToken, ttl_ms: int, previews: Sequence[Preview]
    ) -> None:
        """Put forming bars beside the live generation."""
        call = partial(self._inner.preview, symbol, token, ttl_ms, previews)
        await self._passage.through("preview", (symbol,), _CALL, call)

    async def forget(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        timeframes: Sequence[Timeframe],
    ) -> None:
        """Drop tails of a generation."""
        call = partial(self._inner.forget, symbol, token, generation, timeframes)
        await self._passage.through("forget", (symbol,), _CALL, call)

    async def publish_tick(self, symbol: Symbol, payload: bytes) -> None:
        """Tell subscribers of one tick."""
        call = partial(self._inner.publish_tick, symbol, payload)
        await self._passage.through("publish_tick", (symbol,), _CALL, call)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._inner.close()


class FaultySteps:
    """The seam of a simulated disk; steps have the names that `StepSeam` gives them."""

    def __init__(self, plan: FaultPlan, sleep: Sleep) -> None:
        self._plan = plan
        self._sleep = sleep

    async def before(self, name: str, path: str) -> Fault | None:
        """The fault for this step; one that is only slow is waited for here."""
        able = _LOOK if name in _LOOKING_STEPS else _CHANGE
        injection = self._plan.next(name, path, able | {FaultKind.CRASH})
        if injection is None:
            return None
        if injection.fault.kind is FaultKind.SLOW:
            await self._sleep(injection.fault.delay_s)
            return None
        return injection.fault


class _Hit(NamedTuple):
    """Which subject of a call a fault applies to."""

    place: int
    """Its place among the subjects of the call."""
    subject: str
    """The path or symbol."""
    injection: Injection
    """What to do."""


class _Passage:
    """What every call of one seam goes through."""

    def __init__(
        self,
        place: str,
        plan: FaultPlan,
        sleep: Sleep,
        error: Callable[[FaultKind, str, str], UdsError],
    ) -> None:
        self._place = place
        self._plan = plan
        self._sleep = sleep
        self._error = error

    def is_about(self, operation: str) -> bool:
        """Whether an armed fault is about such calls."""
        return self._plan.is_about(f"{self._place}.{operation}")

    async def through(
        self,
        operation: str,
        subjects: Sequence[str],
        able: Set[FaultKind],
        call: Callable[[], Awaitable[_T]],
    ) -> _T:
        """Call, as well or as badly as the plan wants it."""
        hit = self.hit(operation, subjects, able)
        return await call() if hit is None else await self.suffer(operation, hit, call)

    def hit(self, operation: str, subjects: Sequence[str], able: Set[FaultKind]) -> _Hit | None:
        """The first subject of a call that a fault applies to; None when all is well."""
        for index, subject in enumerate(subjects):
            injection = self._plan.next(f"{self._place}.{operation}", subject, able)
            if injection is not None:
                return _Hit(index, subject, injection)
        return None

    async def suffer(self, operation: str, hit: _Hit, call: Callable[[], Awaitable[_T]]) -> _T:
        """Call late, in vain, or not at all."""
        kind = hit.injection.fault.kind
        if kind is FaultKind.SLOW:
            await self._sleep(hit.injection.fault.delay_s)
            return await call()
        if kind is FaultKind.LOSE_REPLY:
            await call()
        error = self._error(kind, operation, hit.subject)
        if isinstance(error, CacheTimeout):
            await self._sleep(CALL_TIMEOUT_S)
        raise error


def _disk_error(kind: FaultKind, operation: str, path: str) -> UdsError:
    if kind is FaultKind.FULL:
        return DiskFull(f"No space left on device: could not {operation} {path}.", hint=_HINT)
    return DiskFailed(f"Input/output error: could not {operation} {path}.", hint=_HINT)


def _cache_error(kind: FaultKind, operation: str, symbol: str) -> UdsError:
    what = f"{operation} {symbol}".strip()
    if kind is FaultKind.REFUSE:
        return CacheDown(f"Redis refused to {what}.", hint=_HINT)
    return CacheTimeout(f"Redis did not {what} within {CALL_TIMEOUT_S} s.", hint=_HINT)


def _until(appends: Sequence[Append], index: int, kept_bytes: int | None) -> list[Append]:
    """What is written of a batch whose index-th append fails."""
    path, data = appends[index]
    part = [] if kept_bytes is None else [Append(path, data[:kept_bytes])]
    return [*appends[:index], *part]


def _flipped(data: bytes, draw: int) -> bytes:
    """The same bytes but for one bit."""
    at, bit = divmod(draw % (len(data) * 8), 8)
    return b"".join((data[:at], bytes((data[at] ^ 1 << bit,)), data[at + 1 :]))


async def _answer(found: _T) -> _T:
    return found
