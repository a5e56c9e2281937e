"""One real Envoy with many inbounds, each with permissions of its own, and callers of every kind."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
from msgspec.structs import replace
from tests.kit.h2_client import RESET, GoneAway, H2Client
from tests.kit.http import Answer, read_answer
from tests.kit.pki import TestAuthority
from tests.kit.ports import free_port
from tests.kit.sidecar import ORIGIN, TRUST_DOMAIN, inbound, of_inbound, running_sidecar, spiffe_id, trust
from tests.kit.tokens import Issuer

from sekisho import envoy, ir
from sekisho.envoy.callers import JWT_METADATA, JWT_PAYLOAD
from sekisho.ir.admittance import Peer
from sekisho.ir.calls import Answered, Call, Refused
from sekisho.ir.incoming import Arrival, Delivered, Reception
from sekisho.model.policies.traffic_permission import TrafficPermissionDefault
from sekisho.policies import traffic_permission
from sekisho.protos import message

from .permission_corpus import (
    ADDRESSES,
    CLAIMS,
    IDENTITIES,
    KNOWN_CLAIMS,
    SERVER_NAMES,
    Asked,
    default,
)

_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_SET_METADATA = "envoy.extensions.filters.http.set_metadata.v3.Config"
_LISTENER = "envoy.config.listener.v3.Listener"
ISSUER = ir.TokenIssuer(name="somebody", issuer="https://issuer.test", keys=Issuer().keys)
"""Whose tokens are believed; none is shown, see `_with_claims`."""
_HELLO = b"\x16"
"""The first byte of a TLS handshake."""


def _client_hello() -> bytes:
    """The beginning of a TLS connection that is the application's own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(received, sent)
    with suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return sent.read()


class Door(NamedTuple):
    """A way to come to a port."""

    security: str
    alpn: str
    identity: str
    address: str
    server_name: str


class Said(NamedTuple):
    """What can be told of a call from outside, and by the simulator."""

    kind: str
    """delivered, answered, refused."""
    status: int = 0
    detail: bytes = b""
    """The path the application got, or `Location`."""


@dataclass(frozen=True)
class Port:
    """An inbound, and whether tokens are verified there."""

    inbound: ir.Inbound
    has_claims: bool

    def doors(self, random: Random, number: int) -> list[Door]:
        """Some of the ways in, and sometimes one that is shut."""
        return [self._door(random) for _ in range(number)]

    def _door(self, random: Random) -> Door:
        tls = self.inbound.tls
        address, name = random.choice(ADDRESSES), random.choice(SERVER_NAMES)
        if tls is None:
            return Door("plain", "", "", address, "")
        if tls.mode is ir.MutualTlsMode.PERMISSIVE and random.random() < 0.5:
            return Door(random.choice(["plain", "plain", "foreign"]), "", "", address, "")
        alpns = ["sekisho", "sekisho-h2"] if self.inbound.protocol is not ir.Protocol.TCP else ["sekisho"]
        identity = random.choice((*IDENTITIES, *IDENTITIES, *IDENTITIES, _STRANGER))
        return Door("mutual", random.choice(alpns), identity, address, name)


_STRANGER = spiffe_id("cart", domain="other.default.mesh.local")


def port(random: Random, number: int, target: int) -> Port:
    """An inbound as translation makes it of a TrafficPermission."""
    over_http = random.random() < 0.75
    written = msgspec.convert(default(random, over_http=over_http), TrafficPermissionDefault)
    rules = traffic_permission.permission_rules(ORIGIN.resource, "", written, TRUST_DOMAIN)
    wanted = traffic_permission.permissions(rules)
    if not over_http:
        wanted = traffic_permission.without_http(wanted)
    mode = ir.MutualTlsMode.PERMISSIVE if random.random() < 0.25 else ir.MutualTlsMode.STRICT
    tls = ir.MutualTls(mode=mode, trust_domains=(TRUST_DOMAIN,)) if random.random() < 0.9 else None
    made = inbound(
        number,
        target,
        address="0.0.0.0",
        permissions=wanted,
        tls=tls,
        protocol=ir.Protocol.HTTP1 if over_http else ir.Protocol.TCP,
        inspected=over_http and (traffic_permission.needs_http(wanted) or random.random() < 0.5),
    )
    has_claims = over_http and random.random() < 0.3
    return Port(replace(made, token_issuers=(ISSUER,)) if has_claims else made, has_claims)


def resources(served: Port) -> list[envoy.Resource]:
    """All that its proxy is given."""
    return [_with_claims(one) if served.has_claims else one for one in of_inbound(served.inbound)]


def _with_claims(found: envoy.Resource) -> envoy.Resource:
    """As if a token with `CLAIMS` had been verified before anything is judged."""
    if not found.type_url.endswith(_LISTENER):
        return found
    changed = message(_LISTENER).FromString(found.body)
    for chain in changed.filter_chains:
        for one in chain.filters:
            if one.typed_config.type_url.endswith(_HCM):
                manager = message(_HCM).FromString(one.typed_config.value)
                told = message(_SET_METADATA)()
                told.metadata.add(metadata_namespace=JWT_METADATA).value.update({JWT_PAYLOAD: CLAIMS})
                first = type(manager.http_filters[0])(name="claims")
                first.typed_config.Pack(told)
                manager.http_filters.insert(0, first)
                one.typed_config.Pack(manager)
    return envoy.resource(changed)


def arrival(served: Port, door: Door, asked: Asked) -> Arrival:
    """What the simulator is asked."""
    peer = Peer(
        identity=door.identity,
        address=door.address,
        server_name=door.server_name,
        claims=KNOWN_CLAIMS if served.has_claims else (),
    )
    call = Call(
        host=_text(asked.host),
        port=served.inbound.port,
        path=_text(asked.path),
        method=_text(asked.method),
        headers=tuple((_text(name).lower(), _text(_value(value, door))) for name, value in asked.headers),
    )
    return Arrival(peer=peer, security=door.security, alpn=door.alpn, call=call)  # type: ignore[arg-type]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _value(raw: bytes, door: Door) -> bytes:
    """HTTP/1.1 leaves the space around a value out (RFC 9110, section 5.5)."""
    return raw if door.alpn == "sekisho-h2" else raw.strip(b" \t")


def said(found: Reception) -> Said:
    """What the simulator says."""
    match found.outcome:
        case Refused():
            return Said("refused")
        case Answered(status=status, location=location):
            return Said("answered", status, location.encode("utf-8", "surrogateescape"))
        case Delivered(call=None):
            return Said("delivered")
        case Delivered(call=call):
            assert call is not None
            return Said("delivered", 200, call.path.encode("utf-8", "surrogateescape"))


class Caller:
    """Somebody at a door, over connections that are kept while they last."""

    def __init__(self, door: Door, port: int, context: ssl.SSLContext | None) -> None:
        self._door, self._port, self._context = door, port, context
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._h2: H2Client | None = None

    async def ask(self, asked: Asked, *, reads: bool) -> Said:
        """What becomes of it. Not `reads`: the bytes are passed on, so a connection tells once only."""
        # By HTTP/2 nobody hangs up but for a request that is malformed.
        kept = self._streams is not None and self._h2 is None
        try:
            async with asyncio.timeout(60):
                return await (self._request(asked) if reads else self._bytes(asked))
        except GoneAway:
            self.close()
            return Said("refused")
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            self.close()
            return await self.ask(asked, reads=reads) if kept else Said("refused")

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = self._h2 = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            name = self._door.server_name if self._context else None
            self._streams = await asyncio.open_connection(
                self._door.address,
                self._port,
                ssl=self._context,
                server_hostname=name,
                local_addr=(self._door.address, 0),
            )
        return self._streams

    async def _request(self, asked: Asked) -> Said:
        if self._door.alpn == "sekisho-h2":
            return _seen(await self._by_h2(asked))
        reader, writer = await self._open()
        writer.write(_written(asked))
        answer = await read_answer(reader, with_body=asked.method != b"HEAD")
        if (answer.header("connection") or "") == "close":
            self.close()
        return _seen(answer)

    async def _by_h2(self, asked: Asked) -> Answer:
        if self._h2 is None:
            self._h2 = H2Client(*await self._open())
        pseudo = [(b":method", asked.method), (b":scheme", b"http")]
        pseudo += [(b":path", asked.path), (b":authority", asked.host)]
        return await self._h2.ask([*pseudo, *((name.lower(), value) for name, value in asked.headers)])

    async def _bytes(self, asked: Asked) -> Said:
        self.close()
        reader, writer = await self._open()
        writer.write(_client_hello() if self._door.security == "foreign" else _written(asked))
        answer = await reader.read(4096)
        self.close()
        return Said("delivered") if answer else Said("refused")


def _written(asked: Asked) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (asked.method, asked.path), b"host: %b" % asked.host]
    return b"\r\n".join([*lines, *(b"%b: %b" % pair for pair in asked.headers), b"", b""])


def _seen(answer: Answer) -> Said:
    if answer.status == RESET:
        return Said("refused")
    if answer.status == 200:
        return Said("delivered", 200, (answer.header("x-seen") or "").encode("latin-1"))
    return Said("answered", answer.status, (answer.header("location") or "").encode("latin-1"))


async def _witness(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The application: it answers whatever comes, and says which path it was asked for."""
    try:
        while data := await reader.read(1):
            if data == _HELLO:
                writer.write(b"bytes")
                continue
            line = (data + await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0]
            path = line.split(b" ")[1]
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-seen: %b\r\n\r\n" % path)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the peer has left
    finally:
        writer.close()


@dataclass
class Rig:
    """The ports, and who has called so far."""

    folder: Path
    authority: TestAuthority
    ports: list[Port]
    contexts: dict[tuple[str, str], ssl.SSLContext] = field(default_factory=dict)

    def caller(self, served: Port, door: Door) -> Caller:
        context = self._context(door) if door.security == "mutual" else None
        return Caller(door, served.inbound.port, context)

    def _context(self, door: Door) -> ssl.SSLContext:
        key = (door.identity, door.alpn)
        if key not in self.contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.load_cert_chain(*self.authority.svid(door.identity).write(self.folder, "caller"))
            context.set_alpn_protocols([door.alpn])
            self.contexts[key] = context
        return self.contexts[key]


@asynccontextmanager
async def running_rig(folder: Path, ports: int, random: Random) -> AsyncIterator[Rig]:
    """Ready when every port is served."""
    async with AsyncExitStack() as stack:
        application = await asyncio.start_server(_witness, "127.0.0.1", 0)
        stack.push_async_callback(_ended, application)
        target = application.sockets[0].getsockname()[1]
        served = [port(random, free_port(), target) for _ in range(ports)]
        authority = TestAuthority()
        made: Sequence[envoy.Resource] = [one for each in served for one in resources(each)]
        await stack.enter_async_context(
            running_sidecar(
                folder / "server", authority.svid(spiffe_id("web")), trust((TRUST_DOMAIN, authority)), *made
            )
        )
        yield Rig(folder, authority, served)


async def _ended(server: asyncio.Server) -> None:
    server.close()
