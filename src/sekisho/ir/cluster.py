"""Where requests go: a cluster per service port, its endpoints apart."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sekisho.model.names import Origin


class Protocol(StrEnum):
    """What the proxy speaks to the endpoints."""

    HTTP1 = "http/1.1"
    H2C = "h2c"
    """HTTP/2 with prior knowledge (Service port appProtocol kubernetes.io/h2c)."""
    WEBSOCKET = "ws"
    """HTTP/1.1 with upgrades (appProtocol kubernetes.io/ws)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One service port."""

    name: str
    """`<namespace>/<service>/<port>`."""
    protocol: Protocol = Protocol.HTTP1
    origin: Origin


class Endpoint(NamedTuple):
    """One ready address. A NamedTuple because they come by the ten thousand, to be sorted and compared."""

    address: str
    """An IP address."""
    port: int
    zone: str = ""
    weight: int = 1
    """Share of requests beside the other endpoints, ≥ 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The ready addresses of one cluster."""

    cluster: str
    endpoints: tuple[Endpoint, ...]
    """Sorted, without duplicates; empty answers 503."""
    origin: Origin
