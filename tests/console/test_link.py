"""The screen follows the engine: newest wins, ten pictures a second, rest when nothing moves."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from console.link import FLUSH_S, follow
from console.messages import StatusChanged, Told
from console.pulse import FADE_S, FAST_S, SLOW_S, pulse_s
from engine.cell import Cell, CellState
from engine.status import Status
from uds.model import Timeframe

from . import scenes
from .scenes import OPENED_MS, FakeClient
from .stage import FLUSHED_S, NOW_MS, drawn, staged


async def test_a_burst_of_changes_is_shown_once_and_the_newest_is_never_lost() -> None:
    """Drawing each event doubles the cost; skipping the last one would leave a lie standing."""
    client = FakeClient(scenes.cold())
    seen: list[Status] = []
    link = asyncio.create_task(follow(client, seen.append))
    await asyncio.sleep(0)
    for seq in range(1, 51):
        client.push(replace(client.status, seq=seq))
        await asyncio.sleep(0)
    await asyncio.sleep(2.5 * FLUSH_S)
    link.cancel()

    assert 50 == seen[-1].seq
    assert len(seen) <= 4


async def test_a_change_during_the_pause_between_two_pictures_is_seen() -> None:
    """The engine may fall silent right after it: nothing else would wake the link."""
    client = FakeClient(scenes.cold())
    seen: list[Status] = []
    link = asyncio.create_task(follow(client, seen.append))
    await asyncio.sleep(FLUSH_S / 3)
    client.push(replace(client.status, seq=7))
    await asyncio.sleep(2.5 * FLUSH_S)
    link.cancel()

    assert [0, 7] == [status.seq for status in seen]


def test_only_levels_are_swallowed() -> None:
    """Of statuses the newest is enough; each answer to an operator is an event."""
    older, newer = StatusChanged(scenes.cold()), StatusChanged(scenes.cold())

    assert older.can_replace(newer)
    assert not Told("done").can_replace(Told("done too"))


async def test_the_screen_shows_what_the_engine_says_next() -> None:
    """The whole road: client, link, message, screen."""
    app, client = staged(scenes.start_of_boot())
    async with app.run_test(size=(80, 24)) as pilot:
        assert "ready 0/104" in (await drawn(pilot))[0]
        client.push(scenes.end_of_boot())
        rows = await drawn(pilot, FLUSHED_S)
        assert "ready 104/104" in rows[0]
        assert rows[1].startswith("gate OPEN")


async def test_elapsed_runs_while_the_gate_is_closed_and_then_stands() -> None:
    """A running clock after the opening would say that something is still awaited."""
    moment_ms = OPENED_MS + 3_000
    app, client = staged(scenes.middle_of_boot(), now_ms=lambda: moment_ms)
    async with app.run_test(size=(80, 24)) as pilot:
        assert "+00:03.0" in (await drawn(pilot, FLUSHED_S))[0]
        moment_ms += 1_500
        assert "+00:04.5" in (await drawn(pilot, FLUSHED_S))[0]
        client.push(scenes.end_of_boot())
        assert "+00:04.6" in (await drawn(pilot, FLUSHED_S))[0]
        moment_ms += 60_000
        assert "+00:04.6" in (await drawn(pilot, FLUSHED_S))[0]


def test_nothing_ticks_when_nothing_moves() -> None:
    """An idle console must cost next to nothing."""
    quiet = scenes.end_of_boot()
    asked = replace(quiet, broker=replace(quiet.broker, unanswered_since_ms=NOW_MS))

    assert pulse_s(quiet, NOW_MS, ages_shown=False) is None
    assert SLOW_S == pulse_s(quiet, NOW_MS, ages_shown=True)
    assert SLOW_S == pulse_s(asked, NOW_MS, ages_shown=False)
    assert FAST_S == pulse_s(scenes.middle_of_boot(), NOW_MS, ages_shown=False)


def test_fading_marks_wake_the_screen_once() -> None:
    """The underline of a change ends three seconds after it, not with the next event."""
    cell = Cell(
        CellState.SEALED, bars=9, serving=next(iter(scenes.end_of_boot().generations.values()))
    )
    now = scenes.cells(scenes.end_of_boot(), "NGAS", NOW_MS, {Timeframe.M1: cell})

    assert 2.0 == pulse_s(now, NOW_MS + 1_000, ages_shown=False)
    assert FADE_S == pulse_s(now, NOW_MS + 2_999, ages_shown=False)
    assert pulse_s(now, NOW_MS + 3_000, ages_shown=False) is None
