"""The incident bundle: what somebody else needs to understand what went wrong, in one file.

The engine is asked by the operations of its control socket; where none answers, the data folder
says what the last boot did. Every text goes through `secrets.py` on its way into
the archive, the pictures of the screen too. What could not be had is named in `about.txt`: a
bundle is made in bad moments, so nothing that is missing may keep the rest from being kept.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import platform
import re
import sys
import tarfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from engine import EngineError, SystemClock
from uds import UdsError, state_head

from . import moments
from .evidence import BOOT_RECORD, evidence_folder, keep, record_bytes
from .secrets import known_secrets, redacted, redacted_document, redacted_lines
from .shell.errands import ASK_TIMEOUT_S, loaded, run_loop, show, tell
from .shell.exits import Exit
from .shell.options import Options

if TYPE_CHECKING:
    from engine import Config

Ask: TypeAlias = Callable[[str, Mapping[str, object]], Awaitable[Any]]
"""The result of an operation of the control socket; raises EngineError."""
_PAGE = 1_000
_STATE_BYTES_MAX = 64 * 1024
_STATE_HEAD = "state-head.txt"
_SCREEN_ONLY = "It holds a screen only."
_UNKNOWN_BOOT = "unknown"


@dataclass
class Evidence:
    """What was found."""

    boot_id: str = _UNKNOWN_BOOT
    """Which boot it is about."""
    source: str = ""
    """Where it comes from, as a sentence."""
    texts: dict[str, str] = field(default_factory=dict)
    """Texts by file name."""
    documents: dict[str, object] = field(default_factory=dict)
    """JSON values by file name; a list under a name in `.jsonl` is a line an item."""
    lines: dict[str, str] = field(default_factory=dict)
    """JSON lines by file name, as they stand in a file."""
    missing: dict[str, str] = field(default_factory=dict)
    """Why a file is not there, by its name."""


def report(options: Options, out: Path) -> Exit:
    """Make a bundle in a folder, and say where it is."""
    config = loaded(options)
    found = run_loop(gathered(config, _caller(config, options)))
    try:
        path = bundled(
            found, known_secrets(config.redis.url, os.environ), Path(os.path.realpath(out))
        )
    except OSError as error:
        tell(f"The bundle cannot be written to {out}: {error.strerror or error}.")
        return Exit.FAILED
    document = {"schema": 1, "path": str(path), "source": found.source, "missing": found.missing}
    sentence = f"The incident bundle is {path}. {found.source}"
    show(json.dumps(document) if options.is_json else sentence)
    return Exit.OK


async def report_screen(config: Config | None, ask: Ask, screen: Mapping[str, str]) -> Path:
    """The same with the screen, among the operator's own files; the path. Raises OSError.

    Without a configuration there is no engine to ask: it holds the screen only.
    """
    found = Evidence(source=_SCREEN_ONLY) if config is None else await gathered(config, ask)
    found.texts |= screen
    address = None if config is None else config.redis.url
    secrets = known_secrets(address, os.environ)
    return await asyncio.to_thread(bundled, found, secrets, evidence_folder(os.environ))


async def gathered(config: Config, ask: Ask) -> Evidence:
    """Everything but the screen, from whoever can tell it."""
    found = Evidence()
    owner_token = await _asked(found, ask)
    await asyncio.to_thread(_recorded, found, config, owner_token)
    found.documents["config.json"] = json.loads(config.model_dump_json(by_alias=True))
    found.documents["versions.json"] = await asyncio.to_thread(_versions)
    try:
        head = await state_head(config.data_root, _STATE_BYTES_MAX)
    except UdsError as error:
        found.missing[_STATE_HEAD] = str(error)
    else:
        known = head if head is not None else b"There is none.\n"
        found.texts[_STATE_HEAD] = known.decode("utf-8", "replace")
    return found


def bundled(found: Evidence, secrets: frozenset[str], folder: Path) -> Path:
    """One archive in a folder, readable by its owner only; its path. Raises OSError."""
    now_ms = SystemClock().real_ms()
    boot = re.sub(r"[^0-9A-Za-z]", "", found.boot_id)[:8] or _UNKNOWN_BOOT
    name = f"incident-{boot}-{moments.file_stamp(now_ms)}"
    files = {file: redacted(text, secrets) for file, text in found.texts.items()}
    files |= {file: redacted_lines(text, secrets) for file, text in found.lines.items()}
    files |= {file: _spelled(file, raw, secrets) for file, raw in found.documents.items()}
    about = redacted("\n".join(_about(found, files, now_ms)) + "\n", secrets)
    return keep(folder, f"{name}.tar.gz", _archive(name, {"about.txt": about, **files}, now_ms))


def _caller(config: Config, options: Options) -> Ask:
    """One question a connection, as the other commands ask."""
    from engine import call_engine

    timeout_s = options.timeout_s or ASK_TIMEOUT_S

    async def ask(op: str, args: Mapping[str, object]) -> Any:
        call = partial(call_engine, path=options.socket, timeout_s=timeout_s)
        return await asyncio.to_thread(call, config.data_root, op, args)

    return ask


async def _asked(found: Evidence, ask: Ask) -> int | None:
    """What a running engine says; the owner token of its boot, None when nobody answers."""
    try:
        status = await ask("status", {})
        found.boot_id = status["boot_id"]
        found.documents["status.json"] = status
        found.documents["reasons.json"] = await ask("reasons", {})
        found.documents["timeline.json"] = await ask("timeline", {})
        found.documents["events.jsonl"] = await _events(ask)
    except EngineError as error:
        found.missing["engine"] = str(error)
        return None
    found.source = "The running engine answered."
    token: int | None = status["owner_token"]
    return token


async def _events(ask: Ask) -> list[object]:
    """What the engine still keeps, page by page."""
    found: list[object] = []
    since = 0
    while True:
        page = await ask("events", {"since": since, "limit": _PAGE})
        found += page["events"]
        if not page["events"] or page["events"][-1]["seq"] >= page["newest_seq"]:
            return found
        since = page["events"][-1]["seq"]


def _recorded(found: Evidence, config: Config, owner_token: int | None) -> None:
    """The record of the boot; where no engine answered, it also says what the engine would."""
    from engine import RecordUnreadable, recorded_boots

    own = None if owner_token is None else f"{owner_token:08d}"
    try:
        boots = [path for path in recorded_boots(config.data_root) if own in (None, path.stem)]
    except OSError as error:
        found.missing[BOOT_RECORD] = f"The records cannot be listed: {error.strerror or error}."
        found.source = found.source or "No engine answers and no record can be read."
        return
    if not boots:
        found.missing[BOOT_RECORD] = "No boot is recorded."
        found.source = found.source or "No engine answers and no boot is recorded."
        return
    path = boots[-1]
    try:
        data = record_bytes(path)
        if owner_token is not None and found.boot_id.encode() not in data.partition(b"\n")[0]:
            found.missing[BOOT_RECORD] = f"{path} is of another boot."
            return
        found.lines[BOOT_RECORD] = data.decode("utf-8", "replace")
        if not found.source:
            found.source = f"No engine answers; it tells of the last boot, {path.name}."
            _retold(found, path, data)
    except (OSError, RecordUnreadable) as error:
        found.missing[BOOT_RECORD] = str(error)
        found.source = found.source or "No engine answers and the last boot cannot be read."


def _retold(found: Evidence, path: Path, data: bytes) -> None:
    """What the engine would have said at the end of its record."""
    from engine import (
        Status,
        posted_json,
        read_boot,
        recording_of,
        status_document,
        waterfall_json,
    )

    recording = recording_of(data)
    status = recording.status(len(recording.steps) - 1)
    document = status_document(status, recording.end_ms).model_dump(mode="json")
    found.boot_id = status.boot_id
    found.documents["status.json"] = document
    wanted = ("schema", "degraded", "reasons", "healed")
    reasons = {name: document[name] for name in wanted if name in document}
    found.documents["reasons.json"] = reasons
    found.documents["timeline.json"] = waterfall_json(read_boot(path))
    events = (step.happened for step in recording.steps)
    found.documents["events.jsonl"] = [
        posted_json(event) for event in events if not isinstance(event, Status)
    ]


def _versions() -> dict[str, object]:
    packages = {found.metadata["Name"]: found.version for found in distributions()}
    return {
        "python": sys.version,
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
    }


def _spelled(name: str, raw: object, secrets: frozenset[str]) -> str:
    safe = redacted_document(raw, secrets)
    if name.endswith(".jsonl") and isinstance(safe, list):
        return "".join(json.dumps(item, separators=(",", ":")) + "\n" for item in safe)
    return json.dumps(safe, indent=2) + "\n"


def _about(found: Evidence, files: Mapping[str, str], now_ms: int) -> Iterable[str]:
    yield f"Incident bundle of boot {found.boot_id}, made {moments.stamp(now_ms)} UTC."
    yield found.source
    yield f"`coldstart-console replay FILE` shows {BOOT_RECORD}. Secrets are written as ***."
    yield ""
    yield from sorted(files)
    for name, why in sorted(found.missing.items()):
        yield f"not there: {name}: {why}"


def _archive(name: str, files: Mapping[str, str], now_ms: int) -> bytes:
    """A folder of that name, so that unpacking litters nobody's folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for file, text in sorted(files.items()):
            data = text.encode("utf-8", "replace")
            entry = tarfile.TarInfo(f"{name}/{file}")
            entry.size, entry.mode, entry.mtime = len(data), 0o600, now_ms // 1_000
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
