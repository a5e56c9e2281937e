"""A gRPC server that answers every method with what it received, and a client to call it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

Metadata = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    """What became of one call."""

    code: grpc.StatusCode
    message: dict[str, Any]
    """Empty unless it went well."""
    headers: dict[str, str]
    """Initial metadata of the answer."""


class _Any(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs alone
    def __init__(self, name: str) -> None:
        self._name = name

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        async def answer(_: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            sent = {key: str(value) for key, value in context.invocation_metadata() or ()}
            told = {"pod": self._name, "method": handler_call_details.method, "headers": sent}
            return json.dumps(told).encode()

        return grpc.unary_unary_rpc_method_handler(answer)


@asynccontextmanager
async def serving_grpc(name: str) -> AsyncIterator[int]:
    """Serves on 127.0.0.1 without TLS; gives the port."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Any(name),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(grace=None)


async def call(port: int, host: str, method: str, headers: Metadata = ()) -> Reply:
    """One call of `/<service>/<method>` through a proxy on 127.0.0.1; `host` is its authority."""
    options = [("grpc.default_authority", host)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        one = channel.unary_unary(method, None, None)(b"", metadata=tuple(headers))
        try:
            async with asyncio.timeout(10):
                body = await one
        except grpc.aio.AioRpcError as error:
            return Reply(error.code(), {}, {})
        initial = {key: str(value) for key, value in await one.initial_metadata()}
        return Reply(grpc.StatusCode.OK, json.loads(body), initial)
