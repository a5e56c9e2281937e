"""The ADS server: listens, watches over its connections, drains."""

import asyncio
import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from sekisho.xds.admission import Admission, Authorize, not_counted
from sekisho.xds.clock import PatientClock
from sekisho.xds.connection import ClientConnection
from sekisho.xds.fanout import Fanout
from sekisho.xds.limits import Limits
from sekisho.xds.observer import Observer
from sekisho.xds.rpc import Status
from sekisho.xds.session import PATIENCE

_CHECKS_PER_LIMIT = 4
_CHECKED_IN_A_ROW = 128
_BACKLOG = 4_096


class AdsServer:
    """Serves delta ADS, over TLS with client certificates and over unix sockets.

    Make it inside a running loop; `listen_tls` and `listen_unix` may be called several times.
    """

    def __init__(
        self,
        authorize: Authorize,
        observer: Observer | None = None,
        limits: Limits | None = None,
        *,
        patience: float = PATIENCE,
        not_verified: Callable[[], None] = not_counted,
    ) -> None:
        """`authorize` decides on every stream; see admission.Authorize. `not_verified`: see Admission."""
        self._loop = asyncio.get_running_loop()
        self._limits = limits or Limits()
        self._admission = Admission(authorize, observer, self._limits, patience, not_verified)
        self._fanout = Fanout(self._loop)
        self._servers: list[asyncio.Server] = []
        self._connections: dict[ClientConnection, None] = {}
        self._draining = False
        self._empty = asyncio.Event()
        self._clock = PatientClock(self._loop)
        self._timer = self._check_later()

    @property
    def connections(self) -> int:
        """How many there are, refused ones not counted."""
        return len(self._connections)

    async def listen_tls(self, host: str, port: int, context: Callable[[], ssl.SSLContext]) -> int:
        """Listens on TCP; `context` (see tls.server_context) is asked for each connection, so that
        certificates and authorities may change. Returns the port, for `port` 0.
        """
        server = await self._loop.create_server(
            lambda: self._connection(context()), host, port, backlog=_BACKLOG
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def listen_unix(self, path: Path) -> None:
        """Listens on a unix socket that only our own user may open; an old socket there is replaced."""
        listening = private_socket(path)
        try:
            server = await self._loop.create_unix_server(
                lambda: self._connection(None), sock=listening, backlog=_BACKLOG
            )
        except BaseException:
            listening.close()
            raise
        self._servers.append(server)

    def _connection(self, context: ssl.SSLContext | None) -> ClientConnection:
        connection = ClientConnection(self._clock, context, self._admission, self._fanout, self._lost)
        self._connections[connection] = None
        return connection

    def _lost(self, connection: ClientConnection) -> None:
        self._connections.pop(connection, None)
        if not self._connections:
            self._empty.set()

    @property
    def _interval(self) -> float:
        limits = self._limits
        shortest = min(
            limits.handshake, limits.first_request, limits.keepalive_answer, self._admission.patience
        )
        return min(1.0, max(shortest, 0.04) / _CHECKS_PER_LIMIT)

    def _check(self) -> None:
        self._clock.arrived()
        self._timer = self._check_later()
        self._check_some(iter(list(self._connections)), self._clock.recent)

    def _check_some(self, connections: Iterator[ClientConnection], now: float) -> None:
        """A few in a row, so that commits and answers need not wait for all. `now` is the time of the tick:
        what turns of the loop take meanwhile is not yet known to be late.
        """
        some = list(islice(connections, _CHECKED_IN_A_ROW))
        for connection in some:
            connection.check(now)
        if some:
            self._loop.call_soon(self._check_some, connections, now)

    def _check_later(self) -> asyncio.TimerHandle:
        interval = self._interval
        self._clock.expect(interval)
        return self._loop.call_later(interval, self._check)

    def disconnect(
        self, whom: Callable[[str | None, str], bool], reason: str, status: Status = Status.PERMISSION_DENIED
    ) -> int:
        """Ends every live stream for which `whom(peer, node_id)` holds, before this call returns.

        The arguments are those of admission.Authorize, which is asked again should a proxy come back: what
        was revoked is refused there. `reason` is shown to the proxy, with a gRPC status: one that may come
        back at once is told UNAVAILABLE. Returns how many streams were ended.
        """
        return sum(connection.revoke(whom, reason, status) for connection in list(self._connections))

    def forget_requests(self) -> None:
        """Drops what is remembered of requests; to be called now and then."""
        self._admission.requests.forget()

    async def drain(self, deadline: float = 5.0) -> None:
        """Stops listening, sends the proxies away (GOAWAY), and after `deadline` seconds cuts who is left."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.drain()
        self._empty.clear()
        if self._connections:
            with suppress(TimeoutError):
                async with asyncio.timeout(deadline):
                    await self._empty.wait()
        for connection in list(self._connections):
            connection.abort()
        self._timer.cancel()


def private_socket(path: Path) -> socket.socket:
    """A bound unix socket of mode 0600. An old socket at `path` is replaced, anything else is left alone."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.stat().st_mode):
            path.unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        path.chmod(0o600)  # before anybody listens, so nobody can have connected yet
    except BaseException:
        bound.close()
        raise
    return bound
