"""Every boot written down as it goes: JSON lines that can be compared, drawn and played again.

`<data_root>/boots/<token>.jsonl` begins with who booted and with the status as it was then;
after that it holds each event with its place and time and each span. Until the gate first
opens everything is written; later only what an operator would ask about, because a healthy
engine says the same things every minute for months. A record has a largest size and old ones
are removed. It proves nothing and nothing is served from it, so a record that cannot be
written is a reason and never stops the engine.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from uds import BOOTS_FOLDER

from .clock import Clock
from .degraded import DegradedCode
from .event_log import Posted
from .events import (
    BarsCounted,
    BrokerChanged,
    CellsChanged,
    DepthChanged,
    ReasonCleared,
    ReasonRaised,
)
from .process import Tools
from .replica import posted_json, status_json
from .status import Status
from .subscription import Subscription
from .timeline import Timeline

RECORD = 1
"""The version of the format."""
BOOTS_KEPT = 50
RECORD_BYTES_MAX = 16 * 1024 * 1024
_FLUSH_S = 0.5
_END_S = 2.0
_SCOPE = "boots"
_EVERYDAY = (CellsChanged, BrokerChanged, BarsCounted, DepthChanged)
"""What is not written once the gate has opened."""


async def record_boot(tools: Tools) -> None:
    """Write until cancelled; the last lines are written on the way out."""
    record = BootRecord(tools)
    try:
        while True:
            _say(tools, await record.flush())
            await asyncio.sleep(_FLUSH_S)
    finally:
        await record.end()


class BootRecord:
    """The record of one boot."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        status = tools.board.status
        self._subscription: Subscription = tools.board.subscribe()
        self._unwritten = _opening(status, tools.clock)
        self._writing: asyncio.Future[None] | None = None
        self._span_count = 0
        self._bytes_left = RECORD_BYTES_MAX
        self._is_cut = False
        folder = tools.config.data_root / BOOTS_FOLDER
        self._path = folder / f"{status.owner_token or 0:08d}.jsonl"

    async def flush(self) -> str | None:
        """Write what happened since; why that failed, as a sentence, or None."""
        lines = self._gathered()
        if not lines:
            return None
        self._writing = asyncio.ensure_future(asyncio.to_thread(self._append, lines))
        try:
            await asyncio.shield(self._writing)
        except OSError as error:
            return f"This boot cannot be recorded: {error.strerror or error}."
        self._wrote(lines)
        return None

    async def end(self) -> None:
        """The last lines; whatever stands in their way, the engine is stopping."""
        if self._writing is not None and not self._writing.done():
            await asyncio.wait((self._writing,), timeout=_END_S)
            if self._writing.done() and self._writing.exception() is None:
                self._wrote(self._unwritten)
        await self.flush()
        self._unwritten += _line({"end": {"at_ms": self._tools.clock.now_ms()}})
        await self.flush()

    def _gathered(self) -> str:
        """What was not written yet, with what happened since."""
        self._unwritten += "".join(map(_line, self._happened()))
        if not self._is_cut and len(self._unwritten) > self._bytes_left:
            self._unwritten = _line({"cut": "the record has reached its largest size"})
            self._is_cut = True
        return self._unwritten

    def _wrote(self, lines: str) -> None:
        self._bytes_left -= len(lines)
        self._unwritten = self._unwritten.removeprefix(lines)

    def _append(self, lines: str) -> None:
        """In a thread of its own; the first lines make the file and remove old ones."""
        if not self._path.exists():
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            _remove_oldest(self._path.parent)
        with open(self._path, "a", encoding="utf-8", opener=_private) as file:
            file.write(lines)

    def _happened(self) -> Iterator[dict[str, object]]:
        if self._is_cut:
            return
        while found := self._subscription.taken():
            if isinstance(found, Status):
                yield {"snapshot": status_json(found)}
            else:
                yield from map(posted_json, self._telling(found))
        yield from self._spans(self._tools.timeline)

    def _spans(self, timeline: Timeline) -> Iterator[dict[str, object]]:
        for span in timeline.after(self._span_count):
            yield {"span": asdict(span)}
        self._span_count = timeline.noted_count

    def _telling(self, posted: Iterable[Posted]) -> Iterator[Posted]:
        status = self._tools.board.status
        if status.opened_gate_after_s is None:
            yield from posted
            return
        open_ms = status.opened_ms + round(status.opened_gate_after_s * 1_000)
        yield from (p for p in posted if p.at_ms <= open_ms or not isinstance(p.event, _EVERYDAY))


def _opening(status: Status, clock: Clock) -> str:
    """Who booted, and the status as it was then."""
    who = {
        "record": RECORD,
        "boot_id": status.boot_id,
        "owner_token": status.owner_token,
        "name": status.name,
        "market": status.market,
        "opened_ms": status.opened_ms,
        "real_ms": clock.real_ms(),
    }
    return _line(who) + _line({"snapshot": status_json(status)})


def _line(document: dict[str, object]) -> str:
    return json.dumps(document, separators=(",", ":")) + "\n"


def _say(tools: Tools, failed: str | None) -> None:
    """A record that is not written is a reason, until it is."""
    code = DegradedCode.DISK_ERROR
    if failed is not None:
        tools.board.post(ReasonRaised(code, _SCOPE, failed))
    elif any((r.code, r.scope) == (code, _SCOPE) for r in tools.board.status.reasons):
        tools.board.post(ReasonCleared(code, _SCOPE))


def _remove_oldest(folder: Path) -> None:
    """Room for one more; names grow with the owner's token."""
    for old in sorted(folder.glob("*.jsonl"))[: -(BOOTS_KEPT - 1)]:
        old.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
