"""Origins by name, by wildcard, and all of them."""

from tests.kit.gateway import TABLE, forward, route
from tests.kit.static import Plan

from sekisho import ir

SOME = ir.Cors(
    origins=(
        ir.OriginMatch(value="https://a.example.com"),
        ir.OriginMatch(value="https://*.b.example.com:8443"),
    ),
    methods=("GET", "PUT"),
    headers=("x-a", "x-b"),
    expose=("x-c",),
    credentials=True,
    max_age=600,
)
ALL = ir.Cors(origins=(ir.OriginMatch(value="*"),), methods=("*",), headers=("*",))

PLAN = Plan(
    hosts=(
        ir.VirtualHost(
            table=TABLE,
            hostname="cors.example.com",
            routes=(
                route(forward(), ir.PathPrefix("/some"), name="some", cors=SOME),
                route(forward(), name="all", cors=ALL),
            ),
        ),
    )
)
