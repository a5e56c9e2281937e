"""A pair of sidecars made of IR alone: what reaches the application, and what does not."""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.kit.echo import Echo, serving_echo
from tests.kit.gateway import forward, route
from tests.kit.http import Answer, fetch, request_bytes
from tests.kit.pki import TestAuthority
from tests.kit.ports import free_port
from tests.kit.sidecar import (
    ORIGIN,
    TRUST_DOMAIN,
    Sidecar,
    inbound,
    mesh_cluster,
    of_inbound,
    outbound,
    route_table,
    running_sidecar,
    spiffe_id,
    trust,
)
from tests.kit.system import PATIENCE
from tests.kit.tokens import Issuer
from tests.kit.wait import eventually

from sekisho import envoy, ir

FIGURES = {
    *("upstream_rq_total", "upstream_rq_active", "upstream_rq_timeout", "upstream_rq_retry"),
    *("upstream_rq_pending_overflow", "upstream_cx_total", "upstream_cx_active", "upstream_cx_connect_fail"),
    *("membership_healthy", "membership_total", "update_rejected"),
}

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

CLIENT, SERVER, OTHER = spiffe_id("client"), spiffe_id("server"), spiffe_id("other")
FOREIGN = "other.default.mesh.local"


@dataclass
class Pair:
    """A client's sidecar with an outbound by HTTP and one by TCP, and a server's with one inbound."""

    folder: Path
    authority: TestAuthority
    foreign: TestAuthority
    client: Sidecar
    server: Sidecar
    application: Echo
    port: int
    """Of the inbound."""
    http: int
    tcp: int
    """Where the client calls it."""

    async def serve(self, **fields: Any) -> None:
        """Changes the inbound, for the time until the next change."""
        await self.server.publish(*of_inbound(inbound(self.port, self.application.port, **fields)))

    async def allow(self, *callers: ir.Caller, **fields: Any) -> None:
        await self.serve(permissions=permissions(allow=callers), **fields)

    async def get(self, path: str = "/", *, port: int | None = None, **options: Any) -> Answer:
        return await fetch(port or self.http, "echo.test", path, **options)

    def as_member(
        self, uri: str, *, authority: TestAuthority | None = None, alpn: str = "sekisho"
    ) -> ssl.SSLContext:
        """A client that has this identity and believes anybody."""
        leaf = (authority or self.authority).svid(uri)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(*leaf.write(self.folder, "client"))
        context.set_alpn_protocols([alpn])
        return context

    async def get_as(self, uri: str, path: str = "/", **options: Any) -> Answer:
        """Past the client's sidecar."""
        authority = options.pop("authority", None)
        return await self.get(path, port=self.port, tls=self.as_member(uri, authority=authority), **options)


def permissions(*, allow: Any = (), deny: Any = (), shadow: Any = ()) -> ir.Permissions:
    given = ((ir.Effect.DENY, deny), (ir.Effect.ALLOW, allow), (ir.Effect.SHADOW_DENY, shadow))
    return ir.Permissions(
        rules=tuple(
            ir.PermissionRule(effect=effect, caller=caller, origin=ORIGIN)
            for effect, callers in given
            for caller in callers
        )
    )


def identity(uri: str, kind: Any = "exact", **fields: Any) -> ir.Caller:
    return ir.Caller(identities=(ir.Text(kind, uri),), **fields)


def paths(*texts: tuple[str, str], **fields: Any) -> ir.Caller:
    return ir.Caller(paths=tuple(ir.Text(kind, value) for kind, value in texts), **fields)  # type: ignore[arg-type]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    folder, authority, foreign = tmp_path_factory.mktemp("mesh"), TestAuthority(), TestAuthority("foreign")
    port, http, tcp = free_port(), free_port(), free_port()
    believed = trust((TRUST_DOMAIN, authority))
    endpoints = [ir.Endpoint("127.0.0.1", port, meshed=True)]
    async with AsyncExitStack() as stack:
        application = await stack.enter_async_context(serving_echo("app"))
        server = await stack.enter_async_context(
            running_sidecar(
                folder / "server",
                authority.svid(SERVER),
                believed,
                *of_inbound(inbound(port, application.port)),
            )
        )
        client = await stack.enter_async_context(
            running_sidecar(
                folder / "client",
                authority.svid(CLIENT),
                believed,
                *mesh_cluster("shop/echo/80", endpoints, [SERVER]),
                *mesh_cluster("shop/echo/81", endpoints, [SERVER], protocol=ir.Protocol.TCP, alpn="sekisho"),
                envoy.resource(envoy.outbound_listener(outbound("shop/echo/80", http))),
                envoy.resource(
                    envoy.outbound_listener(
                        outbound("shop/echo/81", tcp, ir.TcpForward(shares=(("shop/echo/81", 1),)))
                    )
                ),
                route_table("shop/echo/80", route(forward("shop/echo/80"))),
            )
        )
        yield Pair(folder, authority, foreign, client, server, application, port, http, tcp)


async def test_http_travels_by_http2_and_the_application_learns_who_called(pair: Pair) -> None:
    await pair.serve()
    answer = await pair.get("/items?x=1", headers=[("x-sekisho-forged", "1"), ("x_kept", "1")])
    assert (answer.status, answer.json()["path"]) == (200, "/items?x=1")
    headers = answer.json()["headers"]
    assert f"URI={CLIENT}" in headers["X-Forwarded-Client-Cert"][0]
    assert headers["X_Kept"] == ["1"]
    assert "X-Sekisho-Forged" not in headers


async def test_a_destination_keeps_the_figures_that_are_promised_and_no_others(pair: Pair) -> None:
    await pair.serve()
    assert (await pair.get()).status == 200
    text = (await pair.client.envoy.admin("/stats")).body.decode()
    told = dict(re.findall(r"^cluster\.shop/echo/80\.(.*): (\d+)$", text, re.MULTILINE))
    assert told.keys() == FIGURES
    assert int(told["upstream_rq_total"]) > 0
    assert told["membership_healthy"] == "1"


async def test_nobody_can_claim_to_be_another(pair: Pair) -> None:
    await pair.serve()
    forged = ("x-forwarded-client-cert", f"URI={OTHER}")
    for headers in ([], [forged], [forged, forged]):
        past = await pair.get_as(CLIENT, headers=headers)
        for answer in (await pair.get("/", headers=headers), past):
            assert answer.json()["headers"]["X-Forwarded-Client-Cert"] == [f"URI={CLIENT}"]


async def test_who_has_no_certificate_has_no_name(pair: Pair) -> None:
    permissive = ir.MutualTls(trust_domains=(TRUST_DOMAIN,), mode=ir.MutualTlsMode.PERMISSIVE)
    for fields in ({"tls": permissive}, {"tls": None}):
        await pair.serve(permissions=permissions(allow=[ir.Caller()]), **fields)
        forged = [("x-forwarded-client-cert", f"URI={OTHER}")]
        for headers in ([], forged):
            answer = await pair.get(port=pair.port, headers=headers)
            assert answer.status == 200
            assert "X-Forwarded-Client-Cert" not in answer.json()["headers"]


@pytest.mark.parametrize("inspected", [True, False])
async def test_bytes_travel_by_tcp(pair: Pair, inspected: bool) -> None:
    await pair.serve(inspected=inspected)
    answer = await pair.get("/raw", port=pair.tcp)
    assert answer.json()["path"] == "/raw"
    assert ("X-Forwarded-Client-Cert" in answer.json()["headers"]) is inspected


async def test_websockets_pass_through_both(pair: Pair) -> None:
    await pair.serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", pair.http)
    upgrade = [("host", "a"), ("connection", "upgrade"), ("upgrade", "websocket")]
    writer.write(request_bytes("GET", "/ws", upgrade))
    assert b" 101 " in await reader.readline()
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"hello")
    assert await asyncio.wait_for(reader.readexactly(5), PATIENCE) == b"hello"
    writer.close()


async def refused(asked: Any) -> None:
    """The connection is not taken, or ended without an answer."""
    with pytest.raises((OSError, EOFError)):
        await asked


async def test_plaintext_is_refused_in_strict_mode(pair: Pair) -> None:
    await pair.serve()
    await refused(pair.get(port=pair.port))


async def test_who_is_no_member_is_refused(pair: Pair) -> None:
    await pair.serve()
    assert (await pair.get_as(OTHER)).status == 200
    await refused(pair.get_as(spiffe_id("other", domain=FOREIGN), authority=pair.foreign))
    await refused(pair.get_as(OTHER, authority=pair.foreign))
    await refused(pair.get_as(spiffe_id("other", domain=FOREIGN)))
    await refused(pair.get_as(spiffe_id("other", domain=f"{TRUST_DOMAIN}.evil.test")))
    without = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    without.check_hostname, without.verify_mode = False, ssl.CERT_NONE
    without.set_alpn_protocols(["sekisho"])
    await refused(pair.get(port=pair.port, tls=without))


async def test_a_trust_domain_is_believed_from_the_moment_its_authority_is_known(pair: Pair) -> None:
    """And no longer than that; a session of then is not taken up again."""
    both = ir.MutualTls(trust_domains=(TRUST_DOMAIN, FOREIGN))
    await pair.serve(tls=both)
    stranger = pair.as_member(spiffe_id("other", domain=FOREIGN), authority=pair.foreign)
    await refused(pair.get(port=pair.port, tls=stranger))
    await pair.server.publish(trust((TRUST_DOMAIN, pair.authority), (FOREIGN, pair.foreign)))
    assert (await pair.get(port=pair.port, tls=stranger)).status == 200
    await pair.server.publish(trust((TRUST_DOMAIN, pair.authority)))
    await refused(pair.get(port=pair.port, tls=stranger))


async def test_without_any_authority_nobody_is_believed(pair: Pair) -> None:
    await pair.serve()
    await pair.server.publish(trust())
    await refused(pair.get_as(OTHER))
    await pair.server.publish(trust((TRUST_DOMAIN, pair.authority)))
    assert (await pair.get_as(OTHER)).status == 200


async def test_no_session_is_resumed(pair: Pair) -> None:
    await pair.serve()
    context, session = pair.as_member(OTHER), None
    for _ in range(3):
        raw = await asyncio.to_thread(_session, context, pair.port, session)
        session, reused = raw
        assert not reused


def _session(context: ssl.SSLContext, port: int, session: ssl.SSLSession | None) -> tuple[Any, bool]:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, session=session) as secure,
    ):
        secure.sendall(request_bytes("GET", "/", [("host", "a")]))
        assert secure.recv(20).startswith(b"HTTP/1.1 200")
        return secure.session, bool(secure.session_reused)


@pytest.mark.parametrize("identities", [[OTHER], [], [f"{SERVER}2"], [SERVER[:-1]]])
async def test_a_server_with_another_identity_gets_nothing(pair: Pair, identities: list[str]) -> None:
    await pair.serve()
    endpoints = [ir.Endpoint("127.0.0.1", pair.port, meshed=True)]
    await pair.client.publish(*mesh_cluster("shop/echo/80", endpoints, identities))
    try:
        assert (await pair.get()).status == 503
    finally:
        await pair.client.publish(*mesh_cluster("shop/echo/80", endpoints, [SERVER]))
    assert (await pair.get()).status == 200


async def test_endpoints_without_a_sidecar_are_spoken_to_as_they_are(pair: Pair) -> None:
    mixed = [ir.Endpoint("127.0.0.1", pair.application.port)]
    await pair.client.publish(*mesh_cluster("shop/echo/81", mixed, [SERVER], alpn="sekisho"))
    try:
        assert (await pair.get("/raw", port=pair.tcp)).json()["path"] == "/raw"
    finally:
        meshed = [ir.Endpoint("127.0.0.1", pair.port, meshed=True)]
        await pair.client.publish(*mesh_cluster("shop/echo/81", meshed, [SERVER], alpn="sekisho"))


PERMISSIVE = ir.MutualTls(trust_domains=(TRUST_DOMAIN,), mode=ir.MutualTlsMode.PERMISSIVE)


@pytest.mark.parametrize("inspected", [True, False])
async def test_permissive_mode_takes_everybody_and_tells_who_is_a_member(pair: Pair, inspected: bool) -> None:
    await pair.serve(tls=PERMISSIVE, inspected=inspected)
    assert (await pair.get(port=pair.port)).status == 200
    assert (await pair.get()).status == 200
    await pair.serve(tls=PERMISSIVE, permissions=permissions(allow=[identity(CLIENT)]), inspected=inspected)
    assert (await pair.get()).status == 200
    if inspected:
        assert (await pair.get(port=pair.port)).status == 403
    else:
        await refused(pair.get(port=pair.port))


async def test_permissive_mode_passes_the_applications_own_tls_on_unread(pair: Pair) -> None:
    received = asyncio.Event()

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.read(1)) == b"\x16":
            received.set()
        writer.close()

    async with await asyncio.start_server(record, "127.0.0.1", 0) as server:
        target = server.sockets[0].getsockname()[1]
        await pair.serve(tls=PERMISSIVE, target_port=target)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await refused(pair.get(port=pair.port, tls=context))
        await asyncio.wait_for(received.wait(), PATIENCE)


ADMIN = paths(("prefix", "/admin"))
VERDICTS = [
    ([], [], "/", 403),
    ([identity(CLIENT)], [], "/", 200),
    ([identity(OTHER)], [], "/", 403),
    ([identity("spiffe://default.default.mesh.local/ns/shop", "prefix")], [], "/", 200),
    ([identity("spiffe://default.default.mesh.local/ns/sho", "prefix")], [], "/", 403),
    ([identity("spiffe://default.default.mesh.local", "prefix")], [], "/", 200),
    ([identity(CLIENT, methods=("GET",))], [], "/", 200),
    ([identity(CLIENT, methods=("POST", "PUT"))], [], "/", 403),
    ([ADMIN], [], "/admin", 200),
    ([ADMIN], [], "/admin/x?y=1", 200),
    ([ADMIN], [], "/admin?y=1", 200),
    ([ADMIN], [], "/administrator", 403),
    ([paths(("exact", "/a"), ("regex", "/b/[0-9]+"))], [], "/a?x", 200),
    ([paths(("exact", "/a"), ("regex", "/b/[0-9]+"))], [], "/a/", 403),
    ([paths(("exact", "/a"), ("regex", "/b/[0-9]+"))], [], "/b/12?x", 200),
    ([paths(("exact", "/a"), ("regex", "/b/[0-9]+"))], [], "/b/12/3", 403),
    ([ir.Caller(headers=(("x-team", ir.Text("exact", "a")),))], [], "/", 200),
    ([ir.Caller(headers=(("x-team", ir.Text("exact", "b")),))], [], "/", 403),
    ([ir.Caller(headers=(("x-team", ir.Text("present")),))], [], "/", 200),
    ([ir.Caller(headers=(("x-other", ir.Text("present")),))], [], "/", 403),
    ([ir.Caller(source_ranges=("127.0.0.0/8",))], [], "/", 200),
    ([ir.Caller(source_ranges=("10.0.0.0/8", "::/0"))], [], "/", 403),
    ([ir.Caller(server_names=("shop.echo.80.sekisho",))], [], "/", 200),
    ([ir.Caller(server_names=("another.sekisho",))], [], "/", 403),
    ([ir.Caller(claims=(("role", ir.Text("exact", "admin")),))], [], "/", 403),
    ([ir.Caller()], [identity(CLIENT)], "/", 403),
    ([ir.Caller()], [identity(OTHER)], "/", 200),
    ([ir.Caller()], [ADMIN], "/", 200),
    ([ir.Caller()], [ADMIN], "/admin", 403),
    ([ir.Caller()], [ADMIN], "//admin", 403),
    ([ir.Caller()], [ADMIN], "/./admin", 403),
    ([ir.Caller()], [ADMIN], "/x/../admin", 403),
    ([ir.Caller()], [ADMIN], "/x/%2e%2e/admin", 403),
    ([ir.Caller()], [ADMIN], "/%61dmin", 403),
    ([ir.Caller()], [ADMIN], "/%2Fadmin", 307),
    ([ir.Caller()], [ADMIN], "/x/..%2fadmin", 307),
]


@pytest.mark.parametrize(("allow", "deny", "path", "status"), VERDICTS)
async def test_permissions(pair: Pair, allow: Any, deny: Any, path: str, status: int) -> None:
    await pair.serve(permissions=permissions(allow=allow, deny=deny))
    for port in (pair.http, pair.port):
        tls = pair.as_member(CLIENT) if port == pair.port else None
        options = {"tls": tls, "server_name": "shop.echo.80.sekisho"} if tls else {}
        answer = await pair.get(path, port=port, headers=[("x-team", "a")], **options)
        assert answer.status == status


ISSUER = Issuer()
BELIEVED = ir.TokenIssuer(name="somebody", issuer=ISSUER.name, audiences=("echo",), keys=ISSUER.keys)


def presented() -> dict[str, tuple[str, int]]:
    """Tokens made now, as they live a minute only, and the answer to each."""
    return {
        "good": (ISSUER.token(aud="echo", realm={"role": "admin"}), 200),
        "good, one role of several": (
            ISSUER.token(aud=["x", "echo"], realm={"role": ["user", "admin"]}),
            200,
        ),
        "of somebody else with the same name": (Issuer().token(aud="echo", realm={"role": "admin"}), 403),
        "of another name": (Issuer("https://other").token(aud="echo", realm={"role": "admin"}), 403),
        "over": (ISSUER.token(lasts=-120, aud="echo", realm={"role": "admin"}), 403),
        "for another audience": (ISSUER.token(aud="shop", realm={"role": "admin"}), 403),
        "with another role": (ISSUER.token(aud="echo", realm={"role": "user"}), 403),
        "unsigned": ("eyJhbGciOiJub25lIn0.eyJyZWFsbSI6eyJyb2xlIjoiYWRtaW4ifX0.", 403),
        "none": ("", 403),
        "rubbish": ("rubbish", 403),
    }


async def test_claims_count_where_a_token_was_verified_and_nowhere_else(pair: Pair) -> None:
    admin = ir.Caller(claims=(("realm.role", ir.Text("exact", "admin")),))
    tokens = presented()

    async def asked(token: str, path: str = "/") -> int:
        headers = [("authorization", f"Bearer {token}")] if token else []
        return (await pair.get_as(CLIENT, path, headers=headers)).status

    async def is_told() -> bool:
        """Connections of before are told nothing, and it takes a moment until there are others."""
        return await asked(tokens["good"][0]) == 200

    await pair.allow(admin, token_issuers=(BELIEVED,))
    await eventually(is_told, what="a good token is believed")
    for path in ("/", "/a/b?c"):
        found = {which: await asked(token, path) for which, (token, _) in tokens.items()}
        assert found == {which: status for which, (_, status) in tokens.items()}

    async def is_nobody_believed() -> bool:
        return not await is_told()

    await pair.allow(admin)
    await eventually(is_nobody_believed, what="nobody is believed where nobody is named")


async def test_who_shows_no_token_is_let_in_where_no_claim_is_asked_for(pair: Pair) -> None:
    admin = ir.Caller(paths=(ir.Text("prefix", "/admin"),), claims=(("role", ir.Text("present")),))
    await pair.allow(admin, ir.Caller(paths=(ir.Text("exact", "/"),)), token_issuers=(BELIEVED,))
    assert (await pair.get("/", headers=[("authorization", "Bearer x.y.z")])).status == 200
    assert (await pair.get("/")).status == 200
    assert (await pair.get("/admin")).status == 403


async def test_nobody_says_of_himself_that_he_is_internal(pair: Pair) -> None:
    await pair.allow(ir.Caller(headers=(("x-envoy-internal", ir.Text("present")),)))
    for more in ([], [("x-forwarded-for", "10.0.0.1")], [("x-forwarded-for", "127.0.0.1")]):
        headers = [("x-envoy-internal", "true"), *more]
        assert (await pair.get_as(CLIENT, headers=headers)).status == 403


async def test_a_header_that_comes_twice_does_not_evade_a_denial(pair: Pair) -> None:
    guest = ir.Caller(headers=(("x-role", ir.Text("exact", "guest")),))
    await pair.serve(permissions=permissions(allow=[ir.Caller()], deny=[guest]))
    for roles in (["guest"], ["guest", "guest"], ["guest", "admin"], ["admin", "guest"]):
        assert (await pair.get(headers=[("x-role", role) for role in roles])).status == 403


async def test_bytes_are_refused_to_who_may_not_call(pair: Pair) -> None:
    tcp = {"inspected": False, "protocol": ir.Protocol.TCP}
    await pair.serve(permissions=permissions(allow=[identity(CLIENT)]), **tcp)
    assert (await pair.get("/raw", port=pair.tcp)).status == 200
    for allow in ([identity(OTHER)], [], [paths(("prefix", "/"))]):
        await pair.serve(permissions=permissions(allow=allow), **tcp)
        await refused(pair.get("/raw", port=pair.tcp))
    await pair.serve(permissions=permissions(allow=[ir.Caller()], deny=[identity(CLIENT)]), **tcp)
    await refused(pair.get("/raw", port=pair.tcp))


async def test_a_server_that_speaks_first_tells_nothing_to_who_may_not_call(pair: Pair) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome")

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        fields = {
            "target_port": server.sockets[0].getsockname()[1],
            "protocol": ir.Protocol.TCP,
            "inspected": False,
        }
        for account, expected in ((CLIENT, b"welcome"), (OTHER, b"")):
            await pair.serve(permissions=permissions(allow=[identity(CLIENT)]), **fields)
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", pair.port, ssl=pair.as_member(account), server_hostname="a"
            )
            assert await _first_bytes(reader, 7, within=PATIENCE if expected else 1) == expected
            writer.close()


async def test_permissive_mode_lets_servers_speak_first_to_callers_without_tls(pair: Pair) -> None:
    """Where all of them are let in; else they hear nothing before they are judged."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome")

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        fields = {
            "target_port": server.sockets[0].getsockname()[1],
            "protocol": ir.Protocol.TCP,
            "inspected": False,
            "tls": PERMISSIVE,
        }
        denied = [ir.Caller(source_ranges=("127.0.0.0/8",))]
        for deny, expected in (([], b"welcome"), (denied, b"")):
            await pair.serve(permissions=permissions(allow=[ir.Caller()], deny=deny), **fields)
            reader, writer = await asyncio.open_connection("127.0.0.1", pair.port)
            assert await asyncio.wait_for(reader.read(7), PATIENCE) == expected
            writer.close()


async def _first_bytes(reader: asyncio.StreamReader, count: int, *, within: float) -> bytes:
    """What comes within so many seconds, or before the end."""
    try:
        return await asyncio.wait_for(reader.read(count), within)
    except (OSError, TimeoutError):
        return b""


async def test_a_shadow_denial_lets_in_and_counts(pair: Pair) -> None:
    await pair.serve(permissions=permissions(shadow=[identity(CLIENT)]))
    assert (await pair.get()).status == 200
    stats = (await pair.server.envoy.admin("/stats?filter=shadow_denied")).body.decode()
    assert stats.partition(": ")[2].strip() not in {"", "0"}


def for_client(value: Any, otherwise: Any = None) -> tuple[ir.Conditional[Any], ...]:
    chosen = ir.Conditional(caller=identity(CLIENT), value=value, origin=ORIGIN)
    rest = () if otherwise is None else (ir.Conditional(caller=None, value=otherwise, origin=ORIGIN),)
    return (chosen, *rest)


async def test_a_limit_on_requests_is_the_callers_own(pair: Pair) -> None:
    once = ir.RateLimit(tokens=1, interval_ms=600_000, status=503, set_headers=(("x-limited", "yes"),))
    thrice = ir.RateLimit(tokens=3, interval_ms=600_000)
    await pair.serve(rate_limits=for_client(once, thrice))
    limited = [await pair.get_as(CLIENT) for _ in range(3)]
    assert [answer.status for answer in limited] == [200, 503, 503]
    assert limited[2].header("x-limited") == "yes"
    assert [(await pair.get_as(OTHER)).status for _ in range(5)] == [200, 200, 200, 429, 429]


async def test_a_limit_on_requests_may_be_for_everybody(pair: Pair) -> None:
    twice = ir.RateLimit(tokens=2, interval_ms=600_000)
    await pair.serve(rate_limits=(ir.Conditional(caller=None, value=twice, origin=ORIGIN),))
    statuses = [(await pair.get_as(CLIENT)).status for _ in range(2)] + [(await pair.get_as(OTHER)).status]
    assert statuses == [200, 200, 429]


async def test_a_limit_on_connections_closes_those_beyond_it(pair: Pair) -> None:
    await pair.serve(connection_rate=ir.RateLimit(tokens=2, interval_ms=600_000), inspected=False)
    assert [(await pair.get_as(OTHER)).status for _ in range(2)] == [200, 200]
    await refused(pair.get_as(OTHER))


async def test_faults_are_for_whom_they_are_meant(pair: Pair) -> None:
    broken = (ir.Fault(abort_status=418, abort_millionths=1_000_000),)
    await pair.serve(faults=for_client(broken))
    assert (await pair.get_as(CLIENT)).status == 418
    assert (await pair.get_as(OTHER)).status == 200


async def test_of_several_faults_each_strikes(pair: Pair) -> None:
    slow = ir.Fault(delay_ms=150, delay_millionths=1_000_000)
    broken = ir.Fault(abort_status=418, abort_millionths=1_000_000)
    await pair.serve(faults=(ir.Conditional(caller=None, value=(slow, broken), origin=ORIGIN),))
    began = time.monotonic()
    assert (await pair.get_as(CLIENT)).status == 418
    assert time.monotonic() - began >= 0.15


async def test_times_are_the_callers_own(pair: Pair) -> None:
    await pair.serve(times=for_client(ir.Times(request=100), ir.Times(request=5000)))
    assert (await pair.get_as(CLIENT, "/?delay=0.4s")).status == 504
    assert (await pair.get_as(OTHER, "/?delay=0.4s")).status == 200


async def test_logs_are_written_for_whom_they_are_meant_refused_or_not(pair: Pair) -> None:
    path = pair.folder / "access.log"
    log = (ir.FileLog(path=str(path), format=ir.LogFormat(text="%REQ(:PATH)% %RESPONSE_CODE%")),)
    everything = permissions(allow=[ir.Caller()], deny=[paths(("exact", "/no"))])
    await pair.serve(access_logs=for_client(log), permissions=everything)
    await pair.get_as(OTHER, "/other")
    assert [(await pair.get_as(CLIENT, one)).status for one in ("/yes", "/no")] == [200, 403]

    async def written() -> bool:
        return path.exists() and "/no" in path.read_text()

    await eventually(written, what="the log is written")
    assert path.read_text().splitlines() == ["/yes 200", "/no 403"]
