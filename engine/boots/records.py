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

from ..degraded import DegradedCode
from ..errors import RecordUnreadable
from ..event_log import Posted
from ..events import (
    BarsCounted,
    BrokerChanged,
    CellsChanged,
    DepthChanged,
    ReasonCleared,
    ReasonRaised,
)
from ..process import Tools
from ..replica import posted_json, status_json
from ..status import Status
from ..subscription import Subscription
from .past_boots import boot_of, primed_rate
from .stages import asked
from .timeline import Timeline
from .waterfall import Waterfall

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
    is_before_read = False
    try:
        while True:
            _say(tools, await record.flush())
            if not is_before_read and tools.board.status.opened_gate_after_s is not None:
                is_before_read = True  # not sooner: a cold start has no time to spare
                tools.earlier.boot = await asyncio.to_thread(_boot_before, tools)
            await asyncio.sleep(_FLUSH_S)
    finally:
        await record.end()


def recorded_boots(data_root: Path) -> tuple[Path, ...]:
    """The records of a data folder, oldest first: names grow with the owner's token.

    Raises OSError when there is a folder of records that cannot be listed.
    """
    folder = data_root / BOOTS_FOLDER
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return tuple(folder / name for name in names if name.endswith(".jsonl"))


def read_boot(path: Path) -> Waterfall:
    """What a recorded boot took; raises RecordUnreadable, OSError."""
    with open(path, encoding="utf-8", errors="replace") as lines:
        return boot_of(lines)


def last_prime_rate(data_root: Path) -> float | None:
    """Bars a second that Redis took in the newest boot that primed anything; None without one."""
    try:
        newest_first = recorded_boots(data_root)[::-1]
    except OSError:
        return None
    for path in newest_first:
        try:
            with open(path, encoding="utf-8", errors="replace") as lines:
                rate = primed_rate(lines)
        except OSError:
            continue
        if rate is not None:
            return rate
    return None


class BootRecord:
    """The record of one boot."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        status = tools.board.status
        self._subscription: Subscription = tools.board.subscribe()
        self._unwritten = _opening(status, tools)
        self._writing: asyncio.Future[None] | None = None
        self._span_count = 0
        self._request_count = 0
        self._is_gate_told = False
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
        """In a thread of its own; the first lines make the file and remove old ones.

        Where there is no room for all of them none stay: they are written again, and a record
        with half a line in its midst could not be read.
        """
        if not self._path.exists():
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            _remove_oldest(self._path.parent)
        data = lines.encode()
        with open(self._path, "ab", buffering=0, opener=_private) as file:
            begin = os.fstat(file.fileno()).st_size
            try:
                while data:
                    data = data[file.write(data) :]
            except OSError:
                file.truncate(begin)
                raise

    def _happened(self) -> Iterator[dict[str, object]]:
        if self._is_cut:
            return
        while found := self._subscription.taken():
            if isinstance(found, Status):
                yield {"snapshot": status_json(found)}
            else:
                yield from map(posted_json, self._telling(found))
        yield from self._requests()
        yield from self._spans(self._tools.timeline)
        yield from self._gate()

    def _spans(self, timeline: Timeline) -> Iterator[dict[str, object]]:
        for span in timeline.after(self._span_count):
            yield {"span": asdict(span)}
        self._span_count = timeline.noted_count

    def _requests(self) -> Iterator[dict[str, object]]:
        """Before the spans: a reader then knows what of a fetch was work when he sees it."""
        fresh = self._tools.session.answered[self._request_count :]
        self._request_count += len(fresh)
        for one in asked(fresh, self._tools.opened_s):
            yield {"request": asdict(one)}

    def _gate(self) -> Iterator[dict[str, object]]:
        after_s = self._tools.board.status.opened_gate_after_s
        if after_s is not None and not self._is_gate_told:
            self._is_gate_told = True
            yield {"gate": {"opened_after_s": after_s}}

    def _telling(self, posted: Iterable[Posted]) -> Iterator[Posted]:
        status = self._tools.board.status
        if status.opened_gate_after_s is None:
            yield from posted
            return
        open_ms = status.opened_ms + round(status.opened_gate_after_s * 1_000)
        yield from (p for p in posted if p.at_ms <= open_ms or not isinstance(p.event, _EVERYDAY))


def _opening(status: Status, tools: Tools) -> str:
    """Who booted, and the status as it was then."""
    who = {
        "record": RECORD,
        "boot_id": status.boot_id,
        "owner_token": status.owner_token,
        "name": status.name,
        "market": status.market,
        "opened_ms": status.opened_ms,
        "real_ms": tools.clock.real_ms(),
        "ready_budget_s": tools.config.bootstrap.prime_ready_timeout_s,
        "prime_budget_s": status.prime.budget_s,
    }
    return _line(who) + _line({"snapshot": status_json(status)})


def _boot_before(tools: Tools) -> Waterfall | None:
    """In a thread of its own; a record that cannot be read is none."""
    own = f"{tools.board.status.owner_token or 0:08d}"
    try:
        older = [path for path in recorded_boots(tools.config.data_root) if path.stem < own]
        return read_boot(older[-1]) if older else None
    except (OSError, RecordUnreadable):
        return None


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
