"""`S` in front of a running engine: one file that explains it, by either road to the engine."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from unittest import mock

import pytest
from rich.cells import cell_len

from console.app import ConsoleApp
from console.client import Client
from console.lines import end_kept
from engine.degraded import DegradedCode
from engine.events import ReasonRaised
from engine.runtime import Engine
from tests.engine.builders import GOLD
from tests.test_report_command import unpacked

from .stage import drawn
from .test_clients import both, folder

__all__ = ["folder"]
SECRET = "pl4nted-P4ss"
WANTED = {"screen.svg", "screen.txt", "logs.txt", "status.json", "reasons.json", "timeline.json"}
NAME = "incident-3f9ac1d2-20251121T215500Z.tar.gz"


async def bundled(client: Client, engine: Engine, home: Path) -> tuple[Path, list[str]]:
    """Press the key at 80 columns; the file, and the screen that says where it is."""
    config = engine.tools.config
    app = ConsoleApp(client, engine.clock.now_ms, ascii_only=False, config=config)
    async with app.run_test(size=(80, 24)) as pilot:
        await drawn(pilot)
        await pilot.press("S")
        async with asyncio.timeout(20):
            while not any("tar.gz" in row for row in await drawn(pilot, 0.05)):
                continue
        rows = await drawn(pilot)
        (path,) = (home / "coldstart").iterdir()
        assert path.name in rows[22]
        await pilot.press("7")
        journal = "".join(row.strip() for row in await drawn(pilot))
    assert str(path) in journal
    return path, rows


async def test_the_bundle_holds_screen_and_engine_and_no_secret(
    folder: Path, tmp_path: Path
) -> None:
    """In the engine's process and attached to it; its name is readable at 80 columns."""
    async with both(folder) as (engine, clients):
        detail = f"401 for demo:{SECRET}"
        engine.board.post(ReasonRaised(DegradedCode.BROKER_FETCH_FAILED, GOLD, detail))
        for at, client in enumerate(clients):
            home = tmp_path / str(at)
            environ = {"XDG_STATE_HOME": str(home), "FXCM_PASSWORD": SECRET}
            with mock.patch.dict(os.environ, environ):
                path, _ = await bundled(client, engine, home)
            files = unpacked(path)
            assert set(files) >= WANTED
            assert "BROKER_FETCH_FAILED" in files["screen.txt"]
            reasons = json.loads(files["reasons.json"])["reasons"]
            assert "401 for demo:***" in [reason["detail"] for reason in reasons]
            assert not [name for name, text in files.items() if SECRET in text]
            assert "The running engine answered." in files["about.txt"]


@pytest.mark.parametrize("width", [200, 100, 80, 60, 45, 20])
def test_the_name_of_a_file_is_the_last_to_go(width: int) -> None:
    """The head of a path can be guessed, its end cannot."""
    path = f"/home/operator/.local/state/coldstart/{NAME}"
    said = end_kept(f"the incident bundle is {path}", path, width)

    assert NAME in said
    assert width >= cell_len(said) or said == NAME
    assert (path in said) == (width == 200)
    assert width != 80 or f" …/coldstart/{NAME}" in said
    assert "short" == end_kept("short", path, 3)
    assert "no path in it" == end_kept("no path in it", "", 5)
