"""Datagrams to a pod: the suite's echo, and what stands for CoreDNS."""

import asyncio
import json
from typing import Any, cast

from conformance.cluster.echo import Pod

_ANSWERED = b"\x81\x80"
"""A response to a recursive query, without an error (RFC 1035, 4.1.1)."""


class Echo(asyncio.DatagramProtocol):
    """Tells what came, and who got it."""

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answered at once."""
        if self._transport is not None:
            self._transport.sendto(self.answer(data), addr)

    def answer(self, data: bytes) -> bytes:
        """As the image does."""
        return json.dumps({"request": data.decode(errors="replace"), **self._pod.context()}).encode()


class Names(Echo):
    """Answers every DNS query with nothing: the suite asks for no more than an answer."""

    def answer(self, data: bytes) -> bytes:
        """The same message as a response."""
        return data[:2] + _ANSWERED + data[4:]
