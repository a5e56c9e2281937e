"""Routes for gRPC calls: matched as such, streams without end, and UNAVAILABLE where nothing is."""

from tests.kit.gateway import TABLE, forward, route, share
from tests.kit.static import Plan

from sekisho import ir

SHARES = (share("one", 3), share(None, 1))
PLAN = Plan(
    hosts=(
        ir.VirtualHost(
            table=TABLE,
            hostname="calls.example.com",
            routes=(
                route(
                    forward("one", request_timeout_ms=0),
                    path=ir.PathExact("/a.B/Get"),
                    match=ir.RouteMatch(grpc=True),
                    name="exact",
                ),
                route(
                    ir.Forward(shares=SHARES, request_timeout_ms=0, unresolved_status=503),
                    path=ir.PathRegex("/(?:a.+)/[^/]+"),
                    match=ir.RouteMatch(grpc=True, headers=(ir.StringMatch("tenant", "blue"),)),
                    name="regex",
                ),
                route(ir.Respond(status=503), match=ir.RouteMatch(grpc=True), name="nowhere"),
            ),
        ),
    ),
)
