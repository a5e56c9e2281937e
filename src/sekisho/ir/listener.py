"""Sockets a proxy listens on, and what decides between the route tables behind them."""

from dataclasses import dataclass
from typing import Literal

from sekisho.model.names import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTermination:
    """TLS ends here, with these certificates."""

    certificates: tuple[str, ...]
    """Names of `Certificate`s, sorted, at least one."""
    min_version: Literal["1.2", "1.3"] = "1.2"
    alpn: tuple[str, ...] = ("h2", "http/1.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What connections with these server names get: TLS or none, and one route table."""

    table: str
    """The route table's id, the prefix of its virtual hosts' scope keys: `8080`, or `443/https-shop`."""
    server_names: tuple[str, ...] = ()
    """SNI this chain is for, exact or `*.suffix`, sorted; empty for all others."""
    tls: TlsTermination | None = None
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One bound socket with HTTP behind it."""

    name: str
    """`http/<address>/<port>`; an Envoy listener of the same name."""
    address: str
    port: int
    chains: tuple[Chain, ...]
    """At least one, sorted by table. Plain HTTP has exactly one."""
    origin: Origin
