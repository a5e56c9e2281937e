"""Answers without a backend, such as 421 for a misdirected request."""

from tests.kit.gateway import TABLE, route
from tests.kit.static import Plan

from sekisho import ir

PLAN = Plan(
    hosts=(
        ir.VirtualHost(
            table=TABLE,
            hostname="respond.example.com",
            routes=(
                route(ir.Respond(status=500, body="no backend\n"), ir.PathPrefix("/a"), name="with body"),
                route(ir.Respond(status=421), name="without"),
            ),
        ),
    )
)
