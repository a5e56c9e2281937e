"""Ports whose ways are fetched when somebody calls: by HTTP, and by TCP."""

from tests.kit.gateway import forward, route
from tests.kit.sidecar import ORIGIN, outbound
from tests.kit.static import Plan

from sekisho import ir

NAME = "outbound/shop/cart/80"

PLAN = Plan(
    outbounds=(
        outbound("shop/cart/80", 80, on_demand=True),
        outbound(
            "shop/database/5432",
            5432,
            ir.TcpForward(shares=(("shop/database/5432", 1),)),
            addresses=("241.0.0.7",),
            bound=False,
            on_demand=True,
        ),
    ),
    tables=(
        ir.RouteTable(
            name=NAME,
            hosts=(
                ir.VirtualHost(
                    table=NAME,
                    hostname="*",
                    routes=(route(forward("shop/cart/80"), ir.PathPrefix("/")),),
                ),
            ),
            origin=ORIGIN,
        ),
    ),
)
