"""Real sidecars under load while the root of their mesh is replaced, and while that is taken back."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.kit.echo import serving_echo
from tests.kit.http import read_answer, request_bytes
from tests.kit.impostors import Draft, Signer
from tests.kit.objects import gateway, manifest
from tests.kit.pki import Leaf
from tests.kit.ports import free_port
from tests.kit.system import PATIENCE, System, running_system

from sekisho.aio.tasks import background
from sekisho.client.credentials import TrustAnswer, TrustSpec, TrustState
from sekisho.client.reviews import ask
from sekisho.identity import pairs
from sekisho.translate.mesh.names import outbound_address

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

SERVER, CLIENT = "127.0.31.1", "127.0.31.2"
OUTBOUNDS = {"server": "127.31.0.0/16", "client": "127.32.0.0/16"}


def workload(name: str, address: str, port: int, target: int) -> dict[str, Any]:
    spec = {
        "address": address,
        "serviceAccountName": name,
        "ports": [{"name": "http", "port": port, "targetPort": target, "appProtocol": "http"}],
        "sidecar": {"outboundAddresses": OUTBOUNDS[name]},
    }
    return manifest("Workload", f"{name}-1", labels={"app": name}, spec=spec)


def permission() -> dict[str, Any]:
    caller = {"type": "Exact", "value": "spiffe://default.default.mesh.local/ns/shop/sa/client"}
    rules = [{"default": {"allow": [{"spiffeID": caller}]}}]
    target = {"kind": "Workload", "labels": {"app": "server"}}
    return manifest("TrafficPermission", "server", spec={"targetRef": target, "rules": rules})


@dataclass
class Calls:
    """What the client's program got: on a new connection each time, so that both TLS sides are asked anew."""

    address: str
    port: int
    answered: int = 0
    failures: list[str] = field(default_factory=list)

    async def once(self) -> int:
        reader, writer = await asyncio.open_connection(self.address, self.port)
        try:
            writer.write(request_bytes("GET", "/", [("host", "server.shop"), ("connection", "close")]))
            async with asyncio.timeout(10):
                return (await read_answer(reader)).status
        finally:
            writer.close()

    async def keep_calling(self) -> None:
        while True:
            try:
                status = await self.once()
                self.answered += 1
                if status != 200:
                    self.failures.append(str(status))
            except (OSError, EOFError, TimeoutError) as error:
                self.failures.append(repr(error))
            await asyncio.sleep(0.01)


async def trust(system: System, action: str = "status") -> TrustState:
    answer = await ask(system.client, "TrustReview", TrustSpec(action=action), TrustAnswer)
    return answer.domains[0]


@asynccontextmanager
async def pair(system: System) -> AsyncIterator[Calls]:
    """A client that may call a server, both with real sidecars; returns once a call is answered."""
    port = free_port()
    async with serving_echo("server-1") as application:
        service = {
            "selector": {"app": "server"},
            "ports": [{"name": "http", "port": port, "appProtocol": "http"}],
        }
        await system.apply(
            manifest("Mesh", "default"),
            manifest("Service", "server", spec=service),
            workload("server", SERVER, port, application.port),
            workload("client", CLIENT, free_port(), free_port()),
            permission(),
        )
        found = await system.client.get("Service", "server", "shop")
        calls = Calls(outbound_address(found["spec"]["clusterIP"], OUTBOUNDS["client"]), port)

        async def answered() -> bool:
            try:
                return await calls.once() == 200
            except (OSError, EOFError, TimeoutError):
                return False

        await system.until(answered, "the client's first call is answered")
        yield calls


@pytest.mark.parametrize("way", ["through", "through a crash", "taken back"])
async def test_a_root_is_replaced_under_load_and_no_call_is_lost(way: str) -> None:
    async with running_system() as system, pair(system) as calls:
        before = await trust(system)
        assert before.holders == 2
        async with background(calls.keep_calling(), name="calls"):
            await trust(system, "rotate")
            if way == "through a crash":
                await system.kill("control plane")
                await system.start_control_plane()
            if way == "taken back":
                await system.until(lambda: _is_at(system, "Active"), "the new root signs")
                await trust(system, "abort")
            await system.until(lambda: _is_at(system, "Steady"), "the rotation ends", within=2 * PATIENCE)
            there = calls.answered
            await system.until(lambda: _answered(calls, there + 20), "calls go on")
        after = await trust(system)
        assert calls.failures == []
        assert (after.roots == before.roots) is (way == "taken back")


async def _is_at(system: System, stage: str) -> bool:
    return (await trust(system)).stage == stage


async def _answered(calls: Calls, least: int) -> bool:
    return calls.answered >= least


DOMAIN = "default.default.mesh.local"


def impostor(system: System) -> Leaf:
    """The client's identity, signed by the root of now: what somebody has who once had its issuing key."""
    pair = pairs.load(system.folder / "meshes" / "default" / DOMAIN / "1", "issuer")
    assert pair
    return Draft(Signer(pair.certificate, pair.key), [f"spiffe://{DOMAIN}/ns/shop/sa/client"]).sign()


class Intruder:
    """Goes past the client's sidecar, by TLS sessions it may resume."""

    def __init__(self, calls: Calls, folder: Path, leaf: Leaf) -> None:
        self._port = calls.port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._context.set_alpn_protocols(["sekisho"])
        self._context.load_cert_chain(*leaf.write(folder, "leaf"))
        self.session: ssl.SSLSession | None = None
        self.resumed = False

    def status(self) -> int | None:
        """What the server's sidecar answers; None when it does not."""
        try:
            with socket.create_connection((SERVER, self._port), timeout=10) as plain:
                tls = self._context.wrap_socket(plain, server_hostname="any", session=self.session)
                with tls:
                    tls.sendall(request_bytes("GET", "/", [("host", "server.shop"), ("connection", "close")]))
                    head = tls.recv(1 << 14)
                    self.session, self.resumed = tls.session, bool(tls.session_reused)
        except (OSError, EOFError):
            return None
        return int(head.split(b" ", 2)[1]) if head else None


async def test_with_a_gateway_a_root_retires_at_once_and_opens_nothing_then(tmp_path: Path) -> None:
    """C37 of reliability.md: nor does a session begun while the root was believed."""
    edge = free_port()
    async with running_system() as system, pair(system) as calls:
        rule = {"backendRefs": [{"name": "server", "port": calls.port}]}
        spec = {"parentRefs": [{"name": "web"}], "rules": [rule]}
        allow = {"type": "Prefix", "value": f"spiffe://{DOMAIN}/ns/shop"}
        await system.apply(
            manifest(
                "TrafficPermission", "server", spec={"rules": [{"default": {"allow": [{"spiffeID": allow}]}}]}
            ),
            gateway("web", port=edge),
            manifest("HTTPRoute", "web", spec=spec),
        )
        through = Calls("127.0.0.1", edge)

        async def answered() -> bool:
            try:
                return await through.once() == 200
            except (OSError, EOFError, TimeoutError):
                return False

        await system.until(answered, "the gateway calls the server")
        intruder = Intruder(calls, tmp_path, impostor(system))
        assert await asyncio.to_thread(intruder.status) == 200
        assert await asyncio.to_thread(intruder.status) == 200
        assert not intruder.resumed, "an Envoy that resumes asks nobody again"
        async with background(through.keep_calling(), name="calls"):
            await trust(system, "rotate")
            await system.until(lambda: _is_at(system, "Steady"), "the rotation ends", within=2 * PATIENCE)
            there = through.answered
            await system.until(lambda: _answered(through, there + 20), "calls go on")
        assert through.failures == []
        assert (await trust(system)).holders == 3
        assert await asyncio.to_thread(intruder.status) is None
        intruder.session = None
        assert await asyncio.to_thread(intruder.status) is None
