"""Exact hosts have a scope each; the wildcard hosts of a table share one."""

from tests.kit.gateway import TABLE, forward, route
from tests.kit.static import Plan

from sekisho import ir


def host(name: str, cluster: str) -> ir.VirtualHost:
    return ir.VirtualHost(table=TABLE, hostname=name, routes=(route(forward(cluster)),))


PLAN = Plan(
    hosts=(
        host("shop.example.com", "one"),
        host("cart.example.com", "two"),
        ir.WildcardTable(table=TABLE, hosts=(host("*", "one"), host("*.example.com", "two"))),
    )
)
