"""Who is refused at the ports of real sidecars: impostors of every kind, plaintext, weak TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.kit.http import Answer, read_answer, request_bytes
from tests.kit.impostors import IMPOSTORS, Draft, Signer, Victim, good
from tests.kit.mesh import Mesh, running_mesh, spiffe_id
from tests.kit.pki import Leaf
from tests.kit.sidecar import TRUST_DOMAIN

from sekisho.identity import pairs
from sekisho.identity.builtin import BuiltInAuthority

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

SERVERS = ("inspected", "plain")
"""One whose requests are read, and one whose bytes are passed on."""
TAKEN = {"for servers only", "for signing code"}
"""Of those that only who has the mesh's issuing key can make: Envoy 1.40 does not look at what a certificate
is for. They give nobody more than a good certificate, signed as easily, would."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """Strict, as a Mesh is from the start; the client may call both servers."""
    async with running_mesh() as mesh:
        await mesh.permit("inspected", "client", methods=["GET"])
        await mesh.permit("plain", "client")
        for account in ("client", *SERVERS):
            await mesh.join(account)
        for server in SERVERS:
            await mesh.answers(mesh.members["client-1"], server)
        yield mesh


@pytest.fixture(scope="module")
def victim(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Victim:
    """Nobody has a better place to deceive from than who has the mesh's own issuing key."""
    earlier = tmp_path_factory.mktemp("earlier")
    BuiltInAuthority(earlier, TRUST_DOMAIN)
    real = mesh.system.folder / "meshes" / "default" / TRUST_DOMAIN / "1"
    return Victim(issuer(real), spiffe_id("client"), issuer(earlier))


def issuer(folder: Path) -> Signer:
    pair = pairs.load(folder, "issuer")
    assert pair
    return Signer(pair.certificate, pair.key)


def context(folder: Path, leaf: Leaf | None, alpn: str = "sekisho") -> ssl.SSLContext:
    """A client that shows this certificate and believes anybody."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.set_alpn_protocols([alpn] if alpn else [])
    if leaf:
        made.load_cert_chain(*leaf.write(folder, "leaf"))
    return made


async def heard(mesh: Mesh, server: str, tls: ssl.SSLContext | None, *, method: str = "GET") -> Answer | None:
    """What the sidecar says to a request past the client's own; None for no answer."""
    member = mesh.members[f"{server}-1"]
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(
                member.address, member.port, ssl=tls, server_hostname="any" if tls else None
            )
            try:
                writer.write(request_bytes(method, "/", [("host", server), ("connection", "close")]))
                return await read_answer(reader)
            finally:
                writer.close()
    except (OSError, EOFError):
        return None


def seen(mesh: Mesh) -> list[int]:
    return [len(mesh.members[f"{server}-1"].echo.received) for server in SERVERS]


@pytest.mark.parametrize("server", SERVERS)
async def test_the_certificate_they_all_imitate_is_let_in(
    mesh: Mesh, victim: Victim, tmp_path: Path, server: str
) -> None:
    answer = await heard(mesh, server, context(tmp_path, good(victim).sign()))
    assert answer
    assert answer.status == 200


@pytest.mark.parametrize("kind", sorted(IMPOSTORS.keys() - TAKEN))
async def test_an_impostor_is_refused_by_a_sidecar(
    mesh: Mesh, victim: Victim, tmp_path: Path, kind: str
) -> None:
    before = seen(mesh)
    for alpn in ("sekisho", "sekisho-h2"):
        held = context(tmp_path, IMPOSTORS[kind](victim).sign(), alpn)
        for server in SERVERS:
            answer = await heard(mesh, server, held)
            assert answer is None or answer.status == 403
    assert seen(mesh) == before


async def test_a_member_that_may_not_call_is_refused(mesh: Mesh, victim: Victim, tmp_path: Path) -> None:
    before = seen(mesh)
    stranger = context(tmp_path, Draft(victim.issuer, [spiffe_id("stranger")]).sign())
    inspected, plain = [await heard(mesh, server, stranger) for server in SERVERS]
    assert (inspected and inspected.status, plain) == (403, None)
    friend = context(tmp_path, good(victim).sign())
    refused = await heard(mesh, "inspected", friend, method="POST")
    assert refused
    assert refused.status == 403
    assert seen(mesh) == before


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    "what",
    ["plaintext", "no certificate", "no ALPN", "another ALPN", "TLS 1.2", "HTTP/2 without TLS"],
)
async def test_who_does_not_speak_as_members_do_gets_no_answer(
    mesh: Mesh, victim: Victim, tmp_path: Path, server: str, what: str
) -> None:
    before = seen(mesh)
    held = good(victim).sign()
    contexts = {
        "no certificate": context(tmp_path, None),
        "no ALPN": context(tmp_path, held, ""),
        "another ALPN": context(tmp_path, held, "h2"),
        "TLS 1.2": context(tmp_path, held),
    }
    if what == "TLS 1.2":
        contexts[what].maximum_version = ssl.TLSVersion.TLSv1_2
    if what == "HTTP/2 without TLS":
        assert await first_byte(mesh, server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0") == b""
    else:
        assert await heard(mesh, server, contexts.get(what)) is None
    assert seen(mesh) == before


async def first_byte(mesh: Mesh, server: str, said: bytes) -> bytes:
    member = mesh.members[f"{server}-1"]
    reader, writer = await asyncio.open_connection(member.address, member.port)
    try:
        writer.write(said)
        return await asyncio.wait_for(reader.read(1), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_sidecar_opens_its_ports_on_no_address_but_its_own(mesh: Mesh) -> None:
    """Neither where the application may be called past it, nor for others of the host."""
    [client, server] = [mesh.members[name] for name in ("client-1", "plain-1")]
    for address in ("127.0.0.1", "127.0.0.2", client.address):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(address, server.port)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(server.address, server.echo.port)
