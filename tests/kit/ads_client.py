"""A small delta ADS client on grpc.aio: raw messages out and in."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio

from sekisho.xds.rpc import METHOD

_END: Any = vars(grpc.aio)["EOF"]  # missing in the stubs
_OPTIONS: Sequence[tuple[str, Any]] = (
    ("grpc.max_receive_message_length", -1),  # a server we chose; its responses may be large
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.use_local_subchannel_pool", 1),
)


def mutual_tls(authorities: bytes, key: bytes, certificate: bytes) -> grpc.ChannelCredentials:
    """Credentials for `AdsStream.tls`; all PEM, `certificate` with its chain."""
    return grpc.ssl_channel_credentials(authorities, key, certificate)


class CallFailed(Exception):
    """The server, or the way to it, ended the call."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details


class AdsStream:
    """One DeltaAggregatedResources call. Use as an async context manager.

    Iterating gives each response's bytes and ends when the server ends the call well; when it ends otherwise,
    CallFailed is raised.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """See `tls` and `unix`; the channel is closed with the stream."""
        self._channel = channel
        call: Any = channel.stream_stream  # the stubs demand serialisers; without, messages stay bytes
        self._call = call(METHOD)()

    @classmethod
    def tls(cls, address: str, credentials: grpc.ChannelCredentials, server_name: str | None = None) -> Self:
        """To `host:port`. `server_name` is what the server's certificate must say, if not the host."""
        options = [*_OPTIONS]
        if server_name is not None:
            options.append(("grpc.ssl_target_name_override", server_name))
        return cls(grpc.aio.secure_channel(address, credentials, options))

    @classmethod
    def unix(cls, path: Path) -> Self:
        """To a socket that only our user can have made."""
        return cls(
            grpc.aio.insecure_channel(f"unix:{path}", [*_OPTIONS, ("grpc.default_authority", "sekisho")])
        )

    async def send(self, request: bytes) -> None:
        """Sends a serialised DeltaDiscoveryRequest. One caller at a time. Raises CallFailed."""
        try:
            await self._call.write(request)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            raise await self._failure() from None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while (response := await self._call.read()) is not _END:
                yield response
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            raise await self._failure() from None
        if await self._call.code() != grpc.StatusCode.OK:
            raise await self._failure()

    async def _failure(self) -> CallFailed:
        return CallFailed(await self._call.code(), await self._call.details() or "")

    async def close(self) -> None:
        """Ends the call and its connection."""
        self._call.cancel()
        await self._channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
