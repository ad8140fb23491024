"""The Redis protocol by hand over a unix socket: the least a client can do."""

from __future__ import annotations

import socket
from pathlib import Path

_RECEIVE_BYTES = 1 << 18


def command(*words: str | bytes) -> bytes:
    """One command as it goes over the wire."""
    parts = [word.encode() if isinstance(word, str) else word for word in words]
    body = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%b" % (len(parts), body)


def bulk(value: bytes) -> bytes:
    """A value as a reply brings it."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


class Wire:
    """One connection that waits for each reply."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))

    def ask(self, commands: bytes, reply_bytes: int) -> bytes:
        """Send all at once, then wait for so many bytes; an error reply raises."""
        self._socket.sendall(commands)
        received: list[bytes] = []
        missing = reply_bytes
        while missing > 0:
            part = self._socket.recv(_RECEIVE_BYTES)
            if not part or (not received and part.startswith(b"-")):
                raise ConnectionError(part.decode("utf-8", "replace") or "the server hung up")
            received.append(part)
            missing -= len(part)
        return b"".join(received)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
