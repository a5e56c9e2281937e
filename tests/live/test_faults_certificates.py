"""Certificates that cannot be used, one listener each: its condition says why, and all others serve."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from tests.kit.http import fetch
from tests.kit.live_system import system
from tests.kit.objects import http_listener, tls_secret
from tests.kit.pki import Leaf, self_signed
from tests.kit.ports import free_port
from tests.kit.system import System, gateway, promised

__all__ = ["system"]

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

REFUSED = (OSError, EOFError, TimeoutError)


def https(name: str, port: int) -> dict[str, Any]:
    """A listener for `<name>.test` with the certificate of that name."""
    tls = {"certificateRefs": [{"name": name}]}
    return {"name": name, "port": port, "protocol": "HTTPS", "hostname": f"{name}.test", "tls": tls}


GOOD = self_signed("good.test")
BAD = {
    "garbled": (Leaf(b"-----BEGIN CERTIFICATE-----\nnope\n", GOOD.key), "not a PEM certificate"),
    "mixed": (Leaf(self_signed("mixed.test").certificate, GOOD.key), "does not belong to the certificate"),
    "keyless": (Leaf(self_signed("keyless.test").certificate, b""), "not an unencrypted PEM private key"),
    "expired": (self_signed("expired.test", ends=-timedelta(minutes=1)), "expired on"),
    "stapled": (self_signed("stapled.test", stapled=True), "must-staple"),
}


class Door(NamedTuple):
    """Where the gateway listens."""

    plain: int
    tls: int


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(system: System) -> AsyncIterator[Door]:
    """A Gateway with a good certificate and all the bad ones, on one port; plain HTTP on another."""
    where = Door(free_port(), free_port())
    contents = {"good": GOOD} | {name: content for name, (content, _) in BAD.items()}
    await system.apply(*(tls_secret(name, content) for name, content in contents.items()))
    listeners = [http_listener(port=where.plain), *(https(name, where.tls) for name in contents)]
    await system.apply(gateway(*listeners))
    await system.answers(where.plain, "nobody.test", status=404)
    yield where


async def status_over_tls(port: int, host: str, trusted: bytes) -> int:
    """Of a request on a connection whose certificate was verified for `host`."""
    context = ssl.create_default_context(cadata=trusted.decode())
    return (await fetch(port, host, tls=context, within=5)).status


async def programmed(system: System, listener: str) -> bool:
    return (await system.condition("Gateway", "web", "Programmed", listener)).get("status") == "True"


async def served(system: System, port: int, host: str, trusted: bytes) -> None:
    async def serves() -> bool:
        try:
            return await status_over_tls(port, host, trusted) == 404
        except REFUSED:
            return False

    await system.until(serves, f"{host} is served over TLS")


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_certificate_is_named_by_its_listener_and_no_other_is_disturbed(
    system: System, door: Door, name: str
) -> None:
    content, words = BAD[name]

    async def told() -> bool:
        resolved = await system.condition("Gateway", "web", "ResolvedRefs", name)
        programmed = await system.condition("Gateway", "web", "Programmed", name)
        if (resolved.get("status"), programmed.get("status")) != ("False", "False"):
            return False
        assert resolved["reason"] == "InvalidCertificateRef"
        assert f"Secret/shop/{name}" in resolved["message"]
        assert words in resolved["message"]
        return True

    await system.until(told, "the listener says what is wrong")
    trusted = content.certificate if name != "garbled" else GOOD.certificate
    with pytest.raises(REFUSED):
        await status_over_tls(door.tls, f"{name}.test", trusted)
    await served(system, door.tls, "good.test", GOOD.certificate)
    assert (await fetch(door.plain, "nobody.test")).status == 404
    for other in ("http", "good"):
        await system.until(lambda other=other: programmed(system, other), f"{other} is programmed")
    assert GOOD.key.decode() not in str(await system.client.get("Gateway", "web", "shop"))


async def test_a_certificate_that_expires_while_it_serves_is_told_and_withdrawn_until_renewed(
    system: System, door: Door
) -> None:
    port, life = free_port(), promised(2)
    short = self_signed("short.test", ends=timedelta(seconds=life))
    await system.apply(tls_secret("short", short), gateway(https("short", port), name="brief"))
    await served(system, port, "short.test", short.certificate)

    async def withdrawn() -> bool:
        resolved = await system.condition("Gateway", "brief", "ResolvedRefs", "short")
        return resolved.get("status") == "False" and "expired on" in resolved["message"]

    took = await system.until(withdrawn, "the listener says that its certificate expired")
    assert took < life + promised(2)
    with pytest.raises(REFUSED):
        await status_over_tls(port, "short.test", short.certificate)
    await served(system, door.tls, "good.test", GOOD.certificate)

    renewed = self_signed("short.test")
    await system.apply(tls_secret("short", renewed))
    await served(system, port, "short.test", renewed.certificate)
    await system.client.delete("Gateway", "brief", "shop")


async def test_a_good_certificate_spoilt_by_an_edit_is_not_presented_any_more(
    system: System, door: Door
) -> None:
    await system.apply(tls_secret("garbled", self_signed("garbled.test")))
    fresh = self_signed("garbled.test")
    await system.apply(tls_secret("garbled", fresh))
    await served(system, door.tls, "garbled.test", fresh.certificate)
    await system.apply(tls_secret("garbled", Leaf(fresh.certificate, GOOD.key)))

    async def closed() -> bool:
        try:
            await status_over_tls(door.tls, "garbled.test", fresh.certificate)
        except REFUSED:
            return True
        return False

    await system.until(closed, "the spoilt certificate is withdrawn")
    await asyncio.wait_for(served(system, door.tls, "good.test", GOOD.certificate), promised(5))
