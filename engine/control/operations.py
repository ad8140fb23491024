"""The operations of the control socket: a name, its arguments, and what it answers.

Each is a function of the engine, the seat it is asked from, and arguments that are hostile
until taken; one that must read disk or Redis first is a coroutine. `subscribe` and
`unsubscribe` belong to a connection and stand in `conversation.py`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict

from uds import DiskFailed
from uds.model import SeriesKey, Timeframe

from ..acts.action import Action, Given, Operable, Question
from ..acts.actions import ACTIONS
from ..acts.seat import ARM_S, Seat
from ..boots.boot_times import timeline_document
from ..drills.catalog import catalog_document
from ..duties.host_use import host_use
from ..errors import ActionRefused
from ..event_log import KEPT_EVENTS
from ..events import OperatorActed
from ..refusals import refusal
from ..replica import plain, posted_json
from ..sayings import saying
from ..serving.wire import SCHEMA, reason_document, status_document
from ..xray import xray
from .protocol import PROTOCOL, Args, BadRequest

_EVENTS_LIMIT = 1_000
_LOGS_LIMIT = 250
"""So many lines of the longest kind fit into one answer, whatever their characters."""


async def perform(engine: Operable, seat: Seat, op: str, args: Args) -> object:
    """The result in JSON's types; raises BadRequest, ActionRefused."""
    operation = OPERATIONS.get(op)
    if operation is None:
        known = ", ".join((*OPERATIONS, "subscribe", "unsubscribe"))
        raise BadRequest(f"There is no operation {op[:40]!r}; there are {known}.", "unknown_op", "")
    found = operation(engine, seat, args)
    return await found if isinstance(found, Awaitable) else found


async def look(engine: Operable, seat: Seat, op: str, given: Mapping[str, object]) -> object:
    """The same for a client in the engine's process; raises ActionRefused."""
    try:
        return await perform(engine, seat, op, Args(given))
    except BadRequest as error:
        raise ActionRefused(str(error), error.code, error.hint) from error


def _hello(engine: Operable, seat: Seat, args: Args) -> object:
    args.done()
    status = engine.tools.board.status
    return {
        "protocol": PROTOCOL,
        "name": status.name,
        "market": status.market,
        "boot_id": status.boot_id,
        "owner_token": status.owner_token,
        "pid": os.getpid(),
        "seq": status.seq,
        "now_ms": engine.tools.clock.now_ms(),
        "ops": [*OPERATIONS, "subscribe", "unsubscribe"],
        **_scope(engine, seat),
    }


def _status(engine: Operable, _: Seat, args: Args) -> object:
    args.done()
    document = status_document(engine.tools.board.status, engine.tools.clock.now_ms())
    return document.model_dump(mode="json")


def _events(engine: Operable, _: Seat, args: Args) -> object:
    """What the log still has behind `since`, oldest first, a page at a time."""
    since, limit = args.whole("since", 0), args.whole("limit", _EVENTS_LIMIT, least=1)
    args.done()
    board = engine.tools.board
    found = board.log.after(since, min(limit, KEPT_EVENTS))
    oldest = board.log.oldest_seq
    if found is None:
        assert oldest is not None
        found = board.log.after(oldest - 1, min(limit, KEPT_EVENTS)) or ()
    lost = oldest is not None and since < oldest - 1
    return {
        "events": [posted_json(posted) for posted in found],
        "oldest_seq": oldest,
        "newest_seq": board.status.seq,
        "lost": lost,
    }


def _reasons(engine: Operable, _: Seat, args: Args) -> object:
    args.done()
    status = engine.tools.board.status
    return {
        "schema": SCHEMA,
        "degraded": status.degraded,
        "reasons": [reason_document(reason).model_dump(mode="json") for reason in status.reasons],
        "healed": [reason_document(reason).model_dump(mode="json") for reason in status.healed],
    }


def _timeline(engine: Operable, _: Seat, args: Args) -> object:
    args.done()
    return timeline_document(engine.tools)


async def _host(engine: Operable, _: Seat, args: Args) -> object:
    """What is taken from the host, and which process holds the loop; read anew."""
    args.done()
    found = plain(await host_use(engine))
    assert isinstance(found, dict)
    return {"schema": SCHEMA, **found}


def _logs(engine: Operable, _: Seat, args: Args) -> object:
    """Lines behind `since`, oldest first; `reached` is where the next question goes on."""
    since, limit = args.whole("since", 0), args.whole("limit", _LOGS_LIMIT, least=1)
    process = args.text("process", "")
    args.done()
    ring = engine.tools.logs
    known = ring.sources | {child.name for child in engine.tools.board.status.processes}
    if process and process not in known:
        listed = ", ".join(sorted(known))
        raise refusal(saying("no_process", process[:40], listed), code="unknown")
    limit = min(limit, _LOGS_LIMIT)
    newest = ring.newest
    found = ring.after(since, limit, process)
    reached = max(newest, found[-1].number) if found else newest
    if len(found) == limit:
        reached = found[-1].number
    return {
        "boot_id": engine.tools.board.status.boot_id,
        "lines": [asdict(line) for line in found],
        "reached": reached,
    }


async def _xray(engine: Operable, _: Seat, args: Args) -> object:
    symbol, name = args.text("symbol"), args.text("timeframe")
    args.done()
    key = next((k for k in engine.tools.board.status.cells if k == _key(symbol, name)), None)
    if key is None:
        raise ActionRefused(f"There is no cell {symbol[:20]}/{name[:10]}.", "unknown")
    try:
        found = plain(await xray(engine.tools, key))
    except DiskFailed as error:
        raise ActionRefused(str(error), "refused") from error
    assert isinstance(found, dict)
    return {"schema": SCHEMA, **found}


def _key(symbol: str, name: str) -> SeriesKey | None:
    timeframe = Timeframe.__members__.get(name)
    return None if timeframe is None else SeriesKey(symbol, timeframe)


def _drills(engine: Operable, _: Seat, args: Args) -> object:
    """What can be drilled, the drill that runs or ran last, and what came of earlier ones."""
    args.done()
    status = engine.tools.board.status
    return {
        **catalog_document(),
        "running": status.drill is not None and status.drill.is_running,
        "drill": plain(status.drill),
        "history": plain(status.drills),
        "report": None if engine.drills is None else engine.drills.report(),
    }


def _prefer(engine: Operable, _: Seat, args: Args) -> object:
    """Whose M1 come next; it changes an order and nothing else, so whoever looks may ask."""
    symbol = args.text("symbol")
    args.done()
    if symbol not in engine.tools.board.status.symbols:
        raise refusal(saying("no_symbol", symbol[:20]), code="unknown")
    engine.tools.session.prefer(symbol)
    return {"preferred": symbol}


def _actions(_: Operable, __: Seat, args: Args) -> object:
    args.done()
    return {"actions": [action_document(action) for action in ACTIONS.values()]}


def _question(_: Operable, seat: Seat, args: Args) -> object:
    action_id, given = args.text("action"), args.texts("arguments")
    args.done()
    action, question = seat.ask(action_id, given)
    return question_document(action, action.bound(given), question)


def _act(_: Operable, seat: Seat, args: Args) -> object:
    action_id, given = args.text("action"), args.texts("arguments")
    phrase, is_armed = args.text("phrase", ""), args.flag("arm")
    args.done()
    return _done(seat.act(action_id, given, phrase, is_armed=is_armed))


def _acknowledge(_: Operable, seat: Seat, args: Args) -> object:
    code, scope, is_armed = args.text("code"), args.text("scope", ""), args.flag("arm")
    args.done()
    given = {"code": (code,), "scope": (scope,) if scope else ()}
    return _done(seat.act("acknowledge", given, is_armed=is_armed))


def _done(acted: OperatorActed) -> dict[str, object]:
    return {"said": acted.said, "said_codes": plain(acted.said_codes)}


def _arm(engine: Operable, seat: Seat, args: Args) -> object:
    for_s = args.whole("for_s", ARM_S, least=1)
    args.done()
    seat.arm(for_s)
    return _scope(engine, seat)


def _disarm(engine: Operable, seat: Seat, args: Args) -> object:
    args.done()
    seat.disarm()
    return _scope(engine, seat)


def _scope(engine: Operable, seat: Seat) -> dict[str, object]:
    left_s = seat.left_s
    return {
        "scope": "act" if left_s else "view",
        "armed_left_s": round(left_s, 3),
        "read_only": engine.is_read_only,
        "actor": seat.actor,
    }


def question_document(action: Action, given: Given, question: Question) -> dict[str, object]:
    """A question as every client gets it."""
    return {
        "action": action.id,
        "danger": action.danger.value,
        "sentence": question.sentence,
        "radius": dict(question.radius),
        "phrase": question.phrase,
        "command": action.command(given),
        "said": plain(question.said),
    }


def action_document(action: Action) -> dict[str, object]:
    """An entry of the registry as every client gets it."""
    return {
        "id": action.id,
        "danger": action.danger.value,
        "summary": action.summary,
        "arguments": [
            {**asdict(argument), "kind": argument.kind.value} for argument in action.arguments
        ],
    }


OPERATIONS: dict[str, Callable[[Operable, Seat, Args], object]] = {
    "hello": _hello,
    "status": _status,
    "events": _events,
    "reasons": _reasons,
    "timeline": _timeline,
    "xray": _xray,
    "host": _host,
    "logs": _logs,
    "drills": _drills,
    "prefer": _prefer,
    "actions": _actions,
    "question": _question,
    "act": _act,
    "acknowledge": _acknowledge,
    "arm": _arm,
    "disarm": _disarm,
}
