"""Thousands of strange answers of Redis: none is taken for more than it is.

The client's own way of making them out is tried with bytes over a socket; what it may make of
them, which is anything, is put into the cache's mouth. No exception escapes but our own, only
OK is OK, nobody is served half an answer, and foreign text is never told as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from uds import codec
from uds.cache import RedisCache
from uds.errors import BadTail, UdsError
from uds.model import Bars, Generation, SeriesKey, Timeframe
from uds.reader import Reader

from .conftest import NAMESPACE
from .mutations import DEAR, Cases
from .samples import GOLD, bars, preview, token
from .test_strange_server import GREETING

M1, M5 = Timeframe.M1, Timeframe.M5
G1 = Generation(1, 1)


class Answered(RedisCache):
    """A cache whose server's answer, as the client made it out, is put into its mouth."""

    def __init__(self) -> None:
        super().__init__("unix:///nowhere", "t")
        self.answer: object = None

    async def _asked(self, command: Any) -> Any:
        command.close()
        return self.answer


def _thing(random: Random, words: Sequence[bytes], depth: int = 0) -> object:
    """Anything that a client may make of an answer."""
    if depth < 3 and random.random() < 0.4:
        things = [_thing(random, words, depth + 1) for _ in range(random.randint(0, 5))]
        return random.choice((things, dict(enumerate(things)), tuple(things)))
    plain = (None, True, 0, -1, 1 << 64, 0.5, float("nan"), "OK", "", b"", b"OK", b"FENCED")
    return random.choice((*plain, *words, *words))


PREVIEW = preview(9)
CALLS: tuple[Callable[[RedisCache], Awaitable[object]], ...] = (
    lambda cache: cache.claim([GOLD], token(1)),
    lambda cache: cache.write(GOLD, token(1), G1, {M1: b"tail"}),
    lambda cache: cache.flip(GOLD, token(1), G1, 0, [M1]),
    lambda cache: cache.extend(GOLD, token(1), G1, 0, {M1: b"tail"}),
    lambda cache: cache.preview(GOLD, token(1), 1, [PREVIEW]),
    lambda cache: cache.forget(GOLD, token(1), G1, [M1]),
)


async def test_only_ok_is_taken_for_ok() -> None:
    """Of all that an answer to a write may look like."""
    cache = Answered()
    words = (b"OK ", b"ok", b"OK\xff", b"SEALED", b"\x1b[2J", b"00000001-0001", b"7")
    with Cases("answers to writes", 8_000) as cases:
        for random in cases:
            thing, call = _thing(random, words), random.choice(CALLS)
            cache.answer = [thing] if call is CALLS[0] else thing
            try:
                await call(cache)
            except UdsError as refusal:
                cases.kinds[type(refusal).__name__] += 1
                cases.expect(str(refusal).isprintable(), "foreign text is told as it is")
                continue
            cases.kinds["taken"] += 1
            first = thing[0] if isinstance(thing, list) and thing else thing
            cases.expect(first == b"OK", f"{thing!r} is taken for OK")


async def test_what_is_served_is_a_generation_or_refused() -> None:
    """Pointers and tails of any kind: never an answer without meaning, never half of one."""
    cache = Answered()
    tails = tuple(codec.pack_tail(tf, bars(n, 0, tf)) for tf in (M1, M5) for n in (0, 3))
    words = (b"00000001-0001", b"00000002-0001", b"1-1", b"3", b"-3", b"9" * 16, *tails)
    with Cases("answers to reads", 8_000) as cases:
        for random in cases:
            pointer: list[object] = [b"00000001-0001", b"3", random.choice((b"", None, words[1]))]
            whole = [*pointer, *random.choices(tails, k=2)]
            for _ in range(random.randint(0, 2)):
                whole[random.randrange(len(whole))] = _thing(random, words)
            cache.answer = whole if random.random() < 0.9 else _thing(random, words)
            try:
                served = await Reader(cache).read(GOLD, (M1, M5))
            except UdsError as refusal:
                cases.kinds[type(refusal).__name__] += 1
                cases.expect(str(refusal).isprintable(), "foreign text is told as it is")
                continue
            cases.kinds["nothing" if served is None else "served"] += 1
            cases.expect(served is None or {M1, M5} == set(served.tails), "a tail is missing")
            cases.expect(served is not None or cache.answer == [], f"{cache.answer!r} is nothing")


async def test_what_is_held_is_told_or_refused() -> None:
    """The owner's heartbeat meets the same."""
    cache = Answered()
    words = (b"00000001-0001", b"3", b"1-1", b"UNCLAIMED")
    with Cases("answers to the heartbeat", 4_000) as cases:
        for random in cases:
            whole: list[object] = [b"OK", b"00000001-0001", b"3", b""]
            whole[random.randrange(4)] = _thing(random, words)
            thing = whole if random.random() < 0.8 else _thing(random, words)
            cache.answer = [thing, {"run_id": _thing(random, words)}]
            try:
                (pointer,) = await cache.holds([GOLD], token(1))
            except UdsError as refusal:
                cases.kinds[type(refusal).__name__] += 1
                cases.expect(str(refusal).isprintable(), "foreign text is told as it is")
                continue
            cases.kinds["nothing" if pointer is None else "held"] += 1
            known = pointer is None or {pointer.generation, pointer.previous} <= GENERATIONS
            cases.expect(known, f"{pointer} was never said")


GENERATIONS = {G1, Generation(2, 1), None}


async def test_a_damaged_tail_is_a_tail_or_refused() -> None:
    """It has no checksum: what comes out has the right length and may be stored."""
    whole = {tf: codec.pack_tail(tf, bars(6, 0, tf)) for tf in (M1, M5)}
    with Cases("packed tails", 10_000) as cases:
        for random in cases:
            timeframe = random.choice((M1, M5))
            data = cases.damaged(random, whole[timeframe], [*whole.values()])
            key = SeriesKey(GOLD, timeframe)
            try:
                found = codec.unpack_tail(key, data)
            except BadTail:
                cases.kinds["refused"] += 1
                continue
            cases.kinds["bars"] += 1
            cases.expect(16 + 56 * len(found) == len(data), "it has another length")
            cases.expect(found.same_as(written_and_read(key, found)), "bars that cannot be stored")


def written_and_read(key: SeriesKey, found: Bars) -> Bars:
    """Bars by way of the disk."""
    header = codec.encode_header(codec.SegmentHeader(key, 1, 1, G1, "first_tick"))
    lines = codec.encode_lines(key, found, codec.header_crc(header)) if len(found) else b""
    return codec.decode_segment(key, header + lines).bars


@asynccontextmanager
async def speaking(folder: Path, answers: dict[bytes, bytes]) -> AsyncIterator[RedisCache]:
    """A cache whose server answers as it is told now, and hangs up after each function."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int((await reader.readline())[1:])
                words.append((await reader.readexactly(length + 2))[:-2])
            writer.write(answers.get(words[0].upper(), b"+OK\r\n"))
            if words[0].upper() in (b"FCALL", b"FCALL_RO"):
                break
        writer.close()

    server = await asyncio.start_unix_server(serve, folder / "s")
    cache = RedisCache(f"unix://{folder / 's'}", NAMESPACE)
    try:
        yield cache
    finally:
        await cache.close()
        server.close()
        await server.wait_closed()


def spoken(*parts: bytes) -> bytes:
    """A list of strings as the protocol spells it."""
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)


async def test_bytes_that_are_no_answer_are_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Another protocol, half an answer, lengths that lie: nobody waits, nothing is made up."""
    tails = (codec.pack_tail(M1, bars(3)), codec.pack_tail(M5, bars(2, 0, M5)))
    whole = spoken(b"00000001-0001", b"3", b"", *tails)
    others = (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"-ERR no\r\n", b":1\r\n", b"*0\r\n", b"_\r\n")
    pool = (whole, whole, spoken(b"OK", b"00000001-0001", b"3"), GREETING, *others)
    answers = {b"HELLO": GREETING}
    async with speaking(tmp_path_factory.mktemp("r"), answers) as cache:
        with Cases("bytes of answers", 3_000 // DEAR) as cases:
            for random in cases:
                answers[b"FCALL_RO"] = said = cases.damaged(random, whole, pool)
                try:
                    served = await Reader(cache).read(GOLD, (M1, M5))
                except UdsError as refusal:
                    cases.kinds[type(refusal).__name__] += 1
                    cases.expect(str(refusal).isprintable(), "foreign text is told as it is")
                    continue
                cases.kinds["nothing" if served is None else "served"] += 1
                cases.expect(served is None or {M1, M5} == set(served.tails), "a tail is missing")
                cases.expect(served is not None or said.startswith(b"*0"), f"{said!r} is nothing")
