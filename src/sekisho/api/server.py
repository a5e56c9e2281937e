"""Serving the API: TLS only, bounded before anybody is known, and ended without losing an answer."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sekisho.api.authentication import CERTIFICATE


class Served(Protocol):
    """An ASGI application that is told when it begins, and when its open answers must end."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where and within which bounds the API is served."""

    certificate: Path
    """PEM, with intermediates."""
    key: Path
    """PEM."""
    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free one; `serve` says which."""
    head_bytes: int = 64 * 1024
    """Request line and headers together; more is 431."""
    headers: int = 100
    """How many; more is 431."""
    head_seconds: float = 10.0
    """From the first byte of a request (or the handshake) to the end of its headers; slower is cut."""
    handshake_seconds: float = 5.0
    idle_seconds: int = 90
    """How long a kept-alive connection may be silent; a little longer than Go clients keep theirs."""
    connections: int = 8192
    """At a time; more get 503."""
    clients: str = ""
    """PEM of the authorities whose client certificates are taken; empty asks clients for none. Without a
    certificate a client is let in as before, with another authority's it is not."""
    unwanted_bytes: int = 16 << 20
    """Of a body, read on after its request was answered, so that the client gets to see the answer; who sends
    more is cut off."""
    stop_seconds: int = 5
    """For requests under way when the server stops."""


def tls_context(settings: ServerSettings) -> ssl.SSLContext:
    """TLS 1.2 or newer, HTTP/1.1. Raises OSError or ssl.SSLError when certificate or key cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.certificate, settings.key)
    context.set_alpn_protocols(["http/1.1"])
    if settings.clients:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=settings.clients)
        # A resumed session would bring in a certificate that nobody looks at again.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return context


async def serve(
    app: Served,
    settings: ServerSettings,
    *,
    started: Callable[[int], None] = lambda _: None,
    context: ssl.SSLContext | None = None,
) -> None:
    """Serves until cancelled; then ends watches, lets requests under way finish, and closes.

    `started` is told the port once connections are accepted. `context` replaces the certificate of the
    settings. Raises OSError when the port is taken.
    """
    context = context or tls_context(settings)
    with socket.create_server((settings.host, settings.port), backlog=1024) as listener:
        server = _Server(app, settings, listener, context)
        await app.start()
        try:
            await server.startup()
            started(listener.getsockname()[1])
            await server.main_loop()
        finally:
            await app.stop()
            await server.shutdown()


class _Server(uvicorn.Server):
    """uvicorn's server, less its signal handlers and its ways to listen."""

    def __init__(
        self, app: Served, settings: ServerSettings, listener: socket.socket, context: ssl.SSLContext
    ) -> None:
        self._protocol_class = _bounded(settings)
        config = uvicorn.Config(
            app,
            http=self._protocol_class,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=settings.connections,
            timeout_keep_alive=settings.idle_seconds,
            timeout_graceful_shutdown=settings.stop_seconds,
        )
        config.load()
        super().__init__(config)
        self.lifespan = config.lifespan_class(config)
        self._settings = settings
        self._listener = listener
        self._context = context

    async def startup(self, sockets: Any = None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Listens, with a bound on handshakes that uvicorn does not offer."""
        server = await asyncio.get_running_loop().create_server(
            self._protocol,
            sock=self._listener,
            ssl=self._context,
            ssl_handshake_timeout=self._settings.handshake_seconds,
        )
        self.servers = [server]
        self.started = True

    def _protocol(self) -> asyncio.Protocol:
        return self._protocol_class(config=self.config, server_state=self.server_state, app_state={})


def _bounded(settings: ServerSettings) -> "type[_BoundedProtocol]":
    """The protocol class with these settings: uvicorn makes the instances and passes none of ours."""
    return type("BoundedProtocol", (_BoundedProtocol,), {"settings": settings})


class _TooLarge(Exception):
    """Ends the parsing of a request whose head is over a limit."""


class _BoundedProtocol(HttpToolsProtocol):
    """httptools is several times faster than h11 and, unlike it, bounds neither size nor time: done here."""

    settings: ServerSettings
    _is_too_large = False
    _unread = 0
    """Bytes received since the parser last handed something over: what it may be holding."""
    _head = 0
    """Bytes of the request line and headers of the current request."""
    _unwanted = 0
    """Bytes of the current request's body that came after its answer."""
    _head_timer: asyncio.TimerHandle | None = None
    _certificate: bytes | None = None
    """The client's, DER, when it sent one: verified, or there would be no connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self._certificate = tls.getpeercert(binary_form=True) if tls else None
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_timer is None and self._is_idle():
            self._await_head()
        self._unread += len(data)
        super().data_received(data)
        if self._unread > self.settings.head_bytes and not self.transport.is_closing():
            self._is_too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._unwanted = 0
        extensions: dict[str, Any] = {"sekisho.abort": self.transport.abort}
        if self._certificate:
            extensions[CERTIFICATE] = self._certificate
        self.scope["extensions"] = extensions

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_headers_complete(self) -> None:
        self._head_arrived()
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        if self._is_idle():
            self._unwanted += len(body)
            if self._unwanted > self.settings.unwanted_bytes:
                self.transport.abort()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """For a request that cannot be parsed; nobody is known yet, so it says no more than needed."""
        if self._is_too_large:
            line = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
        else:
            line = b"HTTP/1.1 400 Bad Request\r\n"
        self.transport.write(line + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self.settings.head_bytes or len(self.headers) >= self.settings.headers:
            self._is_too_large = True
            raise _TooLarge

    def _is_idle(self) -> bool:
        cycle: Any = self.cycle  # uvicorn's annotation leaves out the None it starts with
        return cycle is None or bool(cycle.response_complete)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.settings.head_seconds, self.transport.close)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
