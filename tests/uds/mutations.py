"""What may happen to bytes on their way: by accident, by another program, or by a forger.

Each mutation takes a generator, the bytes and a pool of others, and gives what became of them.
A forger also makes the checksums of lines right again. `Cases` deals out the generators, each
with a seed of its own, and gathers what was found.
"""

from __future__ import annotations

import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Self, TypeAlias

DEAR = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 6
"""Of the cases that take milliseconds one in so many is tried."""
Mutation: TypeAlias = Callable[[Random, bytes, Sequence[bytes]], bytes]

_NUMBER = re.compile(rb"(?<=:)-?[0-9][0-9.]*")
_ODD_VALUES = (
    *(b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1e-400", b"-0", b"-1", b"0", b"00"),
    *(b"true", b"null", b'""', b'"1"', b"[]", b"{}", b"1.5", b"1e3", b"0x10", b"1_000", b"+1"),
    *(str(edge).encode() for bits in (31, 32, 53, 63, 64) for edge in (1 << bits, (1 << bits) - 1)),
    *(b"9" * 30, b"9" * 500, b"-9223372036854775808", b"-9223372036854775809"),
)
_ODD_TEXT = (
    *(b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\x1b[2J"),
    *(b"\\ud800", b"\\u0000", b"\\", b'"', b"\r", b"\x00", b"\xe2\x80\xa8", b"\n", b"}{", b"//"),
)
_SEALED = re.compile(rb'^(.*),"crc":"[^"]*"\}$', re.DOTALL)


def flipped(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """One to three bits."""
    found = bytearray(data)
    for _ in range(random.randint(1, 3)):
        found[random.randrange(len(found))] ^= 1 << random.randrange(8)
    return bytes(found)


def zeroed(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """A stretch of NULs, within the file or behind it."""
    first, end = _stretch(random, data)
    return data[:first] + bytes(end - first) + (data[end:] if random.random() < 0.8 else b"")


def torn(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """The end is gone."""
    return data[: random.randrange(len(data))]


def gone(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """A stretch is gone and the rest moves up."""
    first, end = _stretch(random, data)
    return data[:first] + data[end:]


def noisy(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Random bytes over others, or between them."""
    first, end = _stretch(random, data)
    rest = data[end:] if random.random() < 0.5 else data[first:]
    return data[:first] + random.randbytes(random.randint(1, 40)) + rest


def spliced(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """It goes on as another file does, from anywhere to anywhere."""
    other = random.choice(pool)
    first = random.randrange(len(data))
    return data[:first] + other[random.randrange(len(other)) :]


def overwritten(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """A block of another file lies in it."""
    first, end = _stretch(random, data)
    other = random.choice(pool)
    begin = random.randrange(len(other))
    return data[:first] + other[begin : begin + end - first] + data[end:]


def exchanged(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """It is another file."""
    return random.choice(pool)


def headed(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Its first line is another's."""
    return random.choice(pool).partition(b"\n")[0] + b"\n" + data.partition(b"\n")[2]


def grafted(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """A line of another file, in place of one or between two."""
    lines, line = _lines(data), random.choice(_lines(random.choice(pool)))
    at = random.randrange(len(lines))
    lines[at : at + random.randint(0, 1)] = [line]
    return b"".join(lines)


def repeated(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """A line comes twice, at once or later."""
    lines = _lines(data)
    lines.insert(random.randint(0, len(lines)), random.choice(lines))
    return b"".join(lines)


def removed(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """One to three lines are gone."""
    lines = _lines(data)
    for _ in range(min(random.randint(1, 3), len(lines))):
        del lines[random.randrange(len(lines))]
    return b"".join(lines)


def swapped(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Two lines have changed places."""
    lines = _lines(data)
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def endless(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """A line of a megabyte, or of just more than is allowed."""
    lines = _lines(data)
    length = random.choice((1 << 20, 1_025, 1_024, 1_023))
    lines.insert(
        random.randint(0, len(lines)), random.choice((b"x", b"[", b"{", b"9")) * length + b"\n"
    )
    return b"".join(lines)


def windows(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Lines end as elsewhere, all of them or one."""
    return data.replace(b"\n", b"\r\n", random.choice((-1, 1, 2)))


def odd_text(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """What is no UTF-8, or is and does harm."""
    at = random.randrange(len(data))
    return data[:at] + random.choice(_ODD_TEXT) + data[at + random.randint(0, 2) :]


def odd_value(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """A number is none, too large, or something else."""
    numbers = list(_NUMBER.finditer(data))
    if not numbers:
        return odd_text(random, data, pool)
    found = random.choice(numbers)
    return data[: found.start()] + random.choice(_ODD_VALUES) + data[found.end() :]


def deep(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """A number is a list of lists of lists, closed or not."""
    depth = random.choice((40, 450, 5_000, 100_000))
    nest = b"[" * depth + (b"]" * depth if random.random() < 0.5 else b"")
    if random.random() < 0.3:
        nest = b'{"a":' * depth
    numbers = list(_NUMBER.finditer(data))
    if not numbers:
        return nest
    found = random.choice(numbers)
    return data[: found.start()] + nest + data[found.end() :]


def twice_named(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """A key comes twice in its object, with another value."""
    numbers = list(re.finditer(rb'"[a-z_0-9A-Z]+":-?[0-9.]+', data))
    if not numbers:
        return repeated(random, data, pool)
    found = random.choice(numbers)
    name = found.group().partition(b":")[0]
    return (
        data[: found.end()] + b"," + name + b":" + random.choice(_ODD_VALUES) + data[found.end() :]
    )


def emptied(random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
    """Nothing, or next to nothing."""
    return random.choice((b"", b"\n", b"{}", b"{}\n", b"[]", b"null", b"\x00" * len(data)))


FREQUENT: tuple[Mutation, ...] = (
    *(flipped, zeroed, torn, gone, noisy, spliced, overwritten, exchanged, headed, grafted),
    *(repeated, removed, swapped, windows, odd_text, odd_value, twice_named),
)
RARE: tuple[Mutation, ...] = (endless, deep, emptied)
_RARE_SHARE = 0.03
_TWICE_SHARE = 0.15


def mutated(random: Random, data: bytes, pool: Sequence[bytes]) -> tuple[str, bytes]:
    """Something, sometimes two things, that may have happened; never empty in between."""
    mutation = random.choice(RARE if random.random() < _RARE_SHARE else FREQUENT)
    found = mutation(random, data, pool)
    if found and random.random() < _TWICE_SHARE:
        found = random.choice(FREQUENT)(random, found, pool)
    return mutation.__name__, found


def resealed(data: bytes) -> bytes:
    """Every line with the checksum that a forger would give it, the first line's included."""
    seed, found = 0, []
    for number, line in enumerate(data.split(b"\n")):
        match = _SEALED.match(line)
        if match is None:
            found.append(line)
            continue
        crc = zlib.crc32(match[1], seed)
        seed = crc if number == 0 else seed
        found.append(b'%b,"crc":"%08x"}' % (match[1], crc))
    return b"\n".join(found)


class Cases:
    """So many cases of one subject, each with a seed of its own, and what was found."""

    def __init__(self, subject: str, count: int) -> None:
        self.subject = subject
        self.count = count
        self.kinds: Counter[str] = Counter()
        self.mutations: Counter[str] = Counter()
        self.faults: list[str] = []
        self._name = ""

    def __enter__(self) -> Self:
        return self

    def __iter__(self) -> Iterator[Random]:
        for number in range(self.count):
            self._name = f"{self.subject} {number}"
            yield Random(self._name)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Say how many there were; name the case that raised, or those in which it did not hold."""
        if error is not None:
            error.add_note(f"in case {self._name!r}")
            return
        found, by = dict(self.kinds.most_common()), dict(self.mutations.most_common())
        print(f"{self.subject}: {self.count} cases, found {found}, by {by}")
        assert [] == self.faults[:10], f"{len(self.faults)} of {self.count} cases"

    def damaged(self, random: Random, data: bytes, pool: Sequence[bytes]) -> bytes:
        """What became of some bytes."""
        name, found = mutated(random, data, pool)
        self._name += f" {name}"
        self.mutations[name] += 1
        return found

    def expect(self, holds: bool, sentence: str) -> None:
        """Note what does not hold."""
        if not holds:
            self.faults.append(f"{self._name}: {sentence}")


def _stretch(random: Random, data: bytes) -> tuple[int, int]:
    """Somewhere in the data; mostly short."""
    first = random.randrange(len(data))
    longest = 600 if random.random() < 0.3 else 20
    return first, min(len(data), first + random.randint(1, longest))


def _lines(data: bytes) -> list[bytes]:
    """Each with its newline; there is always one."""
    return data.splitlines(keepends=True) or [b"\n"]
