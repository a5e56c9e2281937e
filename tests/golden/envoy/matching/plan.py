"""Every way to choose requests."""

from tests.kit.gateway import TABLE, forward, route
from tests.kit.static import Plan

from sekisho import ir

EVERYTHING = ir.RouteMatch(
    path=ir.PathPrefix("/all"),
    method="POST",
    headers=(ir.StringMatch("x-exact", "a b"), ir.StringMatch("x-regex", "a.*b", regex=True)),
    query=(ir.StringMatch("exact", "a&b"), ir.StringMatch("regex", "[0-9]+", regex=True)),
)

PLAN = Plan(
    hosts=(
        ir.VirtualHost(
            table=TABLE,
            hostname="match.example.com",
            routes=(
                route(forward(), ir.PathExact("/exact/"), name="exact"),
                route(forward(), name="all", match=EVERYTHING),
                route(forward(), ir.PathPrefix("/prefix"), name="prefix"),
                route(forward(), ir.PathRegex("/[a-z]+/[0-9]{1,8}"), name="regex"),
                route(forward(), ir.PathPrefix("/"), name="root"),
            ),
        ),
    )
)
