"""Ingresses through the whole system: a Gateway is made for them, serves them, and goes with the last one."""

import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.kit.echo import serving_echo
from tests.kit.http import fetch
from tests.kit.objects import endpoint_slice, manifest, service, tls_secret
from tests.kit.pki import self_signed
from tests.kit.system import System, running_system

from sekisho.client.errors import NotFound

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

RANGE = "127.91.0.0/29"
"""Where the Gateway gets its address from: 80 and 443 are nobody else's there."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop() -> AsyncIterator[System]:
    async with running_system("--gateways", RANGE) as system, serving_echo("cart") as echo:
        await system.apply(service("cart"), endpoint_slice("cart", "127.0.0.1", port=echo.port))
        yield system


def ingress(name: str, host: str, path: str = "/", **spec: Any) -> dict[str, Any]:
    backend = {"service": {"name": "cart", "port": {"number": 80}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend}]
    return manifest("Ingress", name, spec={"rules": [{"host": host, "http": {"paths": paths}}], **spec})


async def address(system: System, name: str) -> str:
    """Waits until an Ingress has one."""
    found: list[str] = []

    async def has_one() -> bool:
        status = (await system.client.get("Ingress", name, "shop")).get("status", {})
        found[:] = [one["ip"] for one in status.get("loadBalancer", {}).get("ingress", ())]
        return bool(found)

    await system.until(has_one, f"Ingress {name} has an address")
    return found[0]


async def answers(system: System, at: str, host: str, status: int, **more: Any) -> None:
    async def as_expected() -> bool:
        try:
            answer = await fetch(443 if "tls" in more else 80, host, address=at, **more)
        except (OSError, EOFError, TimeoutError):
            return status == 0
        return answer.status == status

    await system.until(as_expected, f"{host} answers {status}")


async def is_gone(system: System, kind: str, name: str, namespace: str) -> bool:
    try:
        await system.client.get(kind, name, namespace)
    except NotFound:
        return True
    return False


async def test_ingresses_share_a_gateway_that_comes_and_goes_with_them(shop: System) -> None:
    await shop.apply(ingress("web", "a.test"))
    assert (await shop.client.get("Ingress", "web", "shop"))["spec"]["ingressClassName"] == "sekisho"
    at = await address(shop, "web")
    await answers(shop, at, "a.test", 200)
    await shop.apply(ingress("other", "*.b.test"))
    assert await address(shop, "other") == at
    await answers(shop, at, "x.b.test", 200)
    await answers(shop, at, "x.y.b.test", 404)
    made = await shop.client.get("Gateway", "ingress-sekisho", "sekisho-system")
    assert made["metadata"]["ownerReferences"][0]["kind"] == "IngressClass"

    await shop.client.delete("Ingress", "web", "shop")
    await answers(shop, at, "a.test", 404)
    await shop.client.delete("Ingress", "other", "shop")

    async def gone() -> bool:
        return await is_gone(shop, "Gateway", "ingress-sekisho", "sekisho-system")

    await shop.until(gone, "the Gateway is gone")


async def test_a_host_with_a_certificate_is_closed_until_it_is_there_and_never_plain(shop: System) -> None:
    leaf = self_signed("s.test")
    tls = [{"hosts": ["s.test"], "secretName": "later"}]
    await shop.apply(ingress("plain", "p.test"), ingress("secured", "s.test", tls=tls))
    at = await address(shop, "secured")
    await answers(shop, at, "p.test", 200)
    await answers(shop, at, "s.test", 308)
    trusting = ssl.create_default_context(cadata=leaf.certificate.decode())
    await answers(shop, at, "s.test", 0, tls=trusting)
    await shop.apply(tls_secret("later", leaf))
    await answers(shop, at, "s.test", 200, tls=trusting)
    await answers(shop, at, "s.test", 308)
