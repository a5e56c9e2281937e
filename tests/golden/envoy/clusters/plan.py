"""A cluster for each protocol, endpoints in zones, and none at all."""

from tests.kit.gateway import ORIGIN
from tests.kit.static import Plan

from sekisho import ir

PLAN = Plan(
    clusters=tuple(
        ir.Cluster(name=f"shop/{each.name}/80", protocol=each, origin=ORIGIN) for each in ir.Protocol
    ),
    endpoints=(
        ir.Endpoints(
            cluster="shop/HTTP1/80",
            endpoints=(
                ir.Endpoint("10.0.0.1", 80, "b"),
                ir.Endpoint("10.0.0.2", 80, "a"),
                ir.Endpoint("::1", 80, "b"),
            ),
            origin=ORIGIN,
        ),
        ir.Endpoints(cluster="shop/H2C/80", endpoints=(), origin=ORIGIN),
    ),
)
