"""A Gateway speaks TLS to a backend where a BackendTLSPolicy says so, and to nobody it cannot believe."""

from pathlib import Path

import pytest
from tests.kit.http import fetch
from tests.kit.https_backend import https_backend
from tests.kit.objects import endpoint_slice, gateway, manifest, route, service
from tests.kit.pki import TestAuthority
from tests.kit.ports import free_port
from tests.kit.system import Manifest, System, running_system

pytestmark = pytest.mark.live

HOST, BACKEND = "shop.example.com", "backend.example.com"


def authority(*believed: TestAuthority) -> Manifest:
    text = "".join(one.certificate.decode() for one in believed)
    return manifest("ConfigMap", "authority", data={"ca.crt": text})


def policy(hostname: str = BACKEND) -> Manifest:
    validation = {
        "hostname": hostname,
        "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "authority"}],
    }
    target = {"group": "", "kind": "Service", "name": "cart"}
    return manifest("BackendTLSPolicy", "cart", spec={"targetRefs": [target], "validation": validation})


async def answers(system: System, port: int, status: int) -> None:
    async def as_expected() -> bool:
        try:
            return (await fetch(port, HOST)).status == status
        except (OSError, EOFError):
            return False

    await system.until(as_expected, f"{status} is answered")


async def test_a_backend_is_spoken_to_by_tls_and_only_where_it_is_who_it_is_to_be(tmp_path: Path) -> None:
    good, other, port = TestAuthority("good"), TestAuthority("other"), free_port()
    async with (
        https_backend(good.leaf(dns=[BACKEND]), tmp_path) as backend,
        running_system() as system,
    ):
        await system.apply(
            gateway(port=port), service("cart", target=backend.port),
            endpoint_slice("cart", "127.0.0.1", port=backend.port), route("cart", HOST),
        )  # fmt: skip
        await answers(system, port, 503)  # plain text to a server that speaks TLS
        await system.apply(policy())
        assert backend.names == [], "nobody is believed yet, so nobody is asked"
        await answers(system, port, 503)
        await system.apply(authority(good))
        await answers(system, port, 200)
        assert set(backend.names) == {BACKEND}
        await system.apply(authority(other))
        await answers(system, port, 503)
        await system.apply(authority(other, good))
        await answers(system, port, 200)
        await system.apply(policy("another.example.com"))
        await answers(system, port, 503)
        await system.apply(policy())
        await answers(system, port, 200)
        await system.client.delete("ConfigMap", "authority", "shop")
        await answers(system, port, 503)
