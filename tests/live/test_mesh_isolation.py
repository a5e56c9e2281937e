"""A proxy gets what is its own: neither another's view nor another's keys, by whatever door it asks."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from cryptography import x509
from tests.kit.ads_client import AdsStream, CallFailed, mutual_tls
from tests.kit.mesh import Member, Mesh, Record, goes_on, running_mesh
from tests.kit.system import PATIENCE, promised
from tests.kit.xds import request

from sekisho.agent.options import directory_name
from sekisho.app.identities.serving import SERVER_NAME
from sekisho.client import Client, ClientError
from sekisho.client.credentials import CertificateAnswer, CertificateRequestSpec, TokenAnswer, TokenSpec
from sekisho.client.kubeconfig import Access
from sekisho.client.reviews import ask
from sekisho.client.transport import Transport
from sekisho.identity.keys import new_key, signing_request
from sekisho.protos import message
from sekisho.xds.types import CLUSTER, LISTENER, SECRET, TYPES

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

Response = message("envoy.service.discovery.v3.DeltaDiscoveryResponse")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """`a` may call `b`, and nobody may call `c`."""
    async with running_mesh() as mesh:
        await mesh.permit("b", "a")
        for account in ("a", "b", "c"):
            await mesh.join(account)
        await mesh.answers(mesh.members["a-1"], "b")
        await mesh.system.in_sync()
        yield mesh


def own_folder(mesh: Mesh, member: Member, *parts: str) -> Path:
    """What the agent keeps for this proxy."""
    return mesh.system.folder.joinpath("agent", *parts, directory_name(f"workload/{member.id}"))


def socket(mesh: Mesh, member: Member) -> Path:
    return own_folder(mesh, member, "run") / "xds.sock"


def credentials(mesh: Mesh, member: Member, file: str = "identity.json") -> dict[str, str]:
    """Its key and certificate, stolen from its host."""
    return json.loads((own_folder(mesh, member, "proxies") / file).read_text())


def over_tls(mesh: Mesh, stolen: dict[str, str]) -> AdsStream:
    authority = mesh.system.access.authority.encode()
    held = mutual_tls(authority, stolen["key"].encode(), stolen["chain"].encode())
    return AdsStream.tls(f"127.0.0.1:{mesh.system.xds}", held, SERVER_NAME)


async def names(stream: AdsStream, node: str, *wanted: str) -> dict[str, set[str]]:
    """By type, what the other side tells who asks for everything and for `wanted`, until it is quiet."""
    found: dict[str, set[str]] = {}
    async with stream:
        for type_url in TYPES:
            await stream.send(bytes(request(type_url, "*", *wanted, node=node).SerializeToString()))
        try:
            async with asyncio.timeout(promised(1)):
                async for raw in stream:
                    response = Response.FromString(raw)
                    told = {one.name for one in response.resources if one.HasField("resource")}
                    found.setdefault(response.type_url, set()).update(told)
                    acknowledgement = request(response.type_url)
                    acknowledgement.response_nonce = response.nonce
                    await stream.send(bytes(acknowledgement.SerializeToString()))
        except TimeoutError:
            pass
    return found


async def first(stream: AdsStream, node: str) -> bytes:
    """What the other side says first to who begins so. Raises CallFailed."""
    async with asyncio.timeout(PATIENCE), stream:
        await stream.send(bytes(request(CLUSTER, "*", node=node).SerializeToString()))
        return await anext(aiter(stream))


async def test_a_proxy_is_told_of_whom_it_may_call_and_of_nobody_else(mesh: Mesh) -> None:
    a, c = mesh.members["a-1"], mesh.members["c-1"]
    ports = {account: mesh.members[f"{account}-1"].port for account in "abc"}
    clusters = [f"shop/{account}/{port}" for account, port in ports.items()]
    stolen = credentials(mesh, a)
    assert await first(over_tls(mesh, stolen), f"workload/{a.id}/thief")
    told = await names(over_tls(mesh, stolen), f"workload/{a.id}/thief", *clusters, "identity")
    flat = {name for of_type in told.values() for name in of_type}
    assert f"shop/b/{ports['b']}" in told[CLUSTER]
    assert not [name for name in flat if "shop/c/" in name or f"/{c.port}" in name]
    assert told[SECRET] == {"trust"}


@pytest.mark.parametrize("victim", ["b-1", "c-1"])
@pytest.mark.parametrize("role", ["", "agent/"])
async def test_with_its_certificate_a_proxy_cannot_ask_as_another(mesh: Mesh, victim: str, role: str) -> None:
    stolen = credentials(mesh, mesh.members["a-1"])
    with pytest.raises(CallFailed) as refused:
        await first(over_tls(mesh, stolen), f"{role}workload/shop/{victim}/thief")
    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED
    assert "shop/b/" not in refused.value.details


async def test_the_identity_between_workloads_opens_no_door_of_the_control_plane(mesh: Mesh) -> None:
    stolen = credentials(mesh, mesh.members["a-1"], "traffic.json")
    with pytest.raises(CallFailed):
        await first(over_tls(mesh, stolen), "workload/shop/a-1/thief")


@pytest.mark.parametrize("victim", ["b-1", "c-1"])
async def test_at_its_agents_socket_a_proxy_gets_its_own_keys_and_view_whoever_it_says_it_is(
    mesh: Mesh, victim: str
) -> None:
    """The socket is the proxy: there the file system has decided who asks."""
    path = socket(mesh, mesh.members["a-1"])
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    other = mesh.members[victim]
    asked = await names(AdsStream.unix(path), f"workload/{other.id}/thief", "identity")
    assert not asked.get(LISTENER, set()) & {f"inbound/{other.port}"}
    mine = await identity_at(path)
    assert "/sa/a" in mine
    for mark in ("/sa/b", "/sa/c"):
        assert mark not in mine


async def identity_at(path: Path) -> str:
    """The certificate that the agent's secret service gives, as text with its names."""
    channel: Any = grpc.aio.insecure_channel(f"unix:{path}", [("grpc.default_authority", "sekisho")])
    async with channel:
        call = channel.stream_stream("/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets")()
        asking = request(SECRET, "identity", node="workload/shop/b-1/thief")
        await call.write(bytes(asking.SerializeToString()))
        response = Response.FromString(await asyncio.wait_for(call.read(), PATIENCE))
        call.cancel()
    secret = message("envoy.extensions.transport_sockets.tls.v3.Secret").FromString(
        response.resources[0].resource.value
    )
    leaf = x509.load_pem_x509_certificate(secret.tls_certificate.certificate_chain.inline_bytes)
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return str(found.get_values_for_type(x509.UniformResourceIdentifier))


async def test_the_api_gives_a_proxy_no_identity_but_its_own_and_no_secrets(mesh: Mesh) -> None:
    stolen = credentials(mesh, mesh.members["a-1"])
    access = Access(
        server=mesh.system.access.server,
        authority=mesh.system.access.authority,
        certificate=(stolen["chain"], stolen["key"]),
    )
    async with Client(Transport(access)) as thief:
        for proxy in ("workload/shop/b-1", "workload/shop/c-1", "gateway/shop/web"):
            for purpose in ("control", "traffic"):
                spec = CertificateRequestSpec(
                    csr=signing_request(new_key()).decode(), proxy=proxy, purpose=purpose
                )
                with pytest.raises(ClientError):
                    await ask(thief, "CertificateRequest", spec, CertificateAnswer)
        with pytest.raises(ClientError):
            await thief.list("secrets")
        with pytest.raises(ClientError):
            await thief.get("Workload", "b-1", "shop")


async def test_a_revoked_proxy_is_cut_off_within_five_seconds_and_others_go_on(
    mesh: Mesh, record_property: Record
) -> None:
    """Its stream ends, and with its certificate no other begins."""
    [a, c] = [mesh.members[name] for name in ("a-1", "c-1")]
    stolen = credentials(mesh, c)
    loop = asyncio.get_running_loop()
    async with mesh.load(a, "b") as load, over_tls(mesh, stolen) as stream:
        await stream.send(bytes(request(CLUSTER, "*", node=f"workload/{c.id}/thief").SerializeToString()))
        responses = aiter(stream)
        await asyncio.wait_for(anext(responses), PATIENCE)
        began = loop.time()
        spec = TokenSpec(action="revoke", id=f"workload/{c.id}")
        await ask(mesh.system.client, "TokenReview", spec, TokenAnswer)
        with pytest.raises(CallFailed):
            await asyncio.wait_for(to_its_end(responses), PATIENCE)
        took = loop.time() - began
        with pytest.raises(CallFailed):
            await first(over_tls(mesh, stolen), f"workload/{c.id}/thief")
        await goes_on(load)
    assert load.failures == []
    assert took < promised(5)
    record_property("seconds", round(took, 2))


async def to_its_end(responses: AsyncIterator[bytes]) -> None:
    """Raises CallFailed when the server ends the stream because of who asks."""
    async for _ in responses:
        pass
