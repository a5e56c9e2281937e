"""A request finds the routes of its host: exact before wildcard, however the host is written."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.kit.gateway import Gateway, forward, route, running_gateway
from tests.kit.http import fetch

from sekisho import ir
from sekisho.envoy.scope_keys import HEADER

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path_factory.mktemp("scopes")) as running:
        await running.serve(
            route(ir.Respond(status=201, body="exact"), ir.PathPrefix("/answer")),
            route(forward("one"), ir.PathPrefix("/echo")),
            host="shop.test",
        )
        await running.serve_wildcards(
            **{
                "*": (route(ir.Respond(status=202, body="any"), ir.PathPrefix("/any")),),
                "*.test": (
                    route(ir.Respond(status=203, body="wild"), ir.PathPrefix("/answer")),
                    route(forward("two"), ir.PathPrefix("/echo")),
                ),
                "*.deep.test": (route(ir.Respond(status=205, body="deep"), ir.PathPrefix("/answer")),),
            }
        )
        yield running


@pytest.mark.parametrize(
    "host", ["shop.test", "SHOP.test", "shop.test.", "shop.test:80", "Shop.Test.:8080", "shop.test:65535"]
)
async def test_an_exact_host_is_found_however_it_is_written(gateway: Gateway, host: str) -> None:
    assert (await gateway.get("/answer", host=host)).status == 201


@pytest.mark.parametrize("host", ["a.test", "A.TEST", "a.b.test", "a.test:80", "a.test.", "A.Test.:8080"])
async def test_a_wildcard_host_is_found_however_it_is_written(gateway: Gateway, host: str) -> None:
    assert (await gateway.get("/answer", host=host)).status == 203


@pytest.mark.parametrize("host", ["a.deep.test", "A.DEEP.test:1", "shop.deep.test"])
async def test_the_longest_wildcard_wins(gateway: Gateway, host: str) -> None:
    assert (await gateway.get("/answer", host=host)).status == 205


@pytest.mark.parametrize("host", ["other.example", "test", "127.0.0.1", "[::1]:8080", "~wild"])
async def test_other_hosts_get_what_is_for_all_hosts(gateway: Gateway, host: str) -> None:
    assert (await gateway.get("/any", host=host)).status == 202
    assert (await gateway.get("/answer", host=host)).status == 404


@pytest.mark.parametrize("path", ["/any", "/", "/nothing", "*"])
@pytest.mark.parametrize("host", ["shop.test", "SHOP.TEST"])
async def test_what_an_exact_host_does_not_route_never_falls_to_a_wildcard(
    gateway: Gateway, host: str, path: str
) -> None:
    method = "OPTIONS" if path == "*" else "GET"
    assert (await gateway.get(path, host=host, method=method)).status == 404


async def test_what_a_wildcard_host_does_not_route_never_falls_to_a_shorter_one(gateway: Gateway) -> None:
    assert (await gateway.get("/any", host="a.deep.test")).status == 404


@pytest.mark.parametrize("host", ["shop.test", "SHOP.test", "a.test", "A.test", "other.example"])
@pytest.mark.parametrize("claim", ["8080|shop.test", "8080|~wild", "8080|*.deep.test", "", "|", "x"])
async def test_a_client_cannot_choose_its_scope(gateway: Gateway, host: str, claim: str) -> None:
    honest = await gateway.get("/answer", host=host)
    claimed = await gateway.get("/answer", host=host, headers=[(HEADER, claim)])
    assert (claimed.status, claimed.body) == (honest.status, honest.body)


@pytest.mark.parametrize("host", ["shop.test", "SHOP.test:80", "a.test", "A.test:8080"])
async def test_backends_see_the_host_as_it_was_sent_and_nothing_of_scopes(
    gateway: Gateway, host: str
) -> None:
    answer = await gateway.get("/echo", host=host, headers=[(HEADER, "8080|shop.test")])
    assert answer.json()["host"] == host
    assert answer.json()["pod"] == ("one" if "shop" in host.lower() else "two")
    assert HEADER not in {name.lower() for name in answer.json()["headers"]}


@pytest.mark.parametrize(
    "hosts",
    [
        "other.example,shop.test",
        "shop.test,other.example",
        "shop.test,shop.test",
        "shop.test:80,other.example",  # the key of its scope ends at the colon
        "a.test:80,other.example",
    ],
)
async def test_a_host_with_a_comma_is_refused(gateway: Gateway, hosts: str) -> None:
    assert (await gateway.get("/answer", host=hosts)).status == 400


async def test_two_host_headers_are_refused(gateway: Gateway) -> None:
    answer = await gateway.get("/answer", host="shop.test", headers=[("host", "a.test")])
    assert answer.status == 400


async def test_connect_finds_no_route(gateway: Gateway) -> None:
    assert (await fetch(gateway.port, "shop.test:443", "shop.test:443", method="CONNECT")).status == 404


async def test_a_removed_host_falls_to_the_wildcard_and_an_added_one_is_taken_from_it(
    gateway: Gateway,
) -> None:
    await gateway.serve(route(ir.Respond(status=206), ir.PathPrefix("/answer")), host="late.test")
    assert (await gateway.get("/answer", host="late.test")).status == 206
    (scope,) = (
        scope
        for by_name in gateway.ads.resources.values()
        for scope in by_name.values()
        if scope.name == "8080|late.test"
    )
    gateway.ads.remove(scope)
    await gateway.ads.settled()
    assert (await gateway.get("/answer", host="late.test")).status == 203


async def test_a_host_without_any_scope_in_an_empty_table_is_not_found(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as empty:
        assert (await empty.get("/", host="shop.test")).status == 404
        assert (await empty.get("/", host="SHOP.test")).status == 404
