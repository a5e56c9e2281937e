"""What captured workloads reach beside Services with an address: servers outside, instances, or nothing."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.captured import PORT, CapturedMesh, captured_mesh, serve
from tests.kit.netns import needs_namespaces
from tests.kit.objects import manifest
from tests.kit.pki import TestAuthority
from tests.kit.wait import eventually

pytestmark = [pytest.mark.live, needs_namespaces]

SECURE, OPEN, ELSEWHERE = 8443, 9090, 9091
"""Ports of the host outside: TLS with a client certificate, and plain HTTP twice."""
REFUSED = {"ConnectionResetError", "nothing"}
NAME = "api.bank.example"


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[CapturedMesh]:
    """`client` and `one` are members; `two` is a host outside."""
    authority = TestAuthority("outside")
    async with captured_mesh("redirect") as (mesh, stack):
        await serve(mesh.hosts["one"], "one", stack)
        outside = mesh.hosts["two"]
        await serve(outside, "secure", stack, SECURE, server_context(authority, tmp_path))
        await serve(outside, "open", stack, OPEN)
        await serve(outside, "elsewhere", stack, ELSEWHERE)
        await mesh.sekisho("delete", "workload", "two", "-n", "shop")
        await apply(mesh, *secrets(authority))
        await mesh.join("client")
        await mesh.join("one")
        yield mesh


def server_context(authority: TestAuthority, folder: Path) -> ssl.SSLContext:
    """Of a server that wants to see a certificate of its own authority."""
    chain, key = authority.leaf(dns=[NAME]).write(folder, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.load_verify_locations(cadata=authority.certificate.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def secrets(authority: TestAuthority) -> list[dict[str, Any]]:
    shown = authority.leaf(dns=["client.example"])
    pair = {"tls.crt": coded(shown.certificate), "tls.key": coded(shown.key)}
    return [
        manifest("ConfigMap", "ca", data={"ca.crt": authority.certificate.decode()}),
        manifest("Secret", "shown", type="kubernetes.io/tls", data=pair),
    ]


def coded(text: bytes) -> str:
    return base64.b64encode(text).decode()


def bank(address: str, **verification: Any) -> dict[str, Any]:
    verified = {
        "serverName": NAME,
        "caCertificateRef": {"kind": "ConfigMap", "name": "ca"},
        "clientCertificateRef": {"name": "shown"},
    }
    spec = {
        "match": {"port": 80, "protocol": "http"},
        "endpoints": [{"address": address, "port": SECURE}],
        "tls": {"enabled": True, "verification": verified | verification},
    }
    return manifest("ExternalService", "bank", spec=spec)


async def apply(mesh: CapturedMesh, *manifests: dict[str, Any]) -> None:
    text = "".join(f"---\n{json.dumps(each)}\n" for each in manifests)
    await mesh.sekisho("apply", "-f", "-", given=text)


async def until(mesh: CapturedMesh, expected: set[str], address: str, port: int) -> None:
    async def heard() -> bool:
        return await mesh.ask("client", address, port) in expected

    await eventually(heard, what=f"{address}:{port} is {expected}")


async def test_a_server_outside_is_verified_or_not_called_at_all(mesh: CapturedMesh) -> None:
    outside = mesh.hosts["two"].address
    await apply(mesh, bank(outside))

    async def virtual() -> str:
        found = json.loads(await mesh.sekisho("get", "externalservice", "bank", "-n", "shop", "-o", "json"))
        return str(found.get("status", {}).get("vip", {}).get("ip", ""))

    await eventually(virtual, what="a virtual address")
    address = await virtual()
    await until(mesh, {f"secure for {mesh.hosts['client'].address}"}, address, 80)
    name = mesh.hosts["client"].run("getent", "ahosts", "bank.shop.extsvc.mesh.local", user=1000)
    assert address in name

    failing: tuple[dict[str, Any], ...] = (
        {"serverName": "other.example"},
        {"subjectAltNames": [{"value": "other.example"}]},
        {"caCertificateRef": {"name": "missing"}},
    )
    for verification in failing:
        await apply(mesh, bank(outside, **verification))
        await until(mesh, {"503"}, address, 80)
        await apply(mesh, bank(outside, mode="Secured"))
        await until(mesh, {f"secure for {mesh.hosts['client'].address}"}, address, 80)


async def test_instances_of_a_headless_service_are_called_by_name_over_mutual_tls(mesh: CapturedMesh) -> None:
    ports = [{"name": "http", "port": PORT}]
    spec = {"selector": {"app": "server"}, "ports": ports, "clusterIP": "None"}
    await apply(mesh, manifest("Service", "peers", spec=spec))
    address = mesh.hosts["one"].address

    async def named() -> bool:
        client = mesh.hosts["client"]
        try:
            texts = [
                client.run("getent", "ahostsv4", f"{name}.shop.svc.mesh.local", user=1000)
                for name in ("peers", "one.peers")
            ]
        except AssertionError:  # there is no such name yet
            return False
        return all(text.split()[0] == address for text in texts)

    await eventually(named, what="names of the instances")
    await until(mesh, {"one for 127.0.0.6"}, address, PORT)
    await apply(mesh, manifest("TrafficPermission", "all", spec={"rules": [{"default": {}}]}))
    await until(mesh, REFUSED, address, PORT)


async def test_what_leaves_the_mesh_is_what_a_policy_lets_through(mesh: CapturedMesh) -> None:
    outside = mesh.hosts["two"].address
    await until(mesh, {f"open for {mesh.hosts['client'].address}"}, outside, OPEN)
    assert await mesh.ask("client", "241.77.7.7") in REFUSED, "an address of no service it may see"
    assert await mesh.ask("client", "fd5e:6b69:7368:6f::f14d:707") in REFUSED

    async def only(*matches: dict[str, Any], mode: str = "Matched") -> None:
        default = {"passthroughMode": mode, "appendMatch": list(matches)}
        await apply(mesh, manifest("Passthrough", "out", spec={"default": default}))

    await only(mode="None")
    await until(mesh, REFUSED, outside, OPEN)
    await only({"type": "CIDR", "value": f"{outside}/32", "port": ELSEWHERE})
    await until(mesh, {f"elsewhere for {mesh.hosts['client'].address}"}, outside, ELSEWHERE)
    assert await mesh.ask("client", outside, OPEN) in REFUSED
    await only({"type": "Domain", "value": "server", "protocol": "http"})
    await until(mesh, {f"open for {mesh.hosts['client'].address}"}, outside, OPEN)
    await only({"type": "Domain", "value": "*.other.example", "protocol": "http"})
    await until(mesh, {"404"}, outside, OPEN)
    await only({"type": "Domain", "value": NAME, "protocol": "tls"})

    async def shaken(name: str) -> bool:
        return await handshake(mesh, outside, name)

    await eventually(lambda: shaken(NAME), what="TLS to a name that is let through")
    assert not await shaken("other.example")
    assert await mesh.ask("client", outside, OPEN) in REFUSED


async def handshake(mesh: CapturedMesh, address: str, name: str) -> bool:
    """Whether a program gets a server's certificate that asks for this name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    caller = mesh.hosts["client"].caller(address)
    try:
        async with asyncio.timeout(10):
            await asyncio.get_running_loop().sock_connect(caller, (address, SECURE))
            _, writer = await asyncio.open_connection(sock=caller, ssl=context, server_hostname=name)
    except OSError:
        caller.close()
        return False
    writer.transport.abort()
    return True
