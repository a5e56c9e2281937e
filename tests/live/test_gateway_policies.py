"""Policies at a real gateway: who may call, limits by hostname, faults, logs, patches."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.kit.echo import serving_echo
from tests.kit.objects import endpoint_slice, http_listener, manifest, route, service
from tests.kit.ports import free_port
from tests.kit.system import Manifest, System, attempt, gateway, running_system
from tests.kit.tokens import Issuer

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

WEB = {"kind": "Gateway", "name": "web"}
LOOPBACK = {"sourceRanges": ["127.0.0.0/8"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop() -> AsyncIterator[tuple[System, int]]:
    """Two exact hostnames and a wildcard one, through one gateway."""
    port = free_port()
    async with running_system() as system, serving_echo("one") as echo:
        await system.apply(
            gateway(http_listener(port=port)), service("cart"),
            endpoint_slice("cart", "127.0.0.1", port=echo.port),
            route("a", "a.test"), route("b", "b.test"), route("wild", "*.wild.test"),
        )  # fmt: skip
        for host in ("a.test", "b.test", "x.wild.test"):
            await system.answers(port, host)
        yield system, port


def policy(kind: str, name: str, default: Manifest, target: Manifest | None = WEB) -> Manifest:
    to = [{"targetRef": {"kind": "Mesh"}, "default": default}]
    return manifest(kind, name, spec={"to": to} | ({"targetRef": target} if target else {}))


def permission(name: str, target: Manifest, **default: Any) -> Manifest:
    return manifest("TrafficPermission", name, spec={"targetRef": target, "rules": [{"default": default}]})


async def test_who_is_not_permitted_is_refused_at_every_hostname_until_the_policy_is_gone(
    shop: tuple[System, int],
) -> None:
    system, port = shop
    await system.apply(permission("door", WEB, allow=[{**LOOPBACK, "methods": ["POST"]}]))
    for host in ("a.test", "b.test", "x.wild.test"):
        await system.answers(port, host, status=403)
    await system.apply(permission("door", WEB, allow=[LOOPBACK], deny=[{"paths": [{"value": "/private"}]}]))
    for host in ("a.test", "b.test", "x.wild.test"):
        await system.answers(port, host)
        await system.answers(port, host, "/private/x", status=403)
    await system.client.delete("TrafficPermission", "door", "shop")
    for host in ("a.test", "x.wild.test"):
        await system.answers(port, host, "/private/x")


async def test_a_permission_for_one_route_leaves_the_others_open(shop: tuple[System, int]) -> None:
    system, port = shop
    for name, host in (("a", "a.test"), ("wild", "x.wild.test")):
        await system.apply(
            permission("one", {"kind": "HTTPRoute", "name": name}, allow=[{"sourceRanges": ["10.0.0.0/8"]}])
        )
        await system.answers(port, host, status=403)
        await system.answers(port, "b.test")
    await system.client.delete("TrafficPermission", "one", "shop")
    await system.answers(port, "x.wild.test")


async def test_a_permission_that_asks_for_claims_lets_in_who_shows_a_good_token(
    shop: tuple[System, int],
) -> None:
    system, port = shop
    issuer = Issuer()
    provider = {"name": "login", "issuer": issuer.name, "audiences": ["web"], "jwks": {"inline": issuer.keys}}
    await system.apply(manifest("Mesh", "default", spec={"jwtProviders": [provider]}))
    buyers = {"claims": [{"name": "realm.role", "value": "buyer"}]}
    await system.apply(permission("buyers", {"kind": "HTTPRoute", "name": "a"}, allow=[buyers]))
    await system.apply(permission("wild", {"kind": "HTTPRoute", "name": "wild"}, allow=[buyers]))

    def shown(token: str) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {token}")] if token else []

    good = issuer.token(aud="web", realm={"role": "buyer"})
    bad = (
        "",
        issuer.token(aud="web", realm={"role": "seller"}),
        issuer.token(aud="other", realm={"role": "buyer"}),
        issuer.token(lasts=-120, aud="web", realm={"role": "buyer"}),
        Issuer().token(aud="web", realm={"role": "buyer"}),
    )
    for host in ("a.test", "A.test", "x.wild.test"):
        for token in bad:
            await system.answers(port, host, status=403, headers=shown(token))
        await system.answers(port, host, headers=shown(good))
    await system.answers(port, "b.test")
    for name in ("buyers", "wild"):
        await system.client.delete("TrafficPermission", name, "shop")
    for host in ("a.test", "x.wild.test"):
        await system.answers(port, host)


async def test_every_hostname_has_a_bucket_and_an_edit_of_another_one_does_not_fill_it(
    shop: tuple[System, int],
) -> None:
    system, port = shop
    rate = {"requestRate": {"num": 3, "interval": "1h"}, "onRateLimit": {"status": 429}}
    await system.apply(policy("RateLimit", "rate", {"local": {"http": rate}}))
    for host in ("a.test", "x.wild.test"):
        await system.answers(port, host, status=429)
    found = await attempt(port, "b.test")
    assert found is not None
    assert found.status == 200, "its bucket is its own"
    await system.apply(route("b", "b.test", matches=[{"path": {"type": "PathPrefix", "value": "/edited"}}]))
    await system.answers(port, "b.test", "/other", status=404)
    found = await attempt(port, "a.test")
    assert found is not None
    assert found.status == 429
    await system.client.delete("RateLimit", "rate", "shop")
    await system.apply(route("b", "b.test"))
    for host in ("a.test", "b.test", "x.wild.test"):
        await system.answers(port, host)


async def test_faults_are_answered_at_all_kinds_of_hostnames(shop: tuple[System, int]) -> None:
    system, port = shop
    abort = {"http": [{"abort": {"httpStatus": 418, "percentage": 100}}]}
    await system.apply(policy("FaultInjection", "fault", abort))
    for host in ("a.test", "x.wild.test"):
        await system.answers(port, host, status=418)
    await system.client.delete("FaultInjection", "fault", "shop")
    for host in ("a.test", "x.wild.test"):
        await system.answers(port, host)


async def test_a_patch_that_envoy_refuses_stays_on_its_author_and_everything_else_goes_on(
    shop: tuple[System, int],
) -> None:
    system, port = shop
    await system.apply(patch("good", "x-good"))
    await _carries(system, port, "x-good")
    await system.apply(patch("bad", "in\nvalid"))

    async def told() -> bool:
        found = await system.condition("ProxyPatch", "bad", "Programmed")
        return found.get("status") == "False"

    await system.until(told, "the refusal is told to its author")
    message = (await system.condition("ProxyPatch", "bad", "Programmed"))["message"]
    assert "spec.default.appendModifications[0]: refused by a proxy" in message
    await system.until(lambda: _well(system, "good"), "the other author has no part in it")
    await system.apply(route("new", "new.test"))
    await system.answers(port, "new.test")
    await _carries(system, port, "x-good")
    assert (await system.condition("Gateway", "web", "Programmed"))["status"] == "True"
    await system.apply(patch("bad", "x-mended"))
    await _carries(system, port, "x-mended")
    await system.until(lambda: _well(system, "bad"), "and it is well")
    for name in ("good", "bad"):
        await system.client.delete("ProxyPatch", name, "shop")


def patch(name: str, header: str) -> Manifest:
    """Puts a header into all answers; Envoy refuses one whose name cannot be."""
    append = {"header": {"key": header, "value": "1"}}
    config = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        "mutations": {"response_mutations": [{"append": append}]},
    }
    value = {"name": f"mine.{name}", "typed_config": config}
    change = {"httpFilter": {"operation": "AddFirst", "value": value, "match": {"origin": "gateway"}}}
    spec = {"targetRef": WEB, "default": {"appendModifications": [change]}}
    return manifest("ProxyPatch", name, spec=spec)


async def _carries(system: System, port: int, header: str) -> None:
    async def carries() -> bool:
        found = await attempt(port, "a.test")
        return found is not None and found.header(header) == "1"

    await system.until(carries, f"answers carry {header}")


async def _well(system: System, name: str) -> bool:
    return (await system.condition("ProxyPatch", name, "Programmed")).get("status") == "True"


async def test_a_gateway_writes_what_its_access_log_says(shop: tuple[System, int]) -> None:
    system, port = shop
    line = {"plain": "LOG %REQ(:AUTHORITY)% %RESPONSE_CODE%"}
    logs = {"backends": [{"type": "File", "file": {"path": "/dev/stdout", "format": line}}]}
    await system.apply(policy("AccessLog", "log", logs))

    async def written() -> bool:
        await attempt(port, "a.test")
        files = list(system.folder.rglob("*.log"))
        return any("LOG a.test 200" in file.read_text(errors="replace") for file in files)

    await system.until(written, "a line is written")
