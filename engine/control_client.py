"""One question to a running engine over its control socket, for the command line."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from uds import socket_folder

from .errors import ActionRefused, EngineSilent, EngineUnreachable

SOCKET_NAME = "control.sock"
LINE_BYTES_MAX = 4 * 1024 * 1024


def call_engine(
    data_root: Path, op: str, args: dict[str, str], *, path: Path | None, timeout_s: float
) -> Any:
    """The result of one operation; `path` overrides where the socket is.

    Raises EngineUnreachable, EngineSilent, ActionRefused.
    """
    where = path or socket_folder(data_root) / SOCKET_NAME
    request = json.dumps({"id": 1, "op": op, "args": args}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(timeout_s)
            asking.connect(str(where))
            asking.sendall(request)
            with asking.makefile("rb") as answers:
                line = answers.readline(LINE_BYTES_MAX)
        answer = json.loads(line)
    except TimeoutError as error:
        raise EngineSilent(
            f"The engine at {where} did not answer within {timeout_s:g} s; "
            "see whether its process is stopped."
        ) from error
    except (OSError, ValueError) as error:
        raise EngineUnreachable(
            f"No engine answers at {where}; start one with `coldstart-console up`, "
            "or name its data folder with --data."
        ) from error
    if "error" in answer:
        raise ActionRefused(answer["error"])
    return answer["result"]
