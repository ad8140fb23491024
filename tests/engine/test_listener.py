"""One port for the life of the engine, and a sentence when it is somebody else's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from engine.errors import PortBusy
from engine.serving.listener import Listener

HERE = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port another program listens on."""
    with socket.socket() as other:
        other.bind((HERE, 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_busy_port_is_a_sentence_with_the_remedy(taken: int) -> None:
    """The operator must learn which port, on which address, and what to do."""
    with pytest.raises(PortBusy) as refused:
        Listener(HERE, taken).take()

    assert f"Port {taken} on 127.0.0.1 is in use by another program" in str(refused.value)
    assert "--port" in str(refused.value)


def test_an_address_that_is_not_ours_is_a_sentence() -> None:
    """A typing error in api.host must not be a traceback."""
    with pytest.raises(PortBusy, match=r"^Cannot listen on 192\.0\.2\.1 port 0: .+\.$"):
        Listener("192.0.2.1", 0).take()


def test_a_busy_port_can_be_tried_again(taken: int) -> None:
    """`ui` waits for it; the first refusal must leave nothing half bound."""
    listener = Listener(HERE, taken)
    with pytest.raises(PortBusy):
        listener.take()

    assert listener.port is None
    with pytest.raises(PortBusy):
        listener.take()


def test_port_zero_is_chosen_once_and_survives_a_restart() -> None:
    """Readers were told the number; the next life of the server must have the same."""
    listener = Listener(HERE, 0)
    try:
        first = listener.take()
        port = first.getsockname()[1]
        first.close()
        second = listener.take()

        assert port == listener.port == second.getsockname()[1] != 0
        second.close()
    finally:
        listener.close()


def test_between_two_lives_a_connection_waits_instead_of_being_refused() -> None:
    """The kernel goes on accepting into the backlog while `ui` restarts."""
    listener = Listener(HERE, 0)
    try:
        listener.take().close()
        with socket.create_connection((HERE, listener.port or 0), timeout=5) as early:
            second = listener.take()
            second.setblocking(True)
            accepted, _ = second.accept()

            assert early.getsockname() == accepted.getpeername()
            accepted.close()
            second.close()
    finally:
        listener.close()


def test_a_closed_listener_gives_the_port_back() -> None:
    """A second engine in the same process may have it."""
    listener = Listener(HERE, 0)
    listener.take().close()
    port = listener.port or 0
    listener.close()

    assert listener.port is None
    again = Listener(HERE, port)
    again.take().close()
    again.close()


async def test_small_answers_go_at_once() -> None:
    """Or each waits for the reader's delayed acknowledgement: 40 ms on a kept connection."""
    listener, told = Listener(HERE, 0), asyncio.get_running_loop().create_future()

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        told.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    server = await asyncio.start_server(accept, sock=listener.take())
    try:
        _, writer = await asyncio.open_connection(HERE, listener.port)
        assert 1 == await told
        writer.close()
    finally:
        server.close()
        listener.close()
