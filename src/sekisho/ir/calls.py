"""A call as its sender means it, and what can become of it: the words of the simulator."""

from typing import TypeAlias

from msgspec import Struct

from sekisho.ir.http import HeaderEdits, Mirror, Route, Share, VirtualHost
from sekisho.ir.listener import Chain, Listener

Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Names in lower case; a name may stand more than once."""


class Call(Struct, frozen=True, kw_only=True, gc=False):
    """A request, before a proxy has seen it."""

    scheme: str = "http"
    host: str
    """Host header (or `:authority`) as it is sent, with its port if it has one."""
    port: int
    """The port connected to."""
    path: str = "/"
    """With the query, if any."""
    method: str = "GET"
    headers: Headers = ()
    """Without `host`."""
    server_name: str = ""
    """SNI of the connection; empty for the host, as clients derive it from the URL."""
    source: str = "127.0.0.1"
    """IP address it comes from."""
    claims: Headers = ()
    """Of a token (JWT) it shows that is good, where tokens are verified; `a.b` for a claim inside another."""

    @property
    def authority(self) -> str:
        """The host as backends see it: Envoy takes the dot off the end of its name."""
        name, port = _split(self.host)
        return name.removesuffix(".") + port

    @property
    def hostname(self) -> str:
        """The host as it is matched: lower case, without port and without the dot at the end."""
        return self.bare_host.lower()

    @property
    def bare_host(self) -> str:
        """The host without port and without the dot at the end, as it was spelled."""
        return _split(self.host)[0].removesuffix(".")

    @property
    def sni(self) -> str:
        """The server name a filter chain is picked by."""
        return self.server_name.lower() or self.hostname


def _split(host: str) -> tuple[str, str]:
    """Name and port, the port with its colon; an IPv6 literal keeps its brackets and its colons."""
    literal, bracket, rest = host.rpartition("]")
    name, colon, port = rest.partition(":")
    return literal + bracket + name, colon + port


class Refused(Struct, frozen=True, gc=False):
    """No answer at all: the connection is refused or closed."""

    why: str


class Answered(Struct, frozen=True, kw_only=True, gc=False):
    """The proxy answers itself."""

    status: int
    why: str = ""
    location: str = ""
    headers: Headers = ()
    """What CORS and the route's filters put on the answer."""


class Target(Struct, frozen=True, kw_only=True, gc=False):
    """One of the backends a request may go to."""

    share: Share
    status: int | None
    """What is answered in its place: 500 when it cannot be resolved, 503 when nothing of it is ready; None
    when it is asked."""
    ready: int
    """Ready endpoints."""
    headers: Headers
    """The request's, as the backend sees them: after the edits of the route, then of the share."""
    response_edits: tuple[HeaderEdits, ...]
    """What is done to its answer, one after the other."""


class Sent(Struct, frozen=True, kw_only=True, gc=False):
    """The request goes to one of the targets, by weight."""

    targets: tuple[Target, ...]
    path: str
    """With the query, as the backend sees it."""
    host: str
    """As the backend sees it."""
    mirrors: tuple[Mirror, ...] = ()
    headers: Headers = ()
    """What CORS puts on the answer."""


Outcome: TypeAlias = Refused | Answered | Sent


class Verdict(Struct, frozen=True, kw_only=True, gc=False):
    """The outcome and, in order, what led to it; None from where the call did not get further."""

    listener: Listener | None = None
    chain: Chain | None = None
    host: VirtualHost | None = None
    route: Route | None = None
    outcome: Outcome
