"""What is to be captured in one network namespace, resolved to numbers."""

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from sekisho.ir.sidecar import REDIRECTED_INBOUND, REDIRECTED_OUTBOUND, VIRTUAL_RANGES

DNS_PORT = 15053
"""Where the agent answers DNS, on the loopback addresses of the namespace (as in Istio and Kuma)."""
PROXY_USER = 1337
"""User and group of a proxy that captures, as in Istio: what it sends must differ from what is captured."""

Range = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that decides the rules."""

    table: str
    """Name of our nftables table, of this workload alone."""
    transparent: bool = False
    """TPROXY, which keeps the client's address; else REDIRECT."""
    proxy_user: int = PROXY_USER
    """Whose connections to the workload's own address go through the mesh."""
    guard_group: int = PROXY_USER
    """Group of proxy and agent, whose connections are not captured: else they would go in circles."""
    strict: bool = True
    """Connections past the proxy to the application's ports are refused."""
    application_ports: tuple[int, ...] = ()
    uncaptured_inbound_ports: tuple[int, ...] = ()
    uncaptured_outbound_ports: tuple[int, ...] = ()
    uncaptured_ranges: tuple[Range, ...] = ()
    uncaptured_users: tuple[int, ...] = ()
    virtual_ranges: tuple[str, ...] = VIRTUAL_RANGES
    """CIDRs that need a route, whatever other routes there are."""
    inbound_port: int = REDIRECTED_INBOUND
    outbound_port: int = REDIRECTED_OUTBOUND
    dns_port: int = DNS_PORT


def table_name(workload: str) -> str:
    """The table of a workload (`<namespace>/<name>`): letters nft takes, distinct whatever the name is."""
    return f"sekisho_{hashlib.sha256(workload.encode()).hexdigest()[:12]}"


def ranges(texts: tuple[str, ...]) -> tuple[Range, ...]:
    """CIDRs as networks, host bits cut off. Raises ValueError."""
    return tuple(ip_network(text, strict=False) for text in texts)
