"""A port of a workload, strict: permissions of every sort, and limits, faults, times and logs by caller."""

from typing import Any

from tests.kit.sidecar import ORIGIN, inbound, spiffe_id
from tests.kit.static import Plan

from sekisho import ir

CALLER = ir.Caller(identities=(ir.Text("exact", spiffe_id("web")),))
NAMESPACE = ir.Caller(
    identities=(ir.Text("prefix", "spiffe://default.default.mesh.local/ns/shop"),),
    methods=("GET", "HEAD"),
    paths=(ir.Text("prefix", "/items"), ir.Text("regex", "/orders/[0-9]+")),
)
REST = ir.Caller(
    source_ranges=("10.0.0.0/8", "fd00::/8"),
    server_names=("80.cart.shop.default.default.sekisho",),
    headers=(("x-team", ir.Text("prefix", "core-")), ("x-trace", ir.Text("present"))),
    claims=(("realm.role", ir.Text("exact", "true")),),
)


def rule(effect: ir.Effect, caller: ir.Caller) -> ir.PermissionRule:
    return ir.PermissionRule(effect=effect, caller=caller, origin=ORIGIN)


def by_caller(chosen: Any, otherwise: Any) -> tuple[ir.Conditional[Any], ...]:
    return tuple(
        ir.Conditional(caller=caller, value=value, origin=ORIGIN)
        for caller, value in ((CALLER, chosen), (None, otherwise))
    )


PLAN = Plan(
    inbounds=(
        inbound(
            80,
            8080,
            permissions=ir.Permissions(
                rules=(
                    rule(ir.Effect.DENY, REST),
                    rule(ir.Effect.ALLOW, CALLER),
                    rule(ir.Effect.ALLOW, NAMESPACE),
                    rule(ir.Effect.SHADOW_DENY, NAMESPACE),
                )
            ),
            rate_limits=by_caller(
                ir.RateLimit(tokens=10, interval_ms=1000), ir.RateLimit(tokens=100, interval_ms=10)
            ),
            connection_rate=ir.RateLimit(tokens=100, interval_ms=1000),
            faults=by_caller((ir.Fault(abort_status=503, abort_millionths=1000),), ()),
            times=by_caller(ir.Times(request=1000), ir.Times(stream_idle=60_000, idle=120_000)),
            limits=ir.Limits(connections=5000, retries=7),
            access_logs=by_caller((ir.FileLog(path="/dev/stdout"),), ()),
        ),
    )
)
