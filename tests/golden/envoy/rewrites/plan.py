"""Paths and hosts rewritten for the backend."""

from tests.kit.gateway import TABLE, forward, route
from tests.kit.static import Plan

from sekisho import ir


def prefix(matched: str, replacement: str) -> ir.Route:
    action = forward(path_rewrite=ir.ReplacePrefix(replacement))
    return route(action, ir.PathPrefix(matched), name=f"{matched} to {replacement}")


PLAN = Plan(
    hosts=(
        ir.VirtualHost(
            table=TABLE,
            hostname="rewrite.example.com",
            routes=(
                prefix("/a", "/b"),
                prefix("/c.d", "/"),
                route(forward(path_rewrite=ir.ReplaceFullPath(r"/full\1")), ir.PathExact("/e"), name="full"),
                route(
                    forward(host_rewrite=ir.HostRewrite("in.example.com")), ir.PathExact("/f"), name="host"
                ),
                prefix("/", "/b/"),
            ),
        ),
        ir.VirtualHost(table=TABLE, hostname="same.example.com", routes=(prefix("/", "/"),)),
    )
)
