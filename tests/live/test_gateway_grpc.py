"""GRPCRoutes on a real Envoy: real gRPC clients and servers on both sides."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
import pytest_asyncio
from tests.kit.echo import serving_echo
from tests.kit.echo_grpc import Reply, call, serving_grpc
from tests.kit.http import fetch
from tests.kit.site import Site
from tests.kit.site_envoy import SiteEnvoy, running_site
from tests.unit.translate.world import (
    backend,
    endpoint_slice,
    gateway,
    gateway_class,
    http_route,
    route,
    rule,
    service,
)

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

HOST = "calls.example.com"
SETS = {
    "type": "ResponseHeaderModifier",
    "responseHeaderModifier": {"set": [{"name": "x-by", "value": "us"}]},
}
ADDS = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "x-seen", "value": "1"}]}}


def wanted(method: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    named = [{"name": name, "value": value} for name, value in headers.items()]
    return {"headers": named} | ({"method": method} if method else {})


def matching(match: dict[str, Any], *backends: Any, **fields: Any) -> dict[str, Any]:
    return rule(*(backends or [backend("one")]), matches=[match], **fields)


RULES = [
    matching(wanted({"service": "a.Exact", "method": "Get"}), backend("two")),
    matching(wanted({"service": "a.Exact"})),
    matching(wanted({"service": "a.Exact"}, tenant="blue"), backend("two")),
    matching(wanted({"service": "b[.]Re.*", "method": "Get|Put", "type": "RegularExpression"})),
    matching(wanted({"service": "c.Filters"}), filters=[SETS, ADDS]),
    matching(wanted({"service": "d.Shares"}), backend("one", weight=3), backend("gone", weight=1)),
    matching(wanted({"service": "e.Gone"}), backend("gone")),
    matching(wanted({"service": "f.Empty"}), backend("empty")),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    async with AsyncExitStack() as stack:
        ports = {name: await stack.enter_async_context(serving_grpc(name)) for name in ("one", "two")}
        plain = (await stack.enter_async_context(serving_echo("plain"))).port
        slices = [
            endpoint_slice(name, "127.0.0.1", ports=[{"port": number}]) for name, number in ports.items()
        ]
        site, served = Site(), SiteEnvoy()
        changes = site.apply(
            gateway_class(), gateway(), *slices, *(service(name) for name in (*ports, "empty", "plain")),
            endpoint_slice("plain", "127.0.0.1", ports=[{"port": plain}]),
            route("GRPCRoute", "calls", *RULES, hostnames=[HOST]),
            http_route("pages", rule(backend("plain")), hostnames=[HOST]),
            route("GRPCRoute", "alone", *RULES[:1], hostnames=["alone.example.com"]),
        )  # fmt: skip
        await served.publish(changes)
        await stack.enter_async_context(running_site(tmp_path_factory.mktemp("grpc"), served))
        await served.listening()
        yield served.sockets[8080]


@pytest.mark.parametrize(
    ("method", "headers", "pod"),
    [
        ("/a.Exact/Get", (), "two"),
        ("/a.Exact/Put", (), "one"),
        ("/a.Exact/Put", (("tenant", "blue"),), "two"),
        ("/b.Remote/Put", (), "one"),
    ],
)
async def test_service_method_and_headers_pick_the_backend(
    port: int, method: str, headers: Any, pod: str
) -> None:
    reply = await call(port, HOST, method, headers)
    assert (reply.code, reply.message["pod"], reply.message["method"]) == (grpc.StatusCode.OK, pod, method)


@pytest.mark.parametrize(
    ("host", "method"), [("alone.example.com", "/a.Exact/Put"), ("nobody.example.com", "/a.Exact/Get")]
)
async def test_a_call_that_nothing_matches_is_unimplemented(port: int, host: str, method: str) -> None:
    assert (await call(port, host, method)).code is grpc.StatusCode.UNIMPLEMENTED


async def test_requests_that_are_no_calls_are_for_http_routes(port: int) -> None:
    answer = await fetch(port, HOST, "/a.Exact/Get")
    assert (answer.status, answer.json()["pod"]) == (200, "plain")
    assert (await fetch(port, "alone.example.com", "/a.Exact/Get")).status == 404


async def test_filters_change_headers_of_calls_and_answers(port: int) -> None:
    reply = await call(port, HOST, "/c.Filters/Get")
    assert reply.message["headers"]["x-seen"] == "1"
    assert reply.headers["x-by"] == "us"


@pytest.mark.parametrize("service_name", ["e.Gone", "f.Empty"])
async def test_a_backend_that_is_not_there_is_unavailable(port: int, service_name: str) -> None:
    assert (await call(port, HOST, f"/{service_name}/Get")).code is grpc.StatusCode.UNAVAILABLE


async def test_a_backend_that_leads_nowhere_keeps_its_share(port: int) -> None:
    replies: list[Reply] = [await call(port, HOST, "/d.Shares/Get") for _ in range(60)]
    seen = Counter(reply.code for reply in replies)
    assert set(seen) == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
    assert 4 <= seen[grpc.StatusCode.UNAVAILABLE] <= 30
