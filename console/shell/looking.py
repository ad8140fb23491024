"""The commands that look at a running engine: one answer, or as long as it takes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing, suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from .errands import asked, fail, loaded, run_loop, show, tell
from .exits import Exit
from .options import BadOption, Options
from .prose import status_prose
from .prose_events import EventProse
from .prose_looking import grid_prose, why_prose

if TYPE_CHECKING:
    from pathlib import Path

    from engine import RemoteEngine, Status

_GRACE_S = 3.0
"""How long an engine that is just being started is waited for before it counts as absent."""
_RETRY_S = 0.2
_PAGE = 1_000


def look_at_status(options: Options) -> Exit:
    """The whole status."""
    document = asked(options, "status", {})
    show(json.dumps(document) if options.is_json else status_prose(document))
    return _verdict(document)


def look_at_grid(options: Options) -> Exit:
    """Every cell, a row a symbol."""
    document = asked(options, "status", {})
    if options.is_json:
        wanted = ("boot_id", "as_of_ms", "readiness", "degraded", "progress", "cells")
        show(json.dumps({"schema": 1, **{name: document[name] for name in wanted}}))
    else:
        show(grid_prose(document))
    return _verdict(document)


def look_why(options: Options, subject: str | None) -> Exit:
    """Why the gate, a symbol or a cell is not as it should be."""
    document = asked(options, "status", {})
    found = _why_document(document, subject)
    show(json.dumps(found) if options.is_json else why_prose(found))
    return Exit.OK if found["ready"] and not _is_degraded(found["reasons"]) else Exit.NOT_READY


def wait_for(options: Options, what: str) -> Exit:
    """Until it is so; the engine may come, go and come back meanwhile."""
    reached = _predicate(what)
    try:
        waited_s = run_loop(asyncio.wait_for(_waited(options, reached), options.timeout_s))
    except TimeoutError:
        fail(Exit.TIMEOUT, f"It is not so after {options.timeout_s:g} s: {what}.")
    said = f"{what} after {waited_s:.1f} s"
    document = {"schema": 1, "for": what, "reached": True, "waited_s": round(waited_s, 3)}
    show(json.dumps(document) if options.is_json else said)
    return Exit.OK


def look_at_events(options: Options, since: int | None, *, is_following: bool) -> Exit:
    """What happened, and with `-f` what happens, a line an event."""
    prose = EventProse()

    def say(event: dict[str, Any]) -> None:
        line = json.dumps(event) if options.is_json else prose.line(event)
        if line is not None:
            show(line)

    if not is_following:
        for event in _past(options, since or 0):
            say(event)
        return Exit.OK
    with suppress(TimeoutError):
        run_loop(asyncio.wait_for(_follow(options, since, say), options.timeout_s))
    return Exit.OK


def _verdict(document: dict[str, Any]) -> Exit:
    is_well = document["readiness"] and not document["degraded"]
    return Exit.OK if is_well else Exit.NOT_READY


def _is_degraded(reasons: Iterable[dict[str, Any]]) -> bool:
    return any(reason["severity"] == "degraded" for reason in reasons)


def _why_document(document: dict[str, Any], subject: str | None) -> dict[str, Any]:
    cells: dict[str, dict[str, Any]] = document["cells"]
    if subject is None:
        gate = document["gate"]
        return {
            "schema": 1,
            "subject": "gate",
            "state": gate["state"],
            "since_ms": gate["since_ms"],
            "ready": document["readiness"],
            "why": gate["why"],
            "reasons": document["reasons"],
            "as_of_ms": document["as_of_ms"],
        }
    symbol, timeframe = _series(cells, subject)
    rows = {tf: cell for tf, cell in cells[symbol].items() if timeframe in (None, tf)}
    names = {f"{symbol}/{tf}" for tf in rows}
    scopes = {*names, symbol, None}
    return {
        "schema": 1,
        "subject": subject,
        "state": document["gate"]["state"],
        "since_ms": document["gate"]["since_ms"],
        "ready": all(cell["primed"] for cell in rows.values()),
        "why": [why for why in document["gate"]["why"] if why["subject"] in names],
        "reasons": [reason for reason in document["reasons"] if reason["scope"] in scopes],
        "as_of_ms": document["as_of_ms"],
        "cells": rows,
    }


def _series(cells: dict[str, dict[str, Any]], subject: str) -> tuple[str, str | None]:
    """The symbol, and the timeframe if one is named; the command ends here if there is none."""
    if subject in cells:
        return subject, None
    symbol, _, timeframe = subject.rpartition("/")
    if timeframe in cells.get(symbol, {}):
        return symbol, timeframe
    known = [*cells, *(f"{symbol}/{tf}" for symbol, row in cells.items() for tf in row)]
    near = get_close_matches(subject.upper(), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(cells)}."
    fail(Exit.USAGE, f"There is no symbol or cell {subject!r}; {hint}")


def _predicate(what: str) -> Callable[[Status], bool]:
    """What `--for` means; raises BadOption in a sentence."""
    kind, _, name = what.partition(":")
    if what == "gate":
        return lambda status: status.gate_state.is_open
    if kind == "symbol" and name:
        return lambda status: _served(status, name)
    if kind == "phase":
        return _has_phase(name)
    fail(Exit.USAGE, f"--for {what!r} is none of gate, symbol:S and phase:P.")


def _has_phase(name: str) -> Callable[[Status], bool]:
    from engine import Phase

    order = [phase.value for phase in Phase]
    if name not in order:
        fail(Exit.USAGE, f"There is no phase {name!r}; there are {', '.join(order)}.")
    return lambda status: order.index(status.phase.value) >= order.index(name)


def _served(status: Status, symbol: str) -> bool:
    if symbol not in status.symbols:
        raise BadOption(f"There is no symbol {symbol!r}; there are {', '.join(status.symbols)}.")
    return all(c.serving is not None for k, c in status.cells.items() if k.symbol == symbol)


async def _waited(options: Options, reached: Callable[[Status], bool]) -> float:
    """How many seconds it took."""
    from engine import EngineUnreachable

    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    async with aclosing(_engines(options)) as engines:
        async for remote in engines:
            try:
                while not reached(remote.status):
                    await remote.changed()
                break
            except EngineUnreachable:
                tell("The engine is gone; waiting for it to come back.")
    return loop.time() - begin_s


async def _engines(options: Options) -> AsyncGenerator[RemoteEngine, None]:
    """The engine, and after it was lost the engine again; absent from the beginning is an error."""
    from engine import EngineSilent, EngineUnreachable, attached, socket_path

    path: Path = socket_path(loaded(options).data_root, options.socket)
    loop = asyncio.get_running_loop()
    patient_until_s: float | None = loop.time() + _GRACE_S
    while True:
        try:
            async with attached(path) as remote:
                patient_until_s = None
                yield remote
        except EngineSilent:
            raise
        except EngineUnreachable:
            if patient_until_s is not None and loop.time() > patient_until_s:
                raise
        await asyncio.sleep(_RETRY_S)


def _past(options: Options, since: int) -> Iterable[dict[str, Any]]:
    """What the engine still keeps, page by page."""
    while True:
        page = asked(options, "events", {"since": since, "limit": _PAGE})
        if page["lost"]:
            tell(f"What came before event {page['oldest_seq']} is not kept any more.")
        yield from page["events"]
        if not page["events"] or page["events"][-1]["seq"] >= page["newest_seq"]:
            return
        since = page["events"][-1]["seq"]


async def _follow(
    options: Options, since: int | None, say: Callable[[dict[str, Any]], None]
) -> None:
    from engine import EngineUnreachable

    boot_id, seen = "", since
    async with aclosing(_engines(options)) as engines:
        async for remote in engines:
            if boot_id and boot_id != remote.status.boot_id:
                tell("The engine was started anew; its events begin again.")
                seen = 0
            boot_id = remote.status.boot_id
            try:
                await _heard(remote, seen, say)
            except EngineUnreachable:
                seen = remote.status.seq
                tell("The engine is gone; waiting for it to come back.")


async def _heard(
    remote: RemoteEngine, since: int | None, say: Callable[[dict[str, Any]], None]
) -> None:
    """Events behind `since`, or from now on; until the engine is lost."""
    from engine import posted_json

    told = remote.status.seq
    if since is not None and since < told:
        told = since
        while told < remote.status.seq:
            page = await remote.ask("events", {"since": told, "limit": _PAGE})
            if page["lost"]:
                tell(f"What came before event {page['oldest_seq']} is not kept any more.")
            for event in page["events"]:
                say(event)
                told = event["seq"]
    while True:
        while remote.events:
            posted = remote.events.popleft()
            if posted.seq > told:
                say(posted_json(posted))
                told = posted.seq
        await remote.changed()
