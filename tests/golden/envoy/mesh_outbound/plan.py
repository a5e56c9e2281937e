"""A port of a Service as a workload calls it: by HTTP with its routes apart, and by TCP, captured."""

from tests.kit.gateway import forward, route
from tests.kit.sidecar import ORIGIN, outbound
from tests.kit.static import Plan

from sekisho import ir

NAME = "outbound/shop/cart/80"
ACTION = forward(
    "shop/cart/80",
    stream_idle_ms=60_000,
    max_stream_ms=600_000,
    hash_policies=(
        ir.HashPolicy(kind="Header", name="x-user", terminal=True),
        ir.HashPolicy(kind="Cookie", name="session", cookie_path="/", cookie_ttl_ms=3_600_000),
        ir.HashPolicy(kind="QueryParameter", name="user"),
        ir.HashPolicy(kind="Connection"),
    ),
    retry=ir.Retry(
        attempts=3,
        on=("5xx", "retriable-4xx"),
        backoff_max_ms=1000,
        reset_headers=(("retry-after", "SECONDS"),),
        response_headers=(ir.StringMatch("x-again", "yes"),),
        request_headers=(ir.StringMatch("x-once", "no.*", regex=True),),
        omit_previous_priorities=2,
    ),
)

PLAN = Plan(
    outbounds=(
        outbound(
            "shop/cart/80",
            80,
            tracing=ir.Tracing(provider="opentelemetry", cluster="collector", service_name="web"),
            access_logs=(ir.FileLog(path="/dev/stdout", format=ir.LogFormat(fields=(("path", "%PATH%"),))),),
            rate_limit=ir.RateLimit(tokens=10, interval_ms=1000),
        ),
        outbound(
            "shop/database/5432",
            5432,
            ir.TcpForward(
                shares=(("shop/database/5432", 9), ("shop/database-next/5432", 1)),
                connect_attempts=5,
                idle_ms=60_000,
                hash_policies=(ir.HashPolicy(kind="Connection"),),
            ),
            addresses=("241.0.0.7", "fd5e:6b69:7368:6f::f100:7"),
            bound=False,
        ),
    ),
    tables=(
        ir.RouteTable(
            name=NAME,
            hosts=(ir.VirtualHost(table=NAME, hostname="*", routes=(route(ACTION, ir.PathPrefix("/a")),)),),
            origin=ORIGIN,
        ),
    ),
)
