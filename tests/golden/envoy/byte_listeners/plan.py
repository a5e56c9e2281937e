"""Bytes: TLS passed on and ended by server name, shares that lead nowhere, and datagrams by weight."""

from tests.kit.gateway import ORIGIN
from tests.kit.static import Plan

from sekisho import ir


def chain(name: str, *shares: tuple[str, int], tls: ir.TlsTermination | None = None) -> ir.Chain:
    names = () if name == "*" else (name,)
    return ir.Chain(
        table=f"443/tls/{name}", server_names=names, tls=tls, tcp=ir.TcpForward(shares=shares), origin=ORIGIN
    )


def listener(port: int, *chains: ir.Chain) -> ir.Listener:
    return ir.Listener(
        name=f"http/127.0.0.1/{port}", address="127.0.0.1", port=port, chains=chains, origin=ORIGIN
    )


def udp(port: int, *shares: tuple[str, int]) -> ir.UdpListener:
    return ir.UdpListener(
        name=f"udp/127.0.0.1/{port}", address="127.0.0.1", port=port, shares=shares, origin=ORIGIN
    )


ENDED = ir.TlsTermination(certificates=("secret/shop/cert",), alpn=())

PLAN = Plan(
    listeners=(
        listener(5432, chain("*", ("tcp/shop/web/80", 3), (ir.CLOSED, 1))),
        listener(
            443,
            chain("*", (ir.CLOSED, 1)),
            chain("*.example.com", ("tcp/shop/web/443", 1)),
            chain("ended.example.com", ("tcp/shop/web/80", 1), tls=ENDED),
        ),
    ),
    udp=(
        udp(53, ("udp/shop/dns/53", 1)),
        udp(54, ("udp/shop/a/53", 3), ("udp/shop/b/53", 1), (ir.CLOSED, 2)),
    ),
)
