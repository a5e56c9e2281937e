"""Limits of the request and of each try, retries, and upgrades that are not wanted."""

from tests.kit.gateway import TABLE, forward, route, share
from tests.kit.static import Plan

from sekisho import ir

RETRY = ir.Retry(attempts=3, codes=(500, 503), backoff_ms=100)


def named(name: str, **fields: object) -> ir.Route:
    return route(forward(**fields), ir.PathPrefix(f"/{name}"), name=name)


PLAN = Plan(
    hosts=(
        ir.VirtualHost(
            table=TABLE,
            hostname="limit.example.com",
            routes=(
                named("default"),
                named("request", request_timeout_ms=1500),
                named("never", request_timeout_ms=0),
                named("try", backend_timeout_ms=250),
                named("retry", request_timeout_ms=3000, backend_timeout_ms=500, retry=RETRY),
                named("connection", retry=ir.Retry(attempts=1)),
                named("any-host", retry=ir.Retry(attempts=1, omit_previous_hosts=False)),
                named("plain", websocket=False),
                route(
                    ir.Forward(shares=(share("one", 9, has_retry_budget=True), share("two")), retry=RETRY),
                    ir.PathPrefix("/budget"),
                    name="budget",
                ),
            ),
        ),
    )
)
