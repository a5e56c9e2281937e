"""One backend, several by weight, and backends that cannot be resolved."""

from tests.kit.gateway import TABLE, forward, route, share
from tests.kit.static import Plan

from sekisho import ir

PLAN = Plan(
    hosts=(
        ir.VirtualHost(
            table=TABLE,
            hostname="share.example.com",
            routes=(
                route(forward("one"), ir.PathPrefix("/one"), name="one"),
                route(
                    ir.Forward(shares=(share("one", 9), share("two", 1))), ir.PathPrefix("/two"), name="two"
                ),
                route(
                    ir.Forward(shares=(share("one", 1), share(None, 3))),
                    ir.PathPrefix("/bad"),
                    name="some bad",
                ),
                route(forward(None), name="all bad"),
            ),
        ),
    )
)
