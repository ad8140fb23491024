"""The API's listening socket: bound once, so that a port given by 0 survives restarts of `ui`."""

from __future__ import annotations

import errno
import socket

from ..errors import PortBusy
from ..sayings import saying

_BACKLOG = 512


class Listener:
    """One address to listen on."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self._port = port
        self._bound: socket.socket | None = None

    @property
    def port(self) -> int | None:
        """The port that was bound; None until then."""
        return int(self._bound.getsockname()[1]) if self._bound else None

    def take(self) -> socket.socket:
        """A duplicate of the bound socket for one life of the server; raises PortBusy."""
        if self._bound is None:
            self._bound = self._bind()
        return self._bound.dup()

    def close(self) -> None:
        """Stop listening."""
        if self._bound is not None:
            self._bound.close()
            self._bound = None

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # Named, because asyncio lets small answers go at once only where it reads TCP.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((self.host, self._port))
            bound.listen(_BACKLOG)
            bound.setblocking(False)
        except OSError as error:
            bound.close()
            if error.errno == errno.EADDRINUSE:
                raise PortBusy(saying("port_busy", self._port, self.host)) from error
            raise PortBusy(
                f"Cannot listen on {self.host} port {self._port}: {error.strerror}."
            ) from error
        return bound
