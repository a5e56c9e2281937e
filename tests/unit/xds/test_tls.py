"""TLS over buffers that connections have in common: what is one's never is another's."""

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from tests.kit.pki import TestAuthority

from sekisho.xds.tls import NotVerified, TlsPipe, server_context

PROXY = "spiffe://default.default.mesh.local/gateway/shop/web"


class Client:
    """A client and the server's side of its connection, without a network."""

    def __init__(self, folder: Path, authority: TestAuthority) -> None:
        trusted = authority.certificate.decode()
        self.pipe = TlsPipe(
            server_context(*authority.leaf(dns=["localhost"]).write(folder, "server"), trusted)
        )
        context = ssl.create_default_context(cadata=trusted)
        context.load_cert_chain(*authority.leaf(uris=[PROXY]).write(folder, "client"))
        context.set_alpn_protocols(["h2"])
        self._received, self._sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._sent, server_hostname="localhost")

    def step(self) -> None:
        """One flight of the handshake, there and back."""
        self.knock()
        self._received.write(self.pipe.outgoing())

    def knock(self) -> None:
        """One flight of the handshake, there."""
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self.pipe.feed(self._sent.read())

    def say(self, plain: bytes) -> bytes:
        """Its cipher text."""
        self._tls.write(plain)
        return self._sent.read()

    def hear(self, cipher: bytes) -> bytes:
        self._received.write(cipher)
        heard = b""
        with suppress(ssl.SSLWantReadError):
            while True:
                heard += self._tls.read(2**20)
        return heard


@pytest.fixture
def clients(tmp_path: Path) -> list[Client]:
    """Three, whose handshakes took turns."""
    authority = TestAuthority()
    clients = [Client(tmp_path, authority) for _ in range(3)]
    for _ in range(4):
        for client in clients:
            client.step()
    assert [client.pipe.peer for client in clients] == [PROXY] * 3
    return clients


def test_records_that_come_in_pieces_are_told_apart(clients: list[Client]) -> None:
    said = [letter * 40_000 for letter in (b"a", b"b", b"c")]
    cipher = [client.say(plain) for client, plain in zip(clients, said, strict=True)]
    heard = [b"", b"", b""]
    for at in range(0, max(map(len, cipher)), 9_001):
        for number, client in enumerate(clients):
            heard[number] += client.pipe.feed(cipher[number][at : at + 9_001])
    assert heard == said


def test_everybody_is_sent_what_is_his(clients: list[Client]) -> None:
    said = [letter * 100_000 for letter in (b"a", b"b", b"c")]
    cipher = [client.pipe.encrypt(plain) for client, plain in zip(clients, said, strict=True)]
    assert [client.hear(one) for client, one in zip(clients, cipher, strict=True)] == said


def test_a_connection_that_breaks_leaves_nothing_for_the_next(clients: list[Client]) -> None:
    broken, *others = clients
    with pytest.raises(NotVerified):
        broken.pipe.feed(b"\x17\x03\x03\x00\x20" + b"?" * 4_096)
    assert broken.pipe.outgoing(), "an alert"
    broken.pipe.close()
    for client in others:
        assert client.pipe.feed(client.say(b"still here")) == b"still here"
        assert client.hear(client.pipe.encrypt(b"so am I")) == b"so am I"


def test_a_connection_that_is_closed_leaves_nothing_for_the_next(clients: list[Client]) -> None:
    closed, *others = clients
    closed.pipe.close()
    for client in others:
        assert client.hear(client.pipe.encrypt(b"so am I")) == b"so am I"


def test_what_is_outgoing_goes_before_what_is_said(tmp_path: Path) -> None:
    """The end of a handshake and the first frames are one call."""
    client = Client(tmp_path, TestAuthority())
    client.step()
    client.knock()
    assert client.pipe.peer == PROXY
    assert client.hear(client.pipe.encrypt(b"welcome")) == b"welcome"
    assert client.pipe.outgoing() == b""
