"""The DNS server of a workload: UDP and TCP on local addresses."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple, cast

import structlog

from sekisho.agent.dns.answering import Answering
from sekisho.agent.dns.forwarding import MOST_QUESTIONS, Forwarder
from sekisho.agent.sending import send

log = structlog.get_logger()

IDLE = 10.0
"""Seconds a TCP connection may be without a question (RFC 7766 section 6.2.3 asks for a few)."""
MOST_CONNECTIONS = 128
BACKLOG = 256


class Listen(NamedTuple):
    """Where questions come in, by UDP and TCP alike."""

    address: str
    port: int


class Server:
    """Answers what it knows at once, and forwards the rest."""

    def __init__(self, answering: Answering, forwarder: Forwarder) -> None:
        self._answering = answering
        self._forwarder = forwarder
        self._waiting: set[asyncio.Task[None]] = set()
        self._connections = 0

    @asynccontextmanager
    async def listening(self, places: Iterable[Listen]) -> AsyncIterator[None]:
        """Serves for as long as the block lasts. Raises OSError when a place is taken."""
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            for place in places:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=(place.address, place.port)
                )
                stack.callback(transport.close)
                server = await asyncio.start_server(self._serve, *place, backlog=BACKLOG)
                stack.callback(server.close)
            stack.callback(self._end)
            yield

    def _end(self) -> None:
        for task in self._waiting:
            task.cancel()

    def datagram(self, query: bytes, transport: asyncio.DatagramTransport, client: tuple[str, int]) -> None:
        """One question by UDP; answered now or, when others are asked, later."""
        answer = self._answering.answer(query, datagram=True)
        if answer is None:
            self._later(query, transport, client)
        elif answer:
            transport.sendto(answer, client)

    def _later(self, query: bytes, transport: asyncio.DatagramTransport, client: tuple[str, int]) -> None:
        async def forward() -> None:
            answer = await self._forwarder.forward(query, datagram=True)
            if not transport.is_closing():
                transport.sendto(answer, client)

        if len(self._waiting) < 2 * MOST_QUESTIONS:
            task = asyncio.ensure_future(forward())
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._connections < MOST_CONNECTIONS:
                self._connections += 1
                try:
                    await self._questions(reader, writer)
                finally:
                    self._connections -= 1
        except (OSError, EOFError, TimeoutError):
            pass  # the client left, or was silent
        finally:
            writer.close()

    async def _questions(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE):
                length = int.from_bytes(await reader.readexactly(2), "big")
                query = await reader.readexactly(length)
            answer = self._answering.answer(query, datagram=False)
            if answer is None:
                answer = await self._forwarder.forward(query, datagram=False)
            if not answer:
                return
            send(writer, len(answer).to_bytes(2, "big") + answer)
            async with asyncio.timeout(IDLE):
                await writer.drain()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # that of a selector loop is no subclass

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.datagram(data, self._transport, addr)

    def error_received(self, exc: Exception) -> None:
        log.debug("a client of DNS does not listen", reason=str(exc))
