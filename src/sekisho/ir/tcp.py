"""Connections and datagrams that are passed on unread."""

from msgspec import Struct

from sekisho.ir.traffic import HashPolicy
from sekisho.model.names import Origin


class TcpForward(Struct, frozen=True, kw_only=True, gc=False):
    """Where the bytes of a connection go."""

    shares: tuple[tuple[str, int], ...]
    """Cluster name and weight (> 0), at least one; a cluster that is not there ends the connection."""
    by_server_name: bool = False
    """In the place of `shares`: the cluster is called `BY_SERVER_NAME` and the server name that the caller
    asks for (TLS, SNI)."""
    is_named: bool = False
    """Whether the one cluster has host names, which are judged by where they lead (`Cluster.hosts`)."""
    connect_attempts: int = 1
    idle_ms: int | None = None
    """None for Envoy's 1 h, 0 for never."""
    hash_policies: tuple[HashPolicy, ...] = ()
    alpn: str = ""
    """Protocol TLS announces for these bytes (RFC 7301), whatever their cluster says; empty leaves it to it.

    A cluster is changed before those who use it: what is said there is for a moment of the next use.
    """


BY_SERVER_NAME = "sni/"
"""What names of clusters begin with that are found by server name: no other cluster can be asked for."""
CLOSED = "~closed"
"""Cluster that is never defined: a connection sent there is closed, a datagram dropped."""


class UdpListener(Struct, frozen=True, kw_only=True, gc=False):
    """One bound socket for datagrams. All from one caller's address and port go to the same instance."""

    name: str
    """`udp/<address>/<port>`; an Envoy listener of the same name."""
    address: str
    port: int
    shares: tuple[tuple[str, int], ...]
    """Cluster name and weight (> 0), at least one; `CLOSED` for what leads nowhere."""
    origin: Origin
