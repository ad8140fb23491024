"""An attached console's log page: the engine's lines, once each, also of the next engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from console.logbook import LogBook
from console.shell.reading_logs import borrowed_logs
from engine import ActionRefused


class Engine:
    """Lines behind a number."""

    def __init__(self) -> None:
        self.boot_id = "b1"
        self.lines = ["one", "two"]
        self.is_lost = False

    async def look(self, op: str, args: Mapping[str, object]) -> object:
        """As the operation `logs` answers."""
        assert "logs" == op
        if self.is_lost:
            raise ActionRefused("No engine answers.", "lost")
        since = args["since"]
        assert isinstance(since, int)
        told = [
            {"number": at + 1, "at_ms": at, "level": "INFO", "source": "ui", "text": text}
            for at, text in enumerate(self.lines)
        ]
        return {"boot_id": self.boot_id, "lines": told[since:], "reached": len(told)}


async def test_each_line_comes_once_and_the_next_engine_is_heard_from_its_first() -> None:
    """A restart begins its numbers again."""
    engine, logs = Engine(), LogBook()
    async with borrowed_logs(engine.look, logs):
        await asyncio.sleep(0.05)
        engine.lines.append("three")
        engine.is_lost = True
        await asyncio.sleep(0.6)
        engine.is_lost, engine.boot_id, engine.lines = False, "b2", ["new one"]
        await asyncio.sleep(0.7)

    assert ["one", "two", "new one"] == [line.text for line in logs.lines]
