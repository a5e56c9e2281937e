"""Authorizers for tests: by HTTP and by gRPC; they let pass what shows `authorization: good`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from sekisho.protos import message

_CHECK = "/envoy.service.auth.v3.Authorization/Check"
_DENIED = grpc.StatusCode.PERMISSION_DENIED.value[0]


@dataclass
class Authorizer:
    """What it was asked, and where it is."""

    port: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    """Headers in lower case, `:path` and `:body` among them; the oldest first."""


@asynccontextmanager
async def serving_http_authorizer() -> AsyncIterator[Authorizer]:
    """200 with a name for the user, or 401 with a reason."""
    found = Authorizer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await _request(reader)
                found.asked.append(asked)
                is_good = asked.get("authorization") == "good"
                status, body = ("200 OK", b"") if is_good else ("401 Unauthorized", b"who are you")
                head = (
                    f"HTTP/1.1 {status}\r\nx-user: ann\r\nx-other: b\r\ncontent-length: {len(body)}\r\n\r\n"
                )
                writer.write(head.encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


async def _request(reader: asyncio.StreamReader) -> dict[str, str]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return headers | {":path": first.split(" ")[1], ":body": body.decode()}


@asynccontextmanager
async def serving_grpc_authorizer() -> AsyncIterator[Authorizer]:
    """OK with a header for the backend, or PERMISSION_DENIED with 401."""
    found = Authorizer()

    def check(given: bytes, _: Any) -> bytes:
        http = message("envoy.service.auth.v3.CheckRequest").FromString(given).attributes.request.http
        found.asked.append({**http.headers, ":path": http.path, ":body": http.body})
        answer = message("envoy.service.auth.v3.CheckResponse")()
        if http.headers.get("authorization") == "good":
            answer.ok_response.headers.add(header={"key": "x-user", "value": "ann"})
        else:
            answer.status.code = _DENIED
            answer.denied_response.status.code = 401
        return bytes(answer.SerializeToString())

    async def handle(given: bytes, context: Any) -> bytes:
        return check(given, context)

    class Handler(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs alone
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
            is_known = handler_call_details.method == _CHECK
            return grpc.unary_unary_rpc_method_handler(handle) if is_known else None

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handler(),))
    found.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield found
    finally:
        await server.stop(grace=None)
