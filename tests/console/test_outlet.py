"""Frames go out whole or not at all, nothing waits, and after a loss the screen is asked for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from console.terminal import outlet as outlet_module
from console.terminal.outlet import BACKLOG_MAX, Outlet

FRAME = "f" * 6_000
"""More than a pipe takes at once or not at all."""


class Far:
    """The reading end of a pipe that the outlet writes to, and what the outlet told."""

    def __init__(self) -> None:
        self.fd, self.near = os.pipe()
        os.set_blocking(self.near, False)
        os.set_blocking(self.fd, False)
        self.told: list[object] = []
        self.outlet = Outlet(
            self.near,
            lost=lambda error: self.told.append(type(error)),
            stalled=self.told.append,
            redraw=lambda: self.told.append("redraw"),
        )

    def read(self) -> str:
        """All that has arrived."""
        found = b""
        while True:
            try:
                more = os.read(self.fd, 1 << 20)
            except BlockingIOError:
                return found.decode()
            if not more:
                return found.decode()
            found += more

    async def fill(self) -> int:
        """Write frames until one is refused; how many went out or wait."""
        count = 0
        while not self.outlet._is_dropping:
            self.outlet.write(FRAME)
            await asyncio.sleep(0)
            count += 1
        return count - 1


@pytest.fixture
async def far() -> Iterator[Far]:  # type: ignore[misc]
    """A pipe with an outlet."""
    far = Far()
    yield far
    far.outlet.abandon()
    for fd in (far.fd, far.near):
        try:
            os.close(fd)
        except OSError:
            continue


async def test_what_is_written_in_one_turn_is_one_frame(far: Far) -> None:
    """The marks that hold a frame together must not be torn from it."""
    for part in ("begin ", "picture", " end"):
        far.outlet.write(part)
    assert far.read() == ""
    await asyncio.sleep(0)

    assert far.read() == "begin picture end"


async def test_a_reader_that_stops_costs_a_bounded_backlog(far: Far) -> None:
    """A stalled link must neither block the loop nor eat the memory."""
    await far.fill()
    for _ in range(100):
        far.outlet.write(FRAME)
        await asyncio.sleep(0)

    assert far.outlet.backlog <= BACKLOG_MAX + len(FRAME)
    assert far.told == []


async def test_after_a_loss_nothing_is_passed_on_until_all_is_out_and_then_all_is_drawn(
    far: Far,
) -> None:
    """Frames say what differs from the one before: behind a gap they would draw a lie."""
    count = await far.fill()
    text = ""
    while "redraw" not in far.told:
        far.outlet.write("late")
        text += far.read()
        await asyncio.sleep(0.001)
    far.outlet.write("whole screen")
    await asyncio.sleep(0)
    text += far.read()

    assert FRAME * (len(text) // len(FRAME)) + "whole screen" == text
    assert len(text) // len(FRAME) <= count
    assert ["redraw"] == far.told


async def test_a_stall_is_told_once_and_so_is_its_end(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator at another terminal should learn why nobody answers at this one."""
    monkeypatch.setattr(outlet_module, "STALLED_AFTER_S", 0.05)
    await far.fill()
    await asyncio.sleep(0.2)
    assert [True] == far.told
    begun = far.outlet.backlog
    assert begun < len(FRAME)  # only the frame that has begun still waits
    while len(far.told) < 3:
        far.read()
        await asyncio.sleep(0.001)

    assert [True, False, "redraw"] == far.told


async def test_changes_of_modes_are_never_dropped(far: Far) -> None:
    """A terminal that never heard of the other screen would be drawn over."""
    await far.fill()
    far.outlet.switch("<modes>")
    far.outlet._stall()
    text = ""
    while "redraw" not in far.told:
        text += far.read()
        await asyncio.sleep(0.001)

    assert (text + far.read()).endswith("<modes>")


async def test_closing_waits_no_longer_than_it_may(far: Far) -> None:
    """SIGTERM must end a console whose terminal does not read."""
    await far.fill()
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    far.outlet.close("<leave>", within_s=0.1)

    assert loop.time() - begun_s < 0.3
    far.outlet.write("nothing")
    await asyncio.sleep(0)
    assert "nothing" not in far.read()


async def test_closing_finishes_the_frame_that_has_begun_and_leaves_the_modes(far: Far) -> None:
    """Half an escape sequence before the modes would spoil them."""
    far.outlet.write("frame")
    await asyncio.sleep(0)
    far.outlet.close("<leave>", within_s=0.1)

    assert "frame<leave>" == far.read()
    assert [] == far.told


async def test_a_reader_that_is_gone_is_told_once(far: Far) -> None:
    """Each write fails from then on; one word is enough."""
    os.close(far.fd)
    for _ in range(3):
        far.outlet.write("frame")
        far.outlet.switch("modes")
        await asyncio.sleep(0)

    assert [BrokenPipeError] == far.told
