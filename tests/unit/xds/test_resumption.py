"""TLS sessions that are resumed: who may, for how long, and that it is nobody else."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.kit.pki import Leaf, TestAuthority
from tests.kit.wait import eventually
from tests.kit.xds import changes, request

from sekisho.xds import contexts, frames, tls
from sekisho.xds.admission import Refusal
from sekisho.xds.contexts import LIFETIME, Contexts
from sekisho.xds.frames import frame
from sekisho.xds.limits import Limits
from sekisho.xds.rpc import METHOD, _literal
from sekisho.xds.server import AdsServer
from sekisho.xds.tls import NotVerified, Peer, TlsPipe, server_context
from sekisho.xds.view import View
from sekisho.xds.wire import length_prefixed

PROXY, OTHER = "spiffe://demo.default.mesh.local/proxy", "spiffe://demo.default.mesh.local/other"
FIELDS = {
    b":method": b"POST", b":scheme": b"https", b":path": METHOD.encode(), b"content-type": b"application/grpc"
}  # fmt: skip
CALL = (
    frames.PREFACE
    + frames.settings({})
    + frame(frames.HEADERS, frames.END_HEADERS, 1, b"".join(_literal(*field) for field in FIELDS.items()))
    + frame(frames.DATA, 0, 1, length_prefixed(request("cds", node="proxy").SerializeToString()))
)


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


class Place:
    """Certificates of one authority, and contexts for both sides."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = TestAuthority()
        self.now = Now()
        self._server = self.authority.leaf(dns=["localhost"]).write(folder, "server")
        self.contexts = Contexts(self.context, self.now)

    def context(self) -> ssl.SSLContext:
        return server_context(*self._server, self.authority.certificate.decode())

    def client(self, leaf: Leaf | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.certificate.decode())
        context.load_cert_chain(*(leaf or self.authority.leaf(uris=[PROXY])).write(self._folder, "client"))
        context.set_alpn_protocols(["h2"])
        return context


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


class Visit:
    """One connection, without a network: both sides until each knows the other."""

    def __init__(
        self, server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None = None
    ) -> None:
        self.pipe = TlsPipe(server)
        received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._client = client.wrap_bio(received, sent, server_hostname="localhost", session=session)
        for _ in range(4):
            with suppress(ssl.SSLWantReadError):
                self._client.do_handshake()
            self.pipe.feed(sent.read())
            received.write(self.pipe.outgoing())
        with pytest.raises(ssl.SSLWantReadError):  # nothing was said; but the session has come
            self._client.read(1)

    def end(self) -> ssl.SSLSession:
        """The network fails. What the client comes back with."""
        session = self._client.session
        assert session is not None
        self.pipe.close()
        del self.pipe
        return session

    @property
    def peer(self) -> Peer:
        assert self.pipe.peer is not None
        return self.pipe.peer


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_comes_back_is_who_it_was_without_showing_its_certificate(
    place: Place, version: ssl.TLSVersion
) -> None:
    client = place.client()
    client.maximum_version = version
    first = Visit(place.contexts(), client)
    known = first.peer
    assert not first.pipe.resumed
    session = first.end()
    for _ in range(3):
        again = Visit(place.contexts(), client, session)
        assert again.pipe.resumed
        assert (again.peer, again.peer.serial, again.peer.not_after) == (PROXY, known.serial, known.not_after)
        session = again.end()


def test_a_session_is_of_the_certificate_it_began_with_whatever_its_holder_has_now(place: Place) -> None:
    session = Visit(place.contexts(), place.client()).end()
    other = place.client(place.authority.leaf(uris=[OTHER]))
    assert Visit(place.contexts(), other).peer == OTHER
    with pytest.raises(ValueError, match="different SSLContext"):
        Visit(place.contexts(), other, session)


def test_nobody_comes_back_with_a_certificate_that_has_ended(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = place.client(place.authority.svid(PROXY, ends=timedelta(minutes=10)))
    session = Visit(place.contexts(), client).end()
    later = time.time() + 601
    monkeypatch.setattr(tls, "time", SimpleNamespace(time=lambda: later))
    with pytest.raises(NotVerified, match="has ended"):
        Visit(place.contexts(), client, session)


def test_an_hour_after_the_first_everybody_shows_a_certificate_again(place: Place) -> None:
    client = place.client()
    session = Visit(place.contexts(), client).end()
    for _ in range(3):
        place.now.seconds += LIFETIME / 4
        again = Visit(place.contexts(), client, session)
        assert again.pipe.resumed
        session = again.end()
    place.now.seconds += LIFETIME / 4
    assert not Visit(place.contexts(), client, session).pipe.resumed


def test_no_session_outlives_a_change_of_certificate_or_trust(place: Place) -> None:
    client = place.client()
    session = Visit(place.contexts(), client).end()
    place.contexts.renew()
    assert not Visit(place.contexts(), client, session).pipe.resumed


def test_who_is_not_trusted_any_more_does_not_come_back(place: Place) -> None:
    client = place.client()
    session = Visit(place.contexts(), client).end()
    place.authority = TestAuthority("another")
    place.contexts.renew()
    with pytest.raises(NotVerified):
        Visit(place.contexts(), client, session)


def test_a_session_is_of_no_use_with_another_context(place: Place) -> None:
    client = place.client()
    session = Visit(place.contexts(), client).end()
    assert not Visit(place.context(), client, session).pipe.resumed


def test_so_many_sessions_are_remembered_and_no_more_whatever_their_context(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contexts, "MOST_SESSIONS", 3)
    client = place.client()
    first = place.contexts()
    stays = [Visit(first, client) for _ in range(2)]
    place.contexts.renew()
    for _ in range(4):
        Visit(place.contexts(), client).end()
    assert (first.session_stats()["number"], place.contexts().session_stats()["number"]) == (2, 1)
    del stays, first  # with the last connection of a context its sessions are gone
    Visit(place.contexts(), client).end()
    assert place.contexts().session_stats()["number"] == 2


class Front:
    """A server that looks at who comes."""

    def __init__(self) -> None:
        self.port = 0
        self.revoked = False
        self.seen: list[tuple[str, int]] = []
        self.server = AdsServer(self.authorize, limits=Limits(keepalive=0.1))

    def authorize(self, peer: str | None, _node: str) -> Sequence[View] | Refusal:
        assert isinstance(peer, Peer)
        self.seen.append((str(peer), peer.serial))
        return Refusal("revoked") if self.revoked else [self.view]

    view = View("v")
    view.commit(changes(cds="a@1"))

    def visit(self, client: ssl.SSLContext, session: ssl.SSLSession | None) -> tuple[bytes, ssl.SSLSocket]:
        """What the server says to a request, up to its end or the words `revoked` or `a`'s."""
        with socket_to(self.port) as plain:
            plain.settimeout(60)
            secured = client.wrap_socket(plain, server_hostname="localhost", session=session)
            secured.sendall(CALL)
            heard = b""
            while b"revoked" not in heard and b"type.googleapis.com" not in heard:
                heard += secured.recv(65_536)
            return heard, secured


def socket_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 60)


@asynccontextmanager
async def serving(place: Place) -> AsyncIterator[Front]:
    front = Front()
    front.port = await front.server.listen_tls("127.0.0.1", 0, place.contexts)
    try:
        async with asyncio.timeout(60):
            yield front
    finally:
        await front.server.drain(1)


async def test_who_was_revoked_is_refused_after_resumption_too(place: Place) -> None:
    client = place.client()
    async with serving(place) as front:
        heard, before = await asyncio.to_thread(front.visit, client, None)
        assert b"revoked" not in heard
        session = before.session
        before.close()
        front.revoked = True
        heard, again = await asyncio.to_thread(front.visit, client, session)
        assert again.session_reused
        assert b"revoked" in heard
        again.close()
    assert front.seen[0] == front.seen[1], "the same identity and the same certificate"


async def test_a_connection_that_was_lost_in_the_middle_of_a_tick_is_asked_nothing(place: Place) -> None:
    """Its TLS is closed then, so that a word more would be an error."""
    async with serving(place) as front:
        _, visit = await asyncio.to_thread(front.visit, place.client(), None)
        (connection,) = front.server._connections

        async def lost() -> bool:
            return not front.server.connections

        visit.close()
        await eventually(lost, what="the connection is lost")
        connection.check(asyncio.get_running_loop().time() + 1)
        connection.write(b"late")
