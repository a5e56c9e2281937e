"""A port whose programs speak TLS of their own: by the server name they ask for, and the rest is closed."""

from tests.kit.sidecar import outbound
from tests.kit.static import Plan

from sekisho import ir
from sekisho.ir.sidecar import NamedShares

PLAN = Plan(
    outbounds=(
        outbound(
            "shop/database/5432",
            5432,
            ir.TcpForward(shares=((ir.CLOSED, 1),), alpn="sekisho", idle_ms=60_000),
            by_server_name=(
                NamedShares(hostname="*.example.com", shares=(("shop/database/5432", 1),)),
                NamedShares(
                    hostname="a.example.com", shares=(("shop/database-next/5432", 3), (ir.CLOSED, 1))
                ),
            ),
            addresses=("241.0.0.7",),
            bound=False,
        ),
    ),
)
