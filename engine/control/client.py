"""One question to a running engine over its control socket, for the command line."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uds import socket_folder

from ..errors import ActionRefused, EngineSilent, EngineUnreachable
from ..sayings import saying, sayings_of
from .protocol import LINE_BYTES_MAX, BadRequest, document_of, request_line

SOCKET_NAME = "control.sock"


def socket_path(data_root: Path, path: Path | None) -> Path:
    """Where the engine of a data folder listens; `path` overrides it."""
    return path or socket_folder(data_root) / SOCKET_NAME


def call_engine(
    data_root: Path,
    op: str,
    args: Mapping[str, object],
    *,
    path: Path | None,
    timeout_s: float,
) -> Any:
    """The result of one operation; `path` overrides where the socket is.

    Raises EngineUnreachable, EngineSilent, ActionRefused.
    """
    where = socket_path(data_root, path)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(timeout_s)
            asking.connect(str(where))
            asking.sendall(request_line(1, op, args))
            with asking.makefile("rb") as answers:
                line = answers.readline(LINE_BYTES_MAX)
    except TimeoutError as error:
        raise silent(where, timeout_s) from error
    except OSError as error:
        raise unreachable(where) from error
    return result_of(line, where)


def result_of(line: bytes, where: Path) -> Any:
    """What an answer's line holds; raises ActionRefused, EngineUnreachable for what is none."""
    try:
        answer = document_of(line)
    except BadRequest as error:
        raise unreachable(where) from error
    if answer.get("ok") is True and "result" in answer:
        return answer["result"]
    refusal = answer.get("error")
    if not isinstance(refusal, dict):
        raise unreachable(where)
    sentence, code, hint = (str(refusal.get(name, "")) for name in ("sentence", "code", "hint"))
    raise ActionRefused(sentence, code, hint, sayings_of(refusal.get("said")))


def unreachable(where: Path) -> EngineUnreachable:
    """That nobody answers there, with the remedy."""
    return EngineUnreachable(saying("engine_away", where))


def silent(where: Path, timeout_s: float) -> EngineSilent:
    """That somebody is there and says nothing."""
    return EngineSilent(saying("engine_silent", where, f"{timeout_s:g}"))
