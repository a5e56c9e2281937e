"""gRPC at both ends of the relay: messages stay the bytes they are."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from grpc.experimental.session_cache import ssl_session_cache_lru

from sekisho.agent.link import Connection, Stream, UpstreamBroken, UpstreamRefused
from sekisho.aio.tasks import is_ending
from sekisho.envoy import carried_logs
from sekisho.envoy.refusals import METADATA
from sekisho.identity.keys import Credentials
from sekisho.xds import rpc as xds_rpc

_aio: Any = grpc.aio  # its published types are those of an older version

SERVICE, METHOD = xds_rpc.METHOD.strip("/").split("/")
SECRETS = "envoy.service.secret.v3.SecretDiscoveryService", "DeltaSecrets"
LARGEST_MESSAGE = 64 * 1024 * 1024
"""Bytes. A control plane sends up to 3 MiB in one response, or one resource that is larger."""
WINDOW = 4 * 1024 * 1024
"""Bytes of a stream that may be under way: a whole response, so that a distant control plane never waits."""
_LIMITS = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    # gRPC would find the window out, by a PING with nearly each message: a fifth of what a change costs us.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", WINDOW),
]
_REFUSALS = {
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNIMPLEMENTED,
}
_KEEPALIVE = [
    # A control plane that vanished without a word is noticed within 40 s, traffic or not.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
]


class _FromEnvoy:
    """`Stream` as a server sees it."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._writing: asyncio.Future[None] | None = None

    async def read(self) -> bytes | None:
        message = await self._context.read()
        return None if message is _aio.EOF else message

    async def write(self, message: bytes) -> None:
        self._writing = asyncio.ensure_future(self._context.write(message))
        self._writing.add_done_callback(_note_end)
        await asyncio.shield(self._writing)

    async def settle(self) -> None:
        """Waits for a write whose caller was cancelled.

        Else grpc.aio could not end the call (TOO_MANY_OPERATIONS), and Envoy would never come again.
        """
        if self._writing:
            await asyncio.wait({self._writing})


def _note_end(writing: asyncio.Future[None]) -> None:
    """A write that failed after its caller was cancelled is nobody's news: its Envoy has left."""
    if not writing.cancelled():
        writing.exception()


class _ToControlPlane:
    """`Stream` as a client sees it."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._begun = False

    async def read(self) -> bytes | None:
        try:
            message = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise _broken(error) from error
        except asyncio.CancelledError:
            _raise_unless_cancelled()
            raise
        return None if message is _aio.EOF else message

    async def write(self, message: bytes) -> None:
        try:
            if not self._begun:
                await self._begin()
            await self._call.write(message)
        except grpc.aio.AioRpcError as error:
            raise _broken(error) from error
        except asyncio.InvalidStateError as error:  # the call ended before; its reader says why
            raise UpstreamBroken("the stream has ended") from error
        except asyncio.CancelledError:
            _raise_unless_cancelled()
            raise

    async def _begin(self) -> None:
        """Waits until there is a call to write to.

        grpc.aio alone would wait for ever where the connection is closed before that.
        """
        ended = asyncio.Event()
        self._call.add_done_callback(lambda _: ended.set())
        over = asyncio.ensure_future(ended.wait())
        beginning = asyncio.ensure_future(self._call.wait_for_connection())
        try:
            await asyncio.wait({over, beginning}, return_when=asyncio.FIRST_COMPLETED)
            if not beginning.done():
                raise UpstreamBroken("the stream ended before it began")
            await beginning
        finally:
            over.cancel()
            beginning.cancel()
        self._begun = True


class GrpcConnection:
    """Implements `link.Connection`."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._open = channel.stream_stream(xds_rpc.METHOD)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stream]:
        """See `Connection.open`."""
        call = self._open()
        try:
            yield _ToControlPlane(call)
        finally:
            # Not `call.cancel`: where a write failed it takes the call for done, but messages nobody has read
            # keep it in gRPC's core, and with it one of the streams that the control plane allows at a time.
            # Who came next waited for ever.
            call._cython_call.cancel("nobody is at it any more")

    async def close(self) -> None:
        """See `Connection.close`."""
        await self._channel.close()


@lru_cache(maxsize=256)
def _sessions(_chain: bytes) -> Any:
    """Where gRPC keeps the TLS session of the holder of a certificate."""
    return ssl_session_cache_lru(1)


def grpc_dial(target: str, server_name: str) -> Callable[[Credentials], Awaitable[Connection]]:
    """Connects to `target` (`host:port`) over mutual TLS; its certificate must be for `server_name`.

    Who comes back with the same certificate resumes the TLS session; never with another one, which the
    control plane would not be shown.
    """

    async def dial(credentials: Credentials) -> Connection:
        issued = credentials.issued
        secured = grpc.ssl_channel_credentials(issued.bundle, credentials.key.reveal(), issued.chain)
        options = [*_LIMITS, *_KEEPALIVE, ("grpc.ssl_target_name_override", server_name)]
        options.append(("grpc.ssl_session_cache", _sessions(issued.chain)))
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


Serve = Callable[[Stream], Awaitable[None]]
"""Serves one stream of Envoy's to its end."""


Take = Callable[[bytes], None]
"""Takes a request with records."""


class Records(NamedTuple):
    """Who takes what Envoy has to say about connections and requests."""

    logs: Take
    """Access logs."""
    refusals: Take
    """Refused connections."""


@asynccontextmanager
async def listening(
    socket: Path,
    serve: Serve,
    secrets: Serve | None = None,
    records: Records | None = None,
    *,
    group: int | None = None,
) -> AsyncIterator[None]:
    """Takes Envoy's streams on a unix socket for as long as the block lasts: of ADS, and of SDS (`secrets`);
    its records.

    The socket is for our user only (0600), or for this group too.
    """
    services = {(SERVICE, METHOD): serve} | ({SECRETS: secrets} if secrets else {})
    server = _aio.server(options=_LIMITS)
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(service, {method: _handler(each)})
            for (service, method), each in services.items()
        ]
    )
    if records:
        handlers = {carried_logs.METHOD: _taker(records)}
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(carried_logs.SERVICE, handlers)]
        )
    _bind(server, socket, group)
    await server.start()
    try:
        yield
    finally:
        await server.stop(grace=None)


def _handler(serve: Serve) -> Any:
    async def handle(_: Any, context: Any) -> None:
        stream = _FromEnvoy(context)
        await serve(stream)
        await stream.settle()

    return grpc.stream_stream_rpc_method_handler(handle)


def _taker(records: Records) -> Any:
    async def handle(request: bytes, context: Any) -> bytes:
        take = records.refusals if METADATA in context.invocation_metadata() else records.logs
        take(request)
        return b""  # an ExportLogsServiceResponse without complaints

    return grpc.unary_unary_rpc_method_handler(handle)


def _raise_unless_cancelled() -> None:
    """grpc.aio makes whoever reads or writes look cancelled when somebody else closes the connection.

    Nobody cancelled them, the call is over: a task that ended so would be missed by no one.
    """
    if not is_ending():
        raise UpstreamBroken("the connection was closed")


def _bind(server: Any, socket: Path, group: int | None) -> None:
    socket.unlink(missing_ok=True)  # left by an agent that was killed
    server.add_insecure_port(f"unix:{socket}")
    socket.chmod(stat.S_IRUSR | stat.S_IWUSR)
    if group is not None:
        os.chown(socket, -1, group)
        socket.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IWGRP)


def _broken(error: grpc.aio.AioRpcError) -> UpstreamBroken:
    kind = UpstreamRefused if error.code() in _REFUSALS else UpstreamBroken
    return kind(f"{error.code().name.lower().replace('_', ' ')}: {error.details()}")
