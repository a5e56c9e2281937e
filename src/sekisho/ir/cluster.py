"""Where requests go: a cluster per service port, its endpoints apart."""

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from sekisho.ir.traffic import Balancing, HealthCheck, Limits, Outliers
from sekisho.ir.transport import Transport
from sekisho.model.names import Origin


class Protocol(StrEnum):
    """What the proxy speaks to the endpoints."""

    HTTP1 = "http/1.1"
    H2C = "h2c"
    """HTTP/2 with prior knowledge (Service port appProtocol kubernetes.io/h2c)."""
    WEBSOCKET = "ws"
    """HTTP/1.1 with upgrades (appProtocol kubernetes.io/ws)."""
    GRPC = "grpc"
    """HTTP/2 that carries gRPC (appProtocol grpc)."""
    TCP = "tcp"
    """Bytes that are not looked into."""


class Host(NamedTuple):
    """An address outside that the proxy looks up itself."""

    address: str
    """IP address or host name."""
    port: int
    priority: int = 0
    """0 is tried first."""


class Ping(NamedTuple):
    """How often is asked whether the other side is still there, and how long it is waited for. A host that
    vanished would else be noticed by each request alone, at its timeout."""

    interval_ms: int = 30_000
    timeout_ms: int = 5_000


class Cluster(Struct, frozen=True, kw_only=True, gc=False):
    """One service port."""

    name: str
    """`<namespace>/<service>/<port>`."""
    protocol: Protocol = Protocol.HTTP1
    transport: Transport | None = None
    """None for bytes as they are."""
    hosts: tuple[Host, ...] | None = None
    """Looked up by DNS; None where endpoints come by EDS."""
    guarded: bool = False
    """Whether names among `hosts` may lead to hosts alone: to none that is this one, and to no address that
    only hosts themselves have business with. What is verified otherwise need not be."""
    written_endpoints: "Endpoints | None" = None
    """Endpoints of which some are host names, which the proxy looks up: EDS takes addresses only."""
    original_destination: bool = False
    """The endpoint is whatever the captured connection was for."""
    inside: str = ""
    """Name of another cluster: connections go to the proxy's own listener `tunnel_name` of it, and on from
    there; `transport` is spoken within theirs. Empty for connections of its own."""
    connect_timeout_ms: int = 5000
    idle_timeout_ms: int | None = None
    """None for Envoy's 1 h, 0 for never."""
    max_connection_duration_ms: int | None = None
    streams: int | None = None
    """Requests on one connection of HTTP/2 at a time; more connections are made for more of them. None for
    the proxy's own bound."""
    requests_per_connection: int | None = None
    """Requests until a connection is replaced; None for no bound."""
    ping: Ping = Ping()
    """On connections of HTTP/2 between sidecars."""
    limits: Limits = Limits()
    outliers: Outliers | None = None
    health_checks: tuple[HealthCheck, ...] = ()
    balancing: Balancing = Balancing()
    told_at_once: bool = False
    """Whether workers learn at once that an endpoint is well or ill; else within a second, with other news,
    which is less work where endpoints are many."""
    origin: Origin


def tunnel_name(cluster: str) -> str:
    """The listener that leads into a cluster, and that nobody but the proxy itself can reach."""
    return f"tunnel/{cluster}"


class Tunnel(Struct, frozen=True, kw_only=True, gc=False):
    """Where connections begin that carry those of another cluster: a listener of the proxy for itself."""

    cluster: str
    """`Cluster.inside`"""
    leads_to: str = ""
    """Cluster they go on to, where it is another; the way may be for several then."""
    server_name: str = ""
    """The one name that their TLS may ask for; empty where it may ask for any, or be none."""
    passes_name_on: bool = False
    """Whether the TLS around asks for the name that the TLS within asks for."""
    origin: Origin


class Endpoint(Struct, frozen=True, order=True, gc=False):
    """One ready address. Its order is that of its fields."""

    address: str
    """An IP address; in `Cluster.written_endpoints` perhaps a host name."""
    port: int
    zone: str = ""
    weight: int = 1
    """Share of requests beside the other endpoints, ≥ 1."""
    meshed: bool = False
    """Whether a sidecar stands before it: it is spoken to by `MeshTransport`."""
    priority: int = 0
    """0 is tried first."""
    sub_zone: str = ""
    """`<label>=<value>` of the affinity it was grouped by."""
    locality_weight: int = 0
    """Weight of its locality; 0 where localities are not weighed."""
    tunnel: str = ""
    """Name of the `Tunnel` that leads there from within the proxy; `address` and `port` only tell it from
    others then."""
    member: str = ""
    """Of which service it is where a cluster has several (`MembersTransport`)."""
    probed: bool = True
    """Whether health checks of its cluster are for it."""


class Endpoints(Struct, frozen=True, kw_only=True, gc=False):
    """The ready addresses of one cluster."""

    cluster: str
    endpoints: tuple[Endpoint, ...]
    """Sorted, without duplicates; empty answers 503."""
    overprovisioning_percent: int | None = None
    """As `Balancing` has it; None for Envoy's 140."""
    origin: Origin
