"""The commands that make a running engine do something: asked first, then done in one request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from .errands import ASK_TIMEOUT_S, asked, confirmed, fail, loaded, run_loop, show, tell, typed
from .exits import Exit
from .options import Options

_DOWN_TIMEOUT_S = 30.0
_DOWN_POLL_S = 0.05


def act(
    options: Options, action: str, arguments: Mapping[str, Any], *, is_dry: bool = False
) -> Exit:
    """Ask the engine what it would touch, the operator whether it may, and do it."""
    question = asked(options, "question", {"action": action, "arguments": dict(arguments)})
    if is_dry:
        show(json.dumps({"schema": 1, **question}) if options.is_json else question["sentence"])
        return Exit.OK
    done = _done(options, action, arguments, question)
    document = {"schema": 1, "action": action, "arguments": dict(arguments), "said": done}
    show(json.dumps(document) if options.is_json else done)
    return Exit.OK


def stop(options: Options) -> Exit:
    """Tell the engine to stop, and wait until it is gone."""
    question = asked(options, "question", {"action": "shutdown"})
    tell(_done(options, "shutdown", {}, question))
    try:
        run_loop(asyncio.wait_for(_gone(options), options.timeout_s or _DOWN_TIMEOUT_S))
    except TimeoutError:
        fail(Exit.TIMEOUT, "The engine was told to stop and still answers.")
    said = "The engine has stopped."
    show(json.dumps({"schema": 1, "said": said}) if options.is_json else said)
    return Exit.OK


def _done(
    options: Options, action: str, arguments: Mapping[str, Any], question: Mapping[str, Any]
) -> str:
    """Act in a request that arms itself: the operator has just said yes, or the phrase."""
    phrase = _allowed(options, question)
    args = {"action": action, "arguments": dict(arguments), "phrase": phrase, "arm": True}
    return str(asked(options, "act", args)["said"])


def _allowed(options: Options, question: Mapping[str, Any]) -> str:
    """The phrase, empty where yes was enough; the command ends here on a no."""
    sentence, wanted = question["sentence"], question["phrase"]
    if wanted is not None:
        said = options.yes_i_mean or typed(sentence, wanted)
        if said != wanted:
            fail(Exit.REFUSED, f"Nothing was done; it takes --yes-i-mean {wanted}.")
        return said
    if not options.is_yes and not confirmed(sentence):
        fail(Exit.REFUSED, "Nothing was done; --yes answers for you.")
    return ""


async def _gone(options: Options) -> None:
    from engine import EngineUnreachable, call_engine

    config = loaded(options)
    while True:
        try:
            call_engine(config.data_root, "hello", {}, path=options.socket, timeout_s=ASK_TIMEOUT_S)
        except EngineUnreachable:
            return
        await asyncio.sleep(_DOWN_POLL_S)
