"""Who may not is refused before anything is said: by the API with 401, by xDS in the handshake."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.kit.objects import gateway_class, http_listener, manifest, route
from tests.kit.pki import TestAuthority
from tests.kit.ports import free_port
from tests.kit.system import System, gateway, running_system

from sekisho.app.identities.serving import SERVER_NAME
from sekisho.app.zones.place import Place
from sekisho.client.reviews import PLURALS
from sekisho.identity.tokens import Role, Tokens
from sekisho.protos import message
from sekisho.xds.rpc import METHOD
from sekisho.xds.types import SCOPED_ROUTES

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

SECRET_WORDS = ("shop.test", "httproutes", "sekisho_", "BEGIN", "Traceback", "python", "uvicorn", "sqlite")
PATHS = (
    "/", "/api", "/apis", "/version", "/openapi/v2", "/openapi/v3", "/metrics", "/healthz",
    "/api/v1/secrets", "/api/v1/namespaces/shop/configmaps?watch=1",
    "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/cart", "/nothing/here",
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def control_plane() -> AsyncIterator[System]:
    """With two Gateways, and a token of long ago beside a good one of a reader."""
    async with running_system(agent=False) as system:
        await system.apply(
            gateway_class(), *(gateway(http_listener(port=free_port()), name=name) for name in ("a", "b")),
            route("cart", "shop.test", gateway="a"), manifest("Secret", "s", data={"word": "aHVudGVyMg=="}),
        )  # fmt: skip
        await system.stop("control plane")
        tokens = Tokens(system.folder / "tokens.json")
        expired = tokens.issue("past", Role.ADMIN, timedelta(seconds=-1)).reveal()
        (system.folder / "expired").write_text(expired)
        (system.folder / "reader").write_text(tokens.issue("reader", Role.READER, timedelta(days=1)).reveal())
        await system.start_control_plane()
        yield system


def bearer(system: System, what: str) -> dict[str, str]:
    admin = system.access.bearer()
    forged = admin[:-1] + ("A" if admin[-1] != "A" else "B")
    texts = {
        "no token": None,
        "an empty token": "Bearer",
        "a wrong token": "Bearer sekisho_0123456789ab_nonsense",
        "a token with one letter changed": f"Bearer {forged}",
        "an expired token": f"Bearer {(system.folder / 'expired').read_text()}",
        "a token as a password": f"Basic {admin}",
    }
    return {"authorization": texts[what]} if texts[what] is not None else {}


def http(system: System) -> httpx2.AsyncClient:
    access = system.access
    return httpx2.AsyncClient(base_url=access.server, verify=access.tls(), trust_env=False)


@pytest.mark.parametrize(
    "what",
    ["no token", "an empty token", "a wrong token", "a token with one letter changed", "an expired token",
     "a token as a password"],
)  # fmt: skip
async def test_the_api_answers_401_to_all_paths_and_says_nothing_else(
    control_plane: System, what: str
) -> None:
    async with http(control_plane) as client:
        bodies = set()
        for path in PATHS:
            answer = await client.get(path, headers=bearer(control_plane, what))
            assert answer.status_code == 401, path
            bodies.add(answer.text)
            seen = f"{answer.headers} {answer.text}".lower()
            assert [word for word in SECRET_WORDS if word.lower() in seen] == []
        assert len(bodies) == 1, "who is not known must not learn which paths there are"
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            path = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes"
            answer = await client.request(method, path, json={}, headers=bearer(control_plane, what))
            assert answer.status_code == 401
    assert await control_plane.client.get("HTTPRoute", "cart", "shop")


async def test_a_good_token_of_the_same_file_is_let_in_and_a_revoked_one_is_not(
    control_plane: System,
) -> None:
    reader = {"authorization": f"Bearer {(control_plane.folder / 'reader').read_text()}"}
    async with http(control_plane) as client:
        assert (await client.get("/version", headers=reader)).status_code == 200
        assert (await client.get("/api/v1/secrets", headers=reader)).status_code == 403
        made = await control_plane.client.review(
            PLURALS["TokenReview"], "TokenReview", {"action": "create", "name": "brief", "role": "reader"}
        )
        brief = {"authorization": f"Bearer {made['token']}"}
        assert (await client.get("/version", headers=brief)).status_code == 200
        [id_] = [token["id"] for token in made["tokens"] if token["name"] == "brief"]
        await control_plane.client.review(
            PLURALS["TokenReview"], "TokenReview", {"action": "revoke", "id": id_}
        )
        assert (await client.get("/version", headers=brief)).status_code == 401


@pytest.mark.parametrize("port", ["api", "xds"])
async def test_plain_text_gets_no_answer(control_plane: System, port: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", getattr(control_plane, port))
    writer.write(b"GET /version HTTP/1.1\r\nhost: x\r\n\r\n")
    try:
        heard = await asyncio.wait_for(reader.read(), 30)
    except ConnectionError:
        heard = b""
    finally:
        writer.close()
    assert len(heard) <= 7, heard  # nothing, or one TLS alert


async def heard_over_tls(system: System, context: ssl.SSLContext) -> bytes:
    """What xDS says to the beginning of a gRPC conversation, before it hangs up."""
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", system.xds, ssl=context, server_hostname=SERVER_NAME
        )
    except ssl.SSLError:
        return b""
    try:
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        return await asyncio.wait_for(reader.read(), 30)
    except OSError:
        return b""
    finally:
        writer.close()


def trusting(system: System) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=system.access.authority)
    context.set_alpn_protocols(["h2"])
    return context


async def test_xds_says_nothing_to_who_shows_no_certificate(control_plane: System) -> None:
    assert await heard_over_tls(control_plane, trusting(control_plane)) == b""


async def test_xds_says_nothing_to_a_certificate_of_a_foreign_authority(
    control_plane: System, tmp_path: Path
) -> None:
    context = trusting(control_plane)
    foreign = TestAuthority().leaf(uris=[f"spiffe://{Place().trust_domain}/gateway/shop/a"])
    context.load_cert_chain(*foreign.write(tmp_path, "foreign"))
    assert await heard_over_tls(control_plane, context) == b""


async def test_xds_answers_to_a_certificate_of_its_own(control_plane: System, tmp_path: Path) -> None:
    """So that the silence of the other tests means something."""
    context = trusting(control_plane)
    key, chain = await certificate_for(control_plane, "gateway/shop/a")
    (tmp_path / "own").write_bytes(key + chain)
    context.load_cert_chain(tmp_path / "own")
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", control_plane.xds, ssl=context, server_hostname=SERVER_NAME
    )
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    assert len(await asyncio.wait_for(reader.read(9), 30)) == 9
    writer.close()


async def certificate_for(system: System, proxy: str) -> tuple[bytes, bytes]:
    """(key, chain) as the agent gets them: PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())
    spec = {"csr": request.public_bytes(Encoding.PEM).decode(), "proxy": proxy}
    answer = await system.client.review(PLURALS["CertificateRequest"], "CertificateRequest", spec)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, answer["certificate"].encode()


async def asked(system: System, certified: str, node: str) -> Any:
    """The first response to `node` on a connection with the certificate of `certified`."""
    key, chain = await certificate_for(system, certified)
    credentials = grpc.ssl_channel_credentials(system.access.authority.encode(), key, chain)
    options = [("grpc.ssl_target_name_override", SERVER_NAME)]
    request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")(type_url=SCOPED_ROUTES)
    request.node.id = node
    async with grpc.aio.secure_channel(f"127.0.0.1:{system.xds}", credentials, options=options) as channel:
        call = channel.stream_stream(METHOD)(wait_for_ready=True, timeout=30)
        await call.write(request.SerializeToString())
        return message("envoy.service.discovery.v3.DeltaDiscoveryResponse").FromString(await call.read())


async def test_a_proxy_gets_what_is_its_own(control_plane: System) -> None:
    response = await asked(control_plane, "gateway/shop/a", "gateway/shop/a/host")
    assert any("shop.test" in resource.name for resource in response.resources)


@pytest.mark.parametrize(
    "node",
    ["gateway/shop/b/host", "gateway/shop/ab/host", "gateway/shop", "gateway/other/a/host", "a", "../b"],
)
async def test_a_proxy_that_asks_as_another_is_denied(control_plane: System, node: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await asked(control_plane, "gateway/shop/a", node)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "shop.test" not in str(refused.value.details())
