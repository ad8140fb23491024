"""The options that every command shares; they may stand before or after the command's name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

WITH_VALUE = frozenset(
    {
        "--config",
        "--data",
        "--broker",
        "--redis",
        "--at",
        "--port",
        "--socket",
        "--timeout",
        "--yes-i-mean",
        "--lang",
    }
)
FLAGS = frozenset(
    {"--json", "--yes", "--quiet", "--read-only", "--ascii", "--mouse", "--allow-drills"}
)
_REPLAY = "replay:"
AT_YEARS = (1980, 2198)
"""Calendars are known a little further on both sides, for what is looked at from there."""
TIMEOUT_MAX_S = 31_536_000
"""A year; the system's own timers end not far beyond."""
_NOT_YET = ("fxcm", "oanda")


class BadOption(ValueError):
    """An option that cannot be read; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for, as text was given."""

    config: Path | None = None
    """The configuration file; None means ./config.json, else the built-in one."""
    data: Path | None = None
    """The data folder; None means the configured one."""
    broker: str | None = None
    """sim or replay:PATH; None means the configured one."""
    redis: str | None = None
    """A server's address; None means the configured one."""
    at: str | None = None
    """An instant in ISO 8601; None means now."""
    port: int | None = None
    """Where the API listens, 0 picks; None means the configured one."""
    socket: Path | None = None
    """The control socket; None means its place in the data folder."""
    timeout_s: float | None = None
    """How long to wait; None means as long as it takes, or a command's own limit."""
    is_json: bool = False
    is_yes: bool = False
    is_quiet: bool = False
    is_read_only: bool = False
    """Whether an engine that is started here may be looked at only."""
    yes_i_mean: str | None = None
    """The phrase of a destroying act; None means that it is asked for."""
    lang: str | None = None
    """The screen's language, en or uk; None means the configured one, else the locale's."""
    is_ascii: bool = False
    """Whether the screen draws with ASCII only; else as configured or as the terminal can."""
    is_mouse: bool = False
    """Whether the screen hears the mouse."""

    allows_drills: bool = False
    """Whether live drills may be run on `env: prod` too."""

    def overrides(self) -> dict[str, Any]:
        """The configuration's keys that the command line replaces. Raises BadOption."""
        found: dict[str, Any] = {}
        if self.data is not None:
            found["data_root"] = os.path.realpath(self.data)
        if self.redis is not None:
            found["redis.url"] = self.redis
        if self.port is not None:
            found["api.port"] = self.port
        if self.broker is not None:
            found |= _broker(self.broker)
        if self.lang is not None:
            found["console.lang"] = self.lang
        if self.is_ascii:
            found["console.ascii"] = True
        if self.allows_drills:
            found["drills.live"] = True
        return found

    def at_ms(self) -> int | None:
        """The instant to run as if it were now, UTC ms. Raises BadOption."""
        if self.at is None:
            return None
        try:
            instant = datetime.fromisoformat(self.at)
        except ValueError as error:
            raise BadOption(
                f"--at {self.at!r} is not an instant such as 2026-12-25T12:00:00Z."
            ) from error
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=ZoneInfo("UTC"))
        if not AT_YEARS[0] <= instant.year <= AT_YEARS[1]:
            raise BadOption(f"--at {self.at!r} is not in the years {AT_YEARS[0]} to {AT_YEARS[1]}.")
        return round(instant.timestamp() * 1_000)


def hoisted(arguments: list[str]) -> list[str]:
    """The same arguments with the shared options in front of the command's name."""
    front: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            rest += [word, *waiting]
            break
        name = re.match(r"--[a-z-]+", word)
        if word in FLAGS or (name and name[0] in WITH_VALUE and "=" in word):
            front.append(word)
        elif word in WITH_VALUE:
            front += [word, *waiting[:1]]
            waiting = waiting[1:]
        else:
            rest.append(word)
    return [*front, *rest]


def _broker(text: str) -> dict[str, Any]:
    if text.startswith(_REPLAY):
        path = os.path.realpath(os.path.expanduser(text.removeprefix(_REPLAY)))
        if text == _REPLAY:
            raise BadOption(f"--broker {text!r} names no folder, as replay:PATH does.")
        return {"broker.kind": "replay", "broker.replay.path": path}
    if text in _NOT_YET:
        raise BadOption(f"--broker {text} is not in this version; there are sim and replay:PATH.")
    if text != "sim":
        raise BadOption(f"--broker {text!r} is neither sim nor replay:PATH.")
    return {"broker.kind": text}
