"""Drills run on short paths, with deadlines of seconds, and end with a table of what was seen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .stage import FACTS, NIGHTLY


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of many seconds are cut to a few, unless the night's real ones are wanted."""
    if not NIGHTLY:
        monkeypatch.setattr("engine.broker.session.LOGIN_TIMEOUT_S", 1.0)
        monkeypatch.setattr("engine.broker.session.REQUEST_TIMEOUT_S", 1.0)
        monkeypatch.setattr("engine.attempt.REQUEST_TIMEOUT_S", 1.0)
        monkeypatch.setattr("engine.broker.faulty.RETRY_AFTER_S", 0.5)
        monkeypatch.setattr("engine.processes.connector.EMPTY_RETRY_S", 1.0)
        monkeypatch.setattr("engine.processes.m1_poller.EMPTY_RETRY_S", 1.0)


@pytest.fixture(scope="session", autouse=True)
def table() -> Iterator[None]:
    """What was seen after how long; `-s` shows it."""
    yield
    print(
        f"\n\n{'drill':5} {'what':34} {'reason':24} {'detectable':>10} {'loud':>7} {'healed':>7}  "
        f"{'200/503/empty, slowest':26} {'gate':38} blast radius"
    )
    for fact in sorted(FACTS, key=lambda one: (int(one.drill[1:]), one.what)):
        print(
            f"{fact.drill:5} {fact.what:34} {fact.code:24} {fact.detectable_s:9.1f}s "
            f"{fact.loud_s:6.2f}s {fact.healed_s:6.2f}s  {fact.answers:26} {fact.gate:38} "
            f"{fact.radius}"
        )
