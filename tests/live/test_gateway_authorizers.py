"""ExternalAuth through a real gateway: who passes, who sees what, and that it fails closed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from tests.kit.authorizers import Authorizer, serving_grpc_authorizer, serving_http_authorizer
from tests.kit.echo import serving_echo
from tests.kit.http import Answer, fetch
from tests.kit.objects import endpoint_slice, http_listener, route, service
from tests.kit.ports import free_port
from tests.kit.system import System, gateway, running_system

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

GOOD = [("authorization", "good")]
SHOWN = {"allowedHeaders": ["X-Key", "Authorization"]}
HOSTS = ("exact.test", "x.wild.test", "Exact.test")
"""An exact hostname, and two that are given their routes late in the chain."""


@dataclass
class Shop:
    system: System
    port: int
    http: Authorizer
    grpc: Authorizer

    async def get(self, host: str, path: str = "/", **options: Any) -> Answer:
        return await fetch(self.port, host, path, **options)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop() -> AsyncIterator[Shop]:
    port = free_port()
    async with (
        running_system() as system,
        serving_echo("cart") as echo,
        serving_http_authorizer() as http,
        serving_grpc_authorizer() as grpc,
    ):
        by_grpc = service("by-grpc")
        by_grpc["spec"]["ports"][0]["appProtocol"] = "kubernetes.io/h2c"
        await system.apply(
            gateway(http_listener(port=port)), service("cart"),
            endpoint_slice("cart", "127.0.0.1", port=echo.port), service("by-http"),
            endpoint_slice("by-http", "127.0.0.1", port=http.port), by_grpc,
            endpoint_slice("by-grpc", "127.0.0.1", port=grpc.port), service("nobody"),
            *(guarded(name, host) for name, host in (("exact", HOSTS[0]), ("wild", "*.wild.test"))),
        )  # fmt: skip
        for host in HOSTS:
            await system.answers(port, host, "/open")
            await system.answers(port, host, "/http", status=401)
            await system.answers(port, host, "/grpc", status=401)
        yield Shop(system, port, http, grpc)


def external(protocol: str, name: str, **fields: Any) -> dict[str, Any]:
    details = {protocol.lower(): fields.pop("details", {})}
    auth = {"protocol": protocol, "backendRef": {"name": name, "port": 80}, **details, **fields}
    return {"type": "ExternalAuth", "externalAuth": auth}


def rule(path: str, *filters: dict[str, Any]) -> dict[str, Any]:
    match = {"path": {"type": "PathPrefix", "value": path}}
    return {"matches": [match], "filters": list(filters), "backendRefs": [{"name": "cart", "port": 80}]}


def guarded(name: str, host: str) -> dict[str, Any]:
    one = route(name, host)
    named = {"path": "/asked/", "allowedResponseHeaders": ["X-User"]}
    one["spec"]["rules"] = [
        rule("/open"),
        rule("/http", external("HTTP", "by-http")),
        rule("/named", external("HTTP", "by-http", details=named)),
        rule("/body", external("HTTP", "by-http", forwardBody={"maxSize": 10})),
        rule("/grpc", external("GRPC", "by-grpc")),
        rule("/down", external("HTTP", "nobody")),
        rule("/down-grpc", external("GRPC", "by-http")),
        rule("/missing", external("HTTP", "gone")),
        rule("/shown", external("HTTP", "by-http", forwardBody={"maxSize": 10}, details=SHOWN | named)),
        rule("/only", external("GRPC", "by-grpc", details=SHOWN)),
        rule("/shown-down", external("HTTP", "nobody", details=SHOWN)),
        rule("/only-down", external("GRPC", "by-http", details=SHOWN)),
    ]
    return one


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/http", "/grpc", "/shown", "/only"])
async def test_who_is_let_in_reaches_the_backend_and_nobody_else_does(
    shop: Shop, host: str, path: str
) -> None:
    refused = await shop.get(host, path, headers=[("authorization", "bad")])
    assert refused.status == 401
    let_in = await shop.get(host, path, headers=GOOD)
    assert let_in.status == 200
    assert let_in.json()["headers"]["X-User"] == ["ann"]
    assert (await shop.get(host, path)).status == 401
    assert (await shop.get(host, "/open")).status == 200
    assert "X-User" not in (await shop.get(host, "/open", headers=GOOD)).json()["headers"]


async def test_the_authorizer_sees_what_it_must_and_the_path_in_front(shop: Shop) -> None:
    await shop.get("exact.test", "/named/a?b=c", headers=[*GOOD, ("x-secret", "s")])
    asked = shop.http.asked[-1]
    assert asked[":path"] == "/asked/named/a?b=c"
    assert (asked["host"], asked["authorization"]) == ("exact.test", "good")
    assert (asked.get("content-length", "0"), asked.get("x-secret")) == ("0", None)


async def test_headers_of_the_answer_go_on_as_the_author_says_and_none_about_the_answer(shop: Shop) -> None:
    everything = (await shop.get("exact.test", "/http", headers=GOOD, method="POST", body=b"12345")).json()
    assert everything["headers"]["X-Other"] == ["b"]
    assert everything["headers"]["Content-Length"] == ["5"]
    named = (await shop.get("exact.test", "/named", headers=GOOD)).json()
    assert named["headers"]["X-User"] == ["ann"]
    assert "X-Other" not in named["headers"]


@pytest.mark.parametrize("host", HOSTS)
async def test_it_is_shown_the_headers_that_are_named_and_what_it_must_see(shop: Shop, host: str) -> None:
    headers = [*GOOD, ("x-key", "k"), ("x-secret", "s")]
    assert (await shop.get(host, "/shown/a", headers=headers, method="POST", body=b"12345")).status == 200
    asked = shop.http.asked[-1]
    assert asked[":path"] == "/asked/shown/a"
    assert (asked["authorization"], asked["x-key"], asked.get("x-secret")) == ("good", "k", None)
    assert (asked["host"].lower(), asked[":body"]) == (host.lower(), "12345")
    let_in = (await shop.get(host, "/shown/a", headers=headers)).json()["headers"]
    assert (let_in["X-User"], "X-Other" in let_in) == (["ann"], False)
    long = await shop.get(host, "/shown", headers=headers, method="POST", body=b"0123456789a")
    assert long.status == 413


@pytest.mark.parametrize("host", HOSTS)
async def test_by_grpc_it_is_shown_the_headers_that_are_named_and_no_others(shop: Shop, host: str) -> None:
    await shop.get(host, "/only/a", headers=[*GOOD, ("x-key", "k"), ("x-secret", "s")])
    asked = shop.grpc.asked[-1]
    assert (asked["authorization"], asked["x-key"], asked.get("x-secret")) == ("good", "k", None)


async def test_by_grpc_it_sees_all_headers(shop: Shop) -> None:
    await shop.get("exact.test", "/grpc/a", headers=[*GOOD, ("x-key", "k")])
    assert shop.grpc.asked[-1]["x-key"] == "k"
    assert shop.grpc.asked[-1][":path"] == "/grpc/a"


async def test_it_is_shown_a_body_only_where_asked_for_and_only_whole_ones(shop: Shop) -> None:
    assert (
        await shop.get("exact.test", "/body", headers=GOOD, method="POST", body=b"0123456789")
    ).status == 200
    assert shop.http.asked[-1][":body"] == "0123456789"
    long = await shop.get("exact.test", "/body", headers=GOOD, method="POST", body=b"0123456789a")
    assert long.status == 413
    assert (await shop.get("exact.test", "/http", headers=GOOD, method="POST", body=b"x" * 100)).status == 200
    assert shop.http.asked[-1][":body"] == ""


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("path", "status"),
    [("/down", 403), ("/shown-down", 403), ("/down-grpc", 500), ("/only-down", 500), ("/missing", 500)],
)
async def test_where_nobody_can_be_asked_nobody_is_let_in(
    shop: Shop, host: str, path: str, status: int
) -> None:
    assert (await shop.get(host, path, headers=GOOD)).status == status


async def test_what_has_no_route_is_still_not_found(shop: Shop) -> None:
    for host in (*HOSTS, "nobody.test"):
        assert (await shop.get(host, "/nowhere", headers=GOOD)).status == 404


async def test_the_status_says_why_a_rule_is_closed(shop: Shop) -> None:
    resolved = await shop.system.condition("HTTPRoute", "exact", "ResolvedRefs")
    assert resolved["status"] == "False"
    assert "externalAuth.backendRef" in resolved["message"]
