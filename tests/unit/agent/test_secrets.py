"""SDS: a proxy's own certificate, told when it is asked for and again when it changes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.kit.delta import QueueStream, request

from sekisho.agent.secrets import SecretServer
from sekisho.agent.tracking import Response
from sekisho.aio.tasks import background
from sekisho.identity.authority import Registration, new_credentials
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import Credentials
from sekisho.identity.spiffe import SpiffeId
from sekisho.protos import message
from sekisho.xds.types import SECRET

Secret = message("envoy.extensions.transport_sockets.tls.v3.Secret")
OURS = Registration(SpiffeId("default.default.mesh.local", "ns/shop/sa/cart"))


class Held:
    """An identity a test changes."""

    def __init__(self, authority: BuiltInAuthority) -> None:
        self._authority = authority
        self._listeners: list[Callable[[], None]] = []
        self.held: Credentials | None = None

    def on_renewal(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    async def renew(self) -> Credentials:
        self.held = await new_credentials(self._authority, OURS)
        for listener in self._listeners:
            listener()
        return self.held


@pytest.fixture
def identity(tmp_path: Path) -> Held:
    return Held(BuiltInAuthority(tmp_path / "authority", "default.default.mesh.local"))


@asynccontextmanager
async def asking(server: SecretServer) -> AsyncIterator[QueueStream]:
    stream = QueueStream()
    async with background(server.serve(stream), name="sds"):
        yield stream


async def told(stream: QueueStream) -> tuple[str, bytes, bytes]:
    """Nonce, chain and key of the next response."""
    response = Response.FromString(await stream.heard())
    [resource] = response.resources
    secret = Secret.FromString(resource.resource.value)
    assert (secret.name, resource.name, response.type_url) == ("identity", "identity", SECRET)
    return (
        response.nonce,
        secret.tls_certificate.certificate_chain.inline_bytes,
        secret.tls_certificate.private_key.inline_bytes,
    )


async def test_the_identity_is_told_when_there_is_one_and_again_when_it_is_renewed(identity: Held) -> None:
    server = SecretServer("workload/shop/cart", identity)
    async with asking(server) as stream:
        stream.say(request(SECRET, subscribe=["identity"]))
        await asyncio.wait_for(server.wanted.wait(), 60)
        assert stream.outgoing.empty()
        first = await identity.renew()
        nonce, chain, key = await told(stream)
        assert (chain, key) == (first.issued.chain, first.key.reveal())
        stream.say(request(SECRET, nonce=nonce))
        second = await identity.renew()
        assert (await told(stream))[1] == second.issued.chain


async def test_one_answer_is_awaited_before_the_next_and_only_the_newest_is_told(identity: Held) -> None:
    await identity.renew()
    async with asking(SecretServer("p", identity)) as stream:
        stream.say(request(SECRET, subscribe=["identity"]))
        nonce, *_ = await told(stream)
        for _ in range(3):
            newest = await identity.renew()
        await asyncio.sleep(0)
        assert stream.outgoing.empty()
        stream.say(request(SECRET, nonce=nonce))
        assert (await told(stream))[1] == newest.issued.chain
        assert stream.outgoing.empty()


async def test_who_comes_again_with_the_newest_is_told_nothing(identity: Held) -> None:
    await identity.renew()
    server = SecretServer("p", identity)
    async with asking(server) as stream:
        stream.say(request(SECRET, subscribe=["identity"]))
        version = Response.FromString(await stream.heard()).resources[0].version
    async with asking(server) as stream:
        stream.say(request(SECRET, subscribe=["identity"], have={"identity": version}))
        newer = await identity.renew()
        assert (await told(stream))[1] == newer.issued.chain
        assert stream.outgoing.empty()


async def test_another_secret_is_never_told_and_wakes_nobody(identity: Held) -> None:
    await identity.renew()
    server = SecretServer("p", identity)
    async with asking(server) as stream:
        stream.say(request(SECRET, subscribe=["secret/shop/tls"]), request(SECRET, subscribe=["identity"]))
        await told(stream)
        assert stream.outgoing.empty()
    untouched = SecretServer("p", identity)
    async with asking(untouched) as stream:
        stream.say(request(SECRET, subscribe=["trust"]), None)
    assert not untouched.wanted.is_set()
