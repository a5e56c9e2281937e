"""Sockets a proxy listens on, and what decides between the route tables behind them."""

from typing import Literal

from msgspec import Struct

from sekisho.ir.callers import TokenIssuer
from sekisho.ir.tcp import TcpForward
from sekisho.ir.telemetry import AccessLog, Tracing
from sekisho.ir.traffic import Times
from sekisho.model.names import Origin


class CallerValidation(Struct, frozen=True, kw_only=True, gc=False):
    """Callers are asked for a certificate."""

    authorities: str
    """Name of the `AuthorityBundle` that vouches for them."""
    required: bool = True
    """Whether a caller without one is sent away; else it is asked for and nothing depends on it."""


class TlsTermination(Struct, frozen=True, kw_only=True, gc=False):
    """TLS ends here, with these certificates."""

    certificates: tuple[str, ...]
    """Names of `Certificate`s, sorted, at least one."""
    min_version: Literal["1.2", "1.3"] = "1.2"
    alpn: tuple[str, ...] = ("h2", "http/1.1")
    callers: CallerValidation | None = None
    """None: nobody is asked who he is."""


class Chain(Struct, frozen=True, kw_only=True, gc=False):
    """What connections with these server names get: TLS or none, and one route table or backends."""

    table: str
    """The route table's id, the prefix of its virtual hosts' scope keys: `8080`, or `443/https` for all that
    end HTTPS at a port. For bytes the chain's name only: `443/tls/shop.example.com`."""
    name: str = ""
    """What tells it apart from others with its table: `443/https-shop`; empty for the table itself."""
    server_names: tuple[str, ...] = ()
    """SNI this chain is for, exact or `*.suffix`, sorted; empty for all others."""
    shared: bool = False
    """Whether it is that of several listeners, each with one of the server names, all exact."""
    tls: TlsTermination | None = None
    tcp: TcpForward | None = None
    """Where the bytes go that are not read as HTTP. Without `tls`, with `server_names`: TLS is passed on."""
    origin: Origin

    @property
    def called(self) -> str:
        """Its name among the chains of a listener."""
        return self.name or self.table

    @property
    def server_name(self) -> str:
        """What `VirtualHost.server_name` is held against: `*` where it is for all others; empty where it is
        what the caller asked for."""
        if self.shared:
            return ""
        return self.server_names[0] if self.server_names else "*"


class PolicyFilters(Struct, frozen=True, kw_only=True, gc=False):
    """What policies need in the chain of filters that all hostnames of a Gateway share. Nothing where there
    is no policy: then requests do not pay for it."""

    permissions: bool = False
    tokens: bool = False
    """Some permission asks for claims, and there is who is believed: `Listener.token_issuers`."""
    faults: int = 0
    """How many at most for one request."""
    rate_limit: bool = False


class Listener(Struct, frozen=True, kw_only=True, gc=False):
    """One bound socket for connections."""

    name: str
    """`http/<address>/<port>`, whatever is spoken; an Envoy listener of the same name."""
    address: str
    port: int
    chains: tuple[Chain, ...]
    """At least one, sorted by `called`. Plain HTTP and TCP have exactly one."""
    filters: PolicyFilters = PolicyFilters()
    token_issuers: tuple[TokenIssuer, ...] = ()
    """Whose tokens are verified; none where `filters.tokens` is not."""
    times: Times = Times()
    access_logs: tuple[AccessLog, ...] = ()
    tracing: Tracing | None = None
    origin: Origin
