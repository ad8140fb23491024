"""F8: bytes on disk that are not what was written, found at a start or by the scrub."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.builders import GOLD, YEN, key
from uds.layout import series_folder
from uds.model import Timeframe
from uds.upkeep import segments_of

from .stage import Stage, stage_config, staged

BACK_S = 5.0
SCRUB_S = 1.0
"""One file is read again a second."""


def segment(folder: Path, symbol: str = GOLD, timeframe: Timeframe = Timeframe.M1) -> Path:
    """The oldest file of a series."""
    return min((folder / series_folder(key(symbol, timeframe))).iterdir())


def flip_a_bit(path: Path) -> None:
    """In the middle of a line."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def blank_a_block(path: Path) -> None:
    """As a file system does that lost a block: NULs."""
    data = bytearray(path.read_bytes())
    begin = len(data) // 2
    data[begin : begin + 512] = bytes(512)
    path.write_bytes(data)


def splice(path: Path) -> None:
    """A good line of the other symbol in the middle of this one's."""
    lines = path.read_bytes().splitlines(keepends=True)
    others = segment(path.parents[2], YEN).read_bytes().splitlines(keepends=True)
    lines[len(lines) // 2] = others[len(others) // 2]
    path.write_bytes(b"".join(lines))


def insert_a_megabyte(path: Path) -> None:
    """One line that never ends."""
    lines = path.read_bytes().splitlines(keepends=True)
    lines.insert(len(lines) // 2, b'{"symbol":"' + b"x" * 2**20 + b'"}\n')
    path.write_bytes(b"".join(lines))


def tear(path: Path) -> None:
    """A line that was being written when the power went."""
    with path.open("ab") as file:
        file.write(b'{"symbol":"XAU/USD","tf_s":60,"open_ti')


@pytest.fixture(scope="module")
def filled() -> Iterator[Path]:
    """A folder an engine has filled and left in order."""

    async def fill(folder: Path) -> None:
        async with staged(stage_config(folder)) as stage:
            await stage.opened()

    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        asyncio.run(fill(Path(name)))
        yield Path(name)


@pytest.fixture
def written(filled: Path, folder: Path) -> Path:
    """A copy of it."""
    shutil.copytree(filled, folder, dirs_exist_ok=True)
    return folder


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (flip_a_bit, "CORRUPT_JSONL"),
        (blank_a_block, "CORRUPT_JSONL"),
        (splice, "CORRUPT_JSONL"),
        (insert_a_megabyte, "CORRUPT_JSONL"),
        (tear, "TORN_TAIL"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
async def test_damage_found_at_a_start_is_said_kept_and_refetched(
    written: Path, damage: Callable[[Path], None], code: str
) -> None:
    """No wrong bar is served, what was bad lies in quarantine, the other symbol asks nothing."""
    damage(segment(written))
    async with staged(stage_config(written)) as stage:
        loud_s = await stage.said(stage.began, code)
        healed_s = await stage.healed(stage.began, "CORRUPT_JSONL") - loud_s
        await stage.opened()

        assert healed_s <= BACK_S
        assert any((written / "quarantine").iterdir())
        assert {str(key(GOLD, Timeframe.M1))} == {
            str(r.scope)
            for r in (*stage.status.healed, *stage.status.reasons)
            if r.code.value == code
        }
        radius = stage.untouched(stage.began, ())
        what = f"{damage.__name__.replace('_', ' ')}, at a start"
        stage.note("F8", what, code, loud_s, loud_s, healed_s, radius)


async def test_damage_found_by_the_scrub_is_repaired_behind_the_readers(written: Path) -> None:
    """The generation in RAM is sound and goes on being served until the repaired one is."""
    async with staged(stage_config(written)) as stage:
        await stage.opened()
        refused = stage.answers.refused
        path = next_of_the_scrub(stage, written)
        mark = stage.mark()
        flip_a_bit(path)
        loud_s = await stage.said(mark, "CORRUPT_JSONL")
        healed_s = await stage.healed(stage.mark(), "CORRUPT_JSONL")

        hurt = path.parents[1].name.replace("_", "/")
        assert healed_s <= BACK_S
        assert refused == stage.answers.refused
        assert 2 == stage.status.generations[hurt].n
        radius = stage.untouched(mark, {GOLD, YEN} - {hurt})
        what = "flip a bit, while it runs"
        stage.note("F8", what, "CORRUPT_JSONL", SCRUB_S, loud_s, healed_s, radius)


def next_of_the_scrub(stage: Stage, folder: Path) -> Path:
    """The file that is read again next."""
    store = stage.engine.store
    files = segments_of(store._shelves[symbol].live for symbol in (GOLD, YEN))  # type: ignore[misc]
    return folder / files[(store._scrub_turn + 1) % len(files)][1].path
