"""One console in the engine's process and two attached: one picture, and nothing that grows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from benchmarks.fast_clock import FastClock
from console.board import Board
from console.client import Client, LocalClient
from console.frame import Frame
from console.lines import text_of
from console.link import follow
from console.logbook import LogBook
from console.pages import Page
from console.remote_client import followed
from console.words import Words
from engine.runtime import Engine, open_engine
from tests.engine.builders import GOLD, YEN, small_config
from tests.engine.test_remote import folder

__all__ = ["folder"]
BEGINS_MS = 1_763_566_200_000
"""Wednesday 2025-11-19 15:30 UTC."""
LIVED_S = 8.0
"""Eight minutes of the market."""
SIZE = (160, 48)
EVENTS_MAX = 4


def picture(board: Board, client: Client, page: Page) -> list[str]:
    """What a console would draw of its newest status now, without its own frame."""
    board.outlook = board.outlook.visiting(page)
    status = client.status
    board.learn(status, BEGINS_MS)
    frame = board.frame(BEGINS_MS, *SIZE)
    assert isinstance(frame, Frame)
    shown = [row for name in ("page", "reasons", "processes") for row in frame.rows[name]]
    columns = [line for column in frame.columns for line in column.lines]
    return [text_of(row) for row in (*shown, *columns)]


async def at_rest(engine: Engine, clients: Sequence[Client]) -> None:
    """Until all of them are as far as the engine, and that does not move."""
    async with asyncio.timeout(30):
        while any(client.status != engine.board.status for client in clients):
            await asyncio.sleep(0.02)


async def test_three_consoles_show_the_same_and_do_not_grow(folder: Path) -> None:
    """Whoever attaches sees what the operator in the engine's terminal sees."""
    config = small_config(GOLD, YEN, data_root=str(folder / "data"), api__port=0)
    with patch("engine.sources.SystemClock", FastClock):
        async with (
            open_engine(config, BEGINS_MS, folder / "c.sock") as engine,
            asyncio.timeout(60),
        ):
            while not (folder / "c.sock").exists():
                await asyncio.sleep(0.02)
            async with followed(folder / "c.sock") as ours, followed(folder / "c.sock") as theirs:
                clients: list[Client] = [LocalClient(engine), ours, theirs]
                boards = [Board(Words(), LogBook()) for _ in clients]
                following = [
                    asyncio.create_task(
                        follow(client, lambda status, board=board: board.learn(status, BEGINS_MS))
                    )
                    for client, board in zip(clients, boards, strict=True)
                ]
                await engine.board.until(lambda status: status.opened_gate_after_s is not None)
                tasks, before = len(asyncio.all_tasks()), engine.board.status.seq
                await asyncio.sleep(LIVED_S)
                lived = engine.board.status.seq - before
                for one in following:
                    one.cancel()
                await asyncio.gather(*following, return_exceptions=True)
                assert 10 < lived
                await at_rest(engine, clients)
                for page in (Page.GRID, Page.PROCESSES, Page.REASONS):
                    pictures = [
                        picture(board, client, page)
                        for board, client in zip(boards, clients, strict=True)
                    ]
                    assert any(pictures[0])
                    assert pictures[0] == pictures[1] == pictures[2]
                assert tasks + 3 >= len(asyncio.all_tasks())
                for client in (ours, theirs):
                    assert EVENTS_MAX >= len(client._engine.events)
