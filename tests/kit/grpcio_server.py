"""The same sessions served by grpcio: the reference that our own transport is held against."""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from sekisho.xds.admission import Admission, Authorize
from sekisho.xds.delta import Chunk
from sekisho.xds.fanout import Fanout
from sekisho.xds.limits import Limits
from sekisho.xds.names import TooMuch
from sekisho.xds.observer import Observer
from sekisho.xds.rpc import METHOD, Failed, Status
from sekisho.xds.session import PATIENCE, Session

_PREFIX = 5
_CHECK = 0.25
_END: Any = vars(grpc.aio)["EOF"]  # missing in the stubs


class GrpcioServer:
    """Delta ADS on grpc.aio. Make it inside a running loop, listen, then `start`."""

    def __init__(
        self,
        authorize: Authorize,
        observer: Observer | None = None,
        limits: Limits | None = None,
        *,
        patience: float = PATIENCE,
    ) -> None:
        """As server.AdsServer."""
        limits = limits or Limits()
        self._admission = Admission(authorize, observer, limits, patience)
        self._fanout = Fanout(asyncio.get_running_loop())
        self._calls: dict[_Call, None] = {}
        options = [
            ("grpc.max_receive_message_length", limits.message),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", limits.header_list),
            ("grpc.max_concurrent_streams", limits.streams),
            ("grpc.so_reuseport", 0),
        ]
        self._server = grpc.aio.server(options=options)
        _, service, method = METHOD.split("/")
        handlers = {method: grpc.stream_stream_rpc_method_handler(self._serve)}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))

    async def listen_tls(
        self, host: str, port: int, key: bytes, certificate: bytes, authorities: bytes
    ) -> int:
        """Listens on TCP and demands client certificates of `authorities`; all PEM. Returns the port."""
        credentials = grpc.ssl_server_credentials([(key, certificate)], authorities, require_client_auth=True)
        return self._server.add_secure_port(f"{host}:{port}", credentials)

    async def listen_unix(self, path: Path) -> None:
        """Listens on a unix socket. Its folder must be closed to others: gRPC makes the socket itself."""
        self._server.add_insecure_port(f"unix:{path}")

    async def start(self) -> None:
        """Begins to serve."""
        await self._server.start()

    def disconnect(self, whom: Callable[[str | None, str], bool], reason: str) -> int:
        """Ends every stream for which `whom(peer, node_id)` holds; see server.AdsServer."""
        ended = [
            call for call in self._calls if call.session is not None and whom(call.peer, call.session.proxy)
        ]
        for call in ended:
            call.end(Failed(Status.PERMISSION_DENIED, reason))
        return len(ended)

    async def drain(self, deadline: float = 5.0) -> None:
        """Sends the proxies away, and after `deadline` seconds cuts who is left."""
        for call in list(self._calls):
            call.end(Failed(Status.UNAVAILABLE, "draining"))
        await self._server.stop(deadline)

    async def _serve(self, _requests: Any, context: Any) -> None:
        call = _Call(self._admission, self._fanout, context)
        self._calls[call] = None
        try:
            await call.run()
        except Failed as failure:
            await context.abort(_CODES[failure.status], failure.message)
        finally:
            del self._calls[call]
            call.close()


class _Call:
    """One stream: a reader and a writer around a session."""

    def __init__(self, admission: Admission, fanout: Fanout, context: Any) -> None:
        self.session: Session | None = None
        self.peer: str | None = None
        self._admission = admission
        self._fanout = fanout
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Chunk] = deque()
        self._ready = asyncio.Event()
        self._ending: Failed | None = None
        self._ended = False

    async def run(self) -> None:
        """Serves until the proxy or we end it. Raises Failed."""
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(self._read(), name="ads-reader")
            try:
                await self._write()
            finally:
                reader.cancel()
        if self._ending is not None:
            raise self._ending

    async def _read(self) -> None:
        try:
            while (raw := await self._context.read()) is not _END:
                self._request(raw)
        except Failed as failure:
            self._ending = failure
        finally:
            self._ended = True
            self._ready.set()

    def _request(self, raw: bytes) -> None:
        now = self._loop.time()
        request, node = self._admission.requests.parse(raw)
        if self.session is None:
            self.peer = _peer(self._context)
            self.session = self._admission.admit(node, self.peer, now)
            self.session.wake = self._wake
            for view in self.session.views:
                view.wakers[self._fanout] = None
        try:
            self._enqueue(self.session.received(request, now))
        except TooMuch as error:
            raise Failed(Status.RESOURCE_EXHAUSTED, str(error)) from None

    async def _write(self) -> None:
        while not self._ended:
            try:
                async with asyncio.timeout(_CHECK):
                    await self._ready.wait()
            except TimeoutError:
                self._wake_when_due()
            self._ready.clear()
            while self._queue and self._ending is None:
                await self._context.write(self._queue.popleft().message[_PREFIX:])

    def _wake(self) -> None:
        if self.session is not None:
            self._enqueue(self.session.advance(self._loop.time()))

    def _wake_when_due(self) -> None:
        if (
            self.session is not None
            and self.session.due is not None
            and self._loop.time() >= self.session.due
        ):
            self._wake()

    def _enqueue(self, chunks: list[Chunk]) -> None:
        if chunks:
            self._queue.extend(chunks)
            self._ready.set()

    def end(self, failure: Failed) -> None:
        """Ends the call with a status."""
        self._ending, self._ended = failure, True
        self._ready.set()

    def close(self) -> None:
        """The call is over."""
        if self.session is not None:
            self.session.close("call ended")
            self.session = None


def _peer(context: Any) -> str | None:
    """The SPIFFE ID of a verified certificate; None on a unix socket. Raises Failed."""
    if context.peer().startswith("unix:"):
        return None
    names = context.auth_context().get("x509_subject_alternative_name", [])
    ids = [name.decode() for name in names if name.startswith(b"spiffe://")]
    if len(ids) != 1:
        raise Failed(Status.PERMISSION_DENIED, "the client certificate does not carry exactly one SPIFFE ID")
    return str(ids[0])


_CODES = {
    Status.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    Status.DEADLINE_EXCEEDED: grpc.StatusCode.DEADLINE_EXCEEDED,
    Status.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
    Status.RESOURCE_EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Status.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
