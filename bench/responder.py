"""A backend for benchmarks: `python -m bench.responder HOST:PORT…` answers every request with its address.

One process for any number of addresses. It does next to nothing, so that what is measured is not it.
"""

import asyncio
import sys

import uvloop

END_OF_HEAD = b"\r\n\r\n"


class Responder(asyncio.Protocol):
    """HTTP/1.1 with keep-alive and pipelining, for requests without a body."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(END_OF_HEAD)
        self._transport.write(self._answer * len(requests))  # type: ignore[attr-defined]


async def main(addresses: list[str]) -> None:
    """Serves until killed; prints `ready` once it does."""
    loop = asyncio.get_running_loop()
    for address in addresses:
        host, _, port = address.rpartition(":")
        body = address.encode()
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        await loop.create_server(lambda answer=answer: Responder(answer), host, int(port))  # type: ignore[misc]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
