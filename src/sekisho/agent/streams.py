"""gRPC at both ends of the relay: messages stay the bytes they are."""

import asyncio
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from sekisho.agent.link import Connection, Stream, UpstreamBroken
from sekisho.identity.keys import Credentials

_aio: Any = grpc.aio  # its published types are those of an older version

SERVICE, METHOD = "envoy.service.discovery.v3.AggregatedDiscoveryService", "DeltaAggregatedResources"
LARGEST_MESSAGE = 64 * 1024 * 1024
"""Bytes. A control plane sends up to 3 MiB in one response, or one resource that is larger."""
_LIMITS = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
]
_KEEPALIVE = [
    # A control plane that vanished without a word is noticed within 15 s, traffic or not.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
]


class _FromEnvoy:
    """`Stream` as a server sees it."""

    def __init__(self, context: Any) -> None:
        self._context = context

    async def read(self) -> bytes | None:
        message = await self._context.read()
        return None if message is _aio.EOF else message

    async def write(self, message: bytes) -> None:
        await self._context.write(message)


class _ToControlPlane:
    """`Stream` as a client sees it."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def read(self) -> bytes | None:
        try:
            message = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise _broken(error) from error
        return None if message is _aio.EOF else message

    async def write(self, message: bytes) -> None:
        try:
            await self._call.write(message)
        except grpc.aio.AioRpcError as error:
            raise _broken(error) from error
        except asyncio.InvalidStateError as error:  # the call ended before; its reader says why
            raise UpstreamBroken("the stream has ended") from error


class GrpcConnection:
    """Implements `link.Connection`."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._open = channel.stream_stream(f"/{SERVICE}/{METHOD}")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stream]:
        """See `Connection.open`."""
        call = self._open()
        try:
            yield _ToControlPlane(call)
        finally:
            call.cancel()

    async def close(self) -> None:
        """See `Connection.close`."""
        await self._channel.close()


def grpc_dial(target: str, server_name: str) -> Callable[[Credentials], Awaitable[Connection]]:
    """Connects to `target` (`host:port`) over mutual TLS; its certificate must be for `server_name`."""

    async def dial(credentials: Credentials) -> Connection:
        issued = credentials.issued
        secured = grpc.ssl_channel_credentials(issued.bundle, credentials.key.reveal(), issued.chain)
        options = [*_LIMITS, *_KEEPALIVE, ("grpc.ssl_target_name_override", server_name)]
        # Channels of equal arguments share a connection; a dial is to find out whether one can be made now.
        options.append(("grpc.use_local_subchannel_pool", 1))
        channel = _aio.secure_channel(target, secured, options)
        try:
            await _until_ready(channel)
        except BaseException:
            await channel.close()
            raise
        return GrpcConnection(channel)

    return dial


async def _until_ready(channel: Any) -> None:
    state = channel.get_state(try_to_connect=True)
    while state is not grpc.ChannelConnectivity.READY:
        if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            raise UpstreamBroken(
                "no connection: it is not there, or one side refused the other's certificate"
            )
        await channel.wait_for_state_change(state)
        state = channel.get_state(try_to_connect=True)


@asynccontextmanager
async def listening(socket: Path, serve: Callable[[Stream], Awaitable[None]]) -> AsyncIterator[None]:
    """Takes Envoy's streams on a unix socket (0600 in a private directory) for as long as the block lasts."""

    async def handle(_: Any, context: Any) -> None:
        await serve(_FromEnvoy(context))

    server = _aio.server(options=_LIMITS)
    handler = grpc.stream_stream_rpc_method_handler(handle)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler})])
    _bind(server, socket)
    await server.start()
    try:
        yield
    finally:
        await server.stop(grace=None)


def _bind(server: Any, socket: Path) -> None:
    socket.unlink(missing_ok=True)  # left by an agent that was killed
    server.add_insecure_port(f"unix:{socket}")
    socket.chmod(stat.S_IRUSR | stat.S_IWUSR)


def _broken(error: grpc.aio.AioRpcError) -> UpstreamBroken:
    return UpstreamBroken(f"{error.code().name.lower().replace('_', ' ')}: {error.details()}")
