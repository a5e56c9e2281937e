"""Copies to several clusters, all or a part of the requests."""

from tests.kit.gateway import TABLE, forward, route
from tests.kit.static import Plan

from sekisho import ir

MIRRORS = (ir.Mirror(cluster="two"), ir.Mirror(cluster="three", numerator=1, denominator=3))

PLAN = Plan(
    hosts=(
        ir.VirtualHost(table=TABLE, hostname="mirror.example.com", routes=(route(forward(mirrors=MIRRORS)),)),
    )
)
