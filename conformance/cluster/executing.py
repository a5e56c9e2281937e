"""Commands run in pods (`kubectl exec`), over SPDY as the suite's client speaks it.

A connection begins as HTTP/1.1 with an upgrade, which ASGI has no word for: so it is taken from uvicorn
before uvicorn reads it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from uvicorn.protocols.http.h11_impl import H11Protocol

from conformance.cluster.spdy import Session

_PROTOCOL = "v4.channel.k8s.io"
"""The streams of a command (k8s.io/apimachinery/pkg/util/remotecommand): `error` gets a Status at the end."""
_STREAMS = {"error", "stdout", "stderr"}


class Done(NamedTuple):
    """What a command left."""

    output: str
    errors: str = ""
    code: int = 0


Execute = Callable[[str, str, Sequence[str]], Awaitable[Done]]
"""Runs a command in a pod: (namespace, name, arguments)."""


def protocol(execute: Execute) -> type[asyncio.Protocol]:
    """For `uvicorn.Config(http=…)`: uvicorn's own, less what is for `execute`."""

    class Protocol(H11Protocol):
        def data_received(self, data: bytes) -> None:
            if not _is_for_us(data):
                super().data_received(data)
                return
            reader = asyncio.StreamReader()
            stream = asyncio.StreamReaderProtocol(reader, lambda *both: _serve(execute, *both))
            transport = self.transport
            self._unset_keepalive_if_required()
            self.connections.discard(self)
            transport.set_protocol(stream)
            stream.connection_made(transport)
            stream.data_received(data)

    return Protocol


def _is_for_us(first: bytes) -> bool:
    """A request line comes in one piece: it is what a client writes first."""
    method, _, rest = first.partition(b"\r\n")[0].partition(b" ")
    return method == b"POST" and rest.partition(b"?")[0].endswith(b"/exec")


async def _serve(execute: Execute, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
            b"X-Stream-Protocol-Version: " + _PROTOCOL.encode() + b"\r\n\r\n"
        )
        await _run(execute, urlsplit(head.split(" ", 2)[1]).path, head, Session(reader, writer))
    except ConnectionError:
        pass  # the client has left, which is its right
    finally:
        writer.close()


async def _run(execute: Execute, path: str, head: str, session: Session) -> None:
    """`path`: /api/v1/namespaces/<namespace>/pods/<name>/exec."""
    *_, namespace, _, name, _ = path.split("/")
    command = parse_qs(urlsplit(head.split(" ", 2)[1]).query)["command"]
    streams: dict[str, int] = {}
    async with asyncio.TaskGroup() as group:
        async for stream in session.opened():
            streams[stream.headers["streamtype"]] = stream.number
            if streams.keys() == _STREAMS:
                group.create_task(_answer(await execute(namespace, name, command), streams, session))


async def _answer(done: Done, streams: dict[str, int], session: Session) -> None:
    await session.write_last(streams["stdout"], done.output.encode())
    await session.write_last(streams["stderr"], done.errors.encode())
    await session.write_last(streams["error"], json.dumps(_status(done)).encode())


def _status(done: Done) -> dict[str, object]:
    if done.code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command ended with code {done.code}: {done.errors}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(done.code)}]},
    }
