"""Redirects; a host known by wildcard only has its port cut off by a filter."""

from tests.kit.gateway import TABLE, route
from tests.kit.static import Plan

from sekisho import ir

ROUTES = (
    route(ir.Redirect(scheme="https", port=8443, status=301), ir.PathPrefix("/a"), name="scheme and port"),
    route(ir.Redirect(host="there.example.com", status=303), ir.PathPrefix("/b"), name="host"),
    route(ir.Redirect(path=ir.ReplacePrefix("/d"), status=307), ir.PathPrefix("/c"), name="prefix"),
    route(ir.Redirect(path=ir.ReplaceFullPath("/f"), status=308), ir.PathPrefix("/e"), name="path"),
    route(ir.Redirect(), name="rest"),
)

PLAN = Plan(
    hosts=(
        ir.VirtualHost(table=TABLE, hostname="here.example.com", routes=ROUTES),
        ir.WildcardTable(
            table=TABLE, hosts=(ir.VirtualHost(table=TABLE, hostname="*.example.com", routes=ROUTES),)
        ),
    )
)
