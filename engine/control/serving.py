"""The control socket: newline JSON over a private unix socket, for this user only.

The protocol is in `protocol.py`, its operations in `operations.py`, one connection in
`conversation.py`; here is who may connect, and that there is always something to connect to.
docs/control-socket.md describes all of it for whoever writes a client.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

from uds import Fenced, FolderUnreadable, make_socket_folder

from ..acts.action import Operable
from ..degraded import DegradedCode
from ..errors import SocketUnusable
from ..events import ReasonCleared, ReasonRaised
from ..sayings import said_of, saying
from ..tenure import say_fenced
from .client import SOCKET_NAME
from .conversation import Conversation, EventLines
from .protocol import LINE_BYTES_MAX, error_line

CONNECTIONS_MAX = 64
_HANDFUL = 4
"""Connections that are taken at once, before any of them can be turned away."""
_QUEUE_MAX = 512
"""Connections that the system keeps for us until they are taken."""
_RECREATE_S = 2.0
_KNOCK_S = 0.5
_SCOPE = "control"
_ROOT = 0
_PEER = struct.Struct("3i")

_Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def serve_control(engine: Operable, path: Path | None = None) -> None:
    """Answer until cancelled; a socket file that vanished is made again.

    `path` is where an operator wants the socket instead of in the data folder. Raises
    SocketUnusable when it cannot be there, and FolderUnreadable, both at the first try only.
    """
    guests = _Guests(engine)
    server, own = await _listen(engine, path, guests.receive)
    try:
        while True:
            await asyncio.sleep(_RECREATE_S)
            if _inode(own[0]) == own[1] or await _has_successor(engine):
                continue
            server.close()
            server, own = await _listen_again(engine, path, guests.receive)
    finally:
        server.close()
        await guests.part()
        if _inode(own[0]) == own[1]:
            own[0].unlink()


class _Guests:
    """Everybody who is connected."""

    def __init__(self, engine: Operable) -> None:
        self._engine = engine
        self._lines = EventLines()
        self._talking: dict[asyncio.Task[None], Conversation] = {}

    async def receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one, until it leaves or we do."""
        actor = _peer(writer)
        if actor is None:
            writer.write(error_line(None, "This socket is another user's.", "foreign_user"))
            writer.close()
            return
        if len(self._talking) >= CONNECTIONS_MAX and not self._made_room():
            writer.write(_too_many())
            writer.close()
            return
        conversation = Conversation(self._engine, actor, self._lines, reader, writer)
        task = asyncio.create_task(conversation.hold(), name="control connection")
        self._talking[task] = conversation
        try:
            await asyncio.wait((task,))
        finally:
            task.cancel()
            self._talking.pop(task, None)
            writer.close()
        if not task.cancelled():
            task.result()

    async def part(self) -> None:
        """End every conversation."""
        talking = tuple(self._talking)
        for task in talking:
            task.cancel()
        if talking:
            await asyncio.wait(talking)

    def _made_room(self) -> bool:
        """Turn away who came first of those that never said anything; a few must not shut us."""
        for task, conversation in self._talking.items():
            if not conversation.was_heard:
                conversation.turn_away(_too_many())
                task.cancel()
                del self._talking[task]
                return True
        return False


def _too_many() -> bytes:
    sentence = f"{CONNECTIONS_MAX} clients are connected already; close one."
    return error_line(None, sentence, "too_many")


async def _has_successor(engine: Operable) -> bool:
    """Whether the place is another owner's now: then what is there is no stale socket."""
    try:
        await engine.tools.tenure.assure()
    except Fenced as error:
        say_fenced(engine.tools.board, error)
        return True
    return False


async def _listen_again(
    engine: Operable, path: Path | None, talk: _Talk
) -> tuple[asyncio.Server, tuple[Path, int]]:
    """As `_listen`, until it succeeds: a full disk must not take the engine along."""
    board = engine.tools.board
    while True:
        try:
            made = await _listen(engine, path, talk)
        except (FolderUnreadable, SocketUnusable) as error:
            said = saying("socket_unmade"), *said_of(error)
            board.post(ReasonRaised.told(DegradedCode.DISK_ERROR, _SCOPE, *said))
            await asyncio.sleep(_RECREATE_S)
        else:
            board.post(ReasonCleared(DegradedCode.DISK_ERROR, _SCOPE))
            return made


async def _listen(
    engine: Operable, path: Path | None, talk: _Talk
) -> tuple[asyncio.Server, tuple[Path, int]]:
    """The server, and the file it listens at with its inode."""
    where = path or make_socket_folder(engine.tools.config.data_root) / SOCKET_NAME
    await _clear(where, is_ours=path is None)
    bound = _bound(where)
    server = await asyncio.start_unix_server(
        talk, sock=bound, limit=LINE_BYTES_MAX, backlog=_HANDFUL
    )
    bound.listen(_QUEUE_MAX)
    return server, (where, _inode(where))


def _bound(where: Path) -> socket.socket:
    """A socket that was never open to others, not even for a moment."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        bound.bind(str(where))
    except OSError as error:
        bound.close()
        raise SocketUnusable(
            f"The control socket cannot be at {where}: {error.strerror or error}; "
            "choose another --socket."
        ) from error
    finally:
        os.umask(before)
    return bound


async def _clear(where: Path, *, is_ours: bool) -> None:
    """Remove what a killed engine left behind.

    In our own folder we hold the lock, so whatever is there is stale. Elsewhere it may be
    somebody's file, or the socket of an engine that lives.
    """
    if not is_ours and os.path.lexists(where):
        if not _inode(where):
            raise SocketUnusable(f"{where} is there and no socket; choose another --socket.")
        if await _is_answered(where):
            raise SocketUnusable(f"Another engine answers at {where}; choose another --socket.")
    try:
        where.unlink(missing_ok=True)
    except OSError as error:
        raise SocketUnusable(f"{where} cannot be replaced: {error.strerror}.") from error


async def _is_answered(where: Path) -> bool:
    try:
        async with asyncio.timeout(_KNOCK_S):
            _, writer = await asyncio.open_unix_connection(where)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _inode(path: Path) -> int:
    """The socket's own number; 0 when there is none."""
    try:
        found = path.lstat()
    except OSError:
        return 0
    return found.st_ino if stat.S_ISSOCK(found.st_mode) else 0


def _peer(writer: asyncio.StreamWriter) -> str | None:
    """Who is at the other end by the kernel's word; None for somebody else's process.

    Where the kernel has no word, the socket's mode decides.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return "socket"
    peer = writer.get_extra_info("socket")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    pid, uid, _ = _PEER.unpack(raw)
    return f"pid {pid} of user {uid}" if uid in (os.getuid(), _ROOT) else None
