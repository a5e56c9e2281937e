"""A connection that is gone is told as one, whichever loop runs."""

import asyncio
import socket
import struct
from collections.abc import Callable

import pytest
import uvloop

from sekisho.agent.sending import send

RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: the connection is reset when it is closed."""


async def _written_to_who_left() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    _, writer = await asyncio.open_connection(*listener.getsockname())
    other, _ = listener.accept()
    listener.close()
    send(writer, b"heard")
    assert other.recv(5) == b"heard"
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    other.close()
    with pytest.raises(ConnectionResetError):
        await writer.wait_closed()
    with pytest.raises(ConnectionResetError):
        send(writer, b"lost")


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_is_written_to_who_left_fails(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(_written_to_who_left())
