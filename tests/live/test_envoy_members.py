"""A cluster over services of several zones: each by its own server name and identity, near ones first."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.kit.gateway import forward, route
from tests.kit.http import fetch
from tests.kit.pki import TestAuthority
from tests.kit.ports import free_port
from tests.kit.sidecar import (
    ORIGIN,
    TRUST_DOMAIN,
    Sidecar,
    outbound,
    route_table,
    running_sidecar,
    spiffe_id,
    trust,
)
from tests.kit.wait import eventually

from sekisho import envoy, ir
from sekisho.ir.transport import ALPN_TCP
from sekisho.policies.retry import across_zones
from sekisho.translate.mesh.multizone_way import CONNECT_MILLISECONDS
from sekisho.translate.zone.clusters import BALANCING, LIMITS, OUTLIERS, PING, PROBE

pytestmark = pytest.mark.live

NAME = "multizone/shop/catalog/80"
ZONES = ("azure", "gcp", "aws")
"""The first one is the caller's own."""
PLAIN = b"HTTP/1.1 200 .\r\ncontent-length: 0\r\n\r\n"


class Member:
    """What answers for the service of one zone, at an address of its own. It takes its own server name and
    shows its own certificate."""

    def __init__(self, zone: str, authority: TestAuthority, folder: Path) -> None:
        self.zone = zone
        self.domain = f"default.{zone}.mesh.local"
        self.authority = authority
        self.server_name = f"80.catalog.shop.{zone}.default.sekisho"
        self.identity = spiffe_id("catalog", domain=self.domain)
        self.port = free_port()
        self.requests = 0
        self.connections: list[asyncio.StreamWriter] = []
        self.names: Counter[str | None] = Counter()
        """Server names that were asked for."""
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(*authority.svid(self.identity).write(folder, zone))
        self._context.set_alpn_protocols([ALPN_TCP])
        self._context.sni_callback = self._asked
        self._server: asyncio.Server | None = None

    def _asked(self, _: object, name: str | None, __: object) -> int | None:
        self.names[name] += 1
        return None if name == self.server_name else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._context)

    async def stop(self) -> None:
        """Nobody listens any more, and what was under way ends."""
        if self._server is not None:
            self._server.close()
            for writer in self.connections:
                writer.transport.abort()
            self.connections.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                writer.write(PLAIN)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def endpoint(self, priority: int, weight: int = 1) -> ir.Endpoint:
        near = self.zone == ZONES[0]
        return ir.Endpoint(
            "127.0.0.1", self.port, self.zone, weight, meshed=True, priority=priority,
            member=self.zone, probed=not near,
        )  # fmt: skip

    @property
    def transport(self) -> ir.MeshTransport:
        return ir.MeshTransport(server_name=self.server_name, identities=(self.identity,), alpn=ALPN_TCP)


class Caller:
    """A workload whose sidecar knows the service in all zones."""

    def __init__(self, port: int, sidecar: Sidecar, members: Sequence[Member]) -> None:
        self.port, self.sidecar, self.members = port, sidecar, members

    async def call(self, times: int) -> Counter[int]:
        """Statuses of the answers."""
        for member in self.members:
            member.requests = 0
        return Counter([(await fetch(self.port, "catalog.test", "/")).status for _ in range(times)])

    async def only_calls(self, member: Member, times: int = 10) -> bool:
        return await self.call(times) == {200: times} and member.requests == times

    async def publish(self, *endpoints: ir.Endpoint) -> None:
        await self.sidecar.publish(assignment(*endpoints))


def assignment(*endpoints: ir.Endpoint) -> envoy.Resource:
    found = ir.Endpoints(
        cluster=NAME, endpoints=tuple(sorted(endpoints)), overprovisioning_percent=200, origin=ORIGIN
    )
    return envoy.resource(envoy.cluster_load_assignment(found))


def cluster(members: Sequence[Member], written: ir.Endpoints | None = None) -> envoy.Resource:
    """As the control plane makes it."""
    ways = tuple(sorted((member.zone, member.transport) for member in members))
    wanted = ir.Cluster(
        name=NAME, transport=ir.MembersTransport(members=ways, alpn=ALPN_TCP), balancing=BALANCING,
        outliers=OUTLIERS, health_checks=(PROBE,), connect_timeout_ms=CONNECT_MILLISECONDS, ping=PING,
        limits=LIMITS, told_at_once=True, written_endpoints=written, origin=ORIGIN,
    )  # fmt: skip
    return envoy.resource(envoy.cluster(wanted))


@asynccontextmanager
async def calling(folder: Path, *, known: Sequence[str] = ZONES) -> AsyncIterator[Caller]:
    """`known`: zones whose members the cluster has."""
    own, port = TestAuthority(), free_port()
    members = [Member(zone, TestAuthority(zone), folder) for zone in ZONES]
    retrying = across_zones(forward(NAME), is_decided=False, several=True)
    believed = [(TRUST_DOMAIN, own), *((member.domain, member.authority) for member in members)]
    async with AsyncExitStack() as stack:
        for member in members:
            await member.start()
            stack.push_async_callback(member.stop)
        sidecar = await stack.enter_async_context(
            running_sidecar(
                folder,
                own.svid(spiffe_id("client")),
                trust(*believed),
                cluster([member for member in members if member.zone in known]),
                assignment(*(member.endpoint(min(index, 1)) for index, member in enumerate(members))),
                envoy.resource(envoy.outbound_listener(outbound(NAME, port))),
                route_table(NAME, route(retrying)),
            )
        )
        yield Caller(port, sidecar, members)


async def test_each_member_is_called_by_its_own_name_and_believed_by_its_own_identity(tmp_path: Path) -> None:
    async with calling(tmp_path) as caller:
        for member in caller.members:
            await caller.publish(member.endpoint(0))
            assert await caller.only_calls(member)
            assert set(member.names) == {member.server_name}


async def test_a_member_that_shows_the_identity_of_another_one_gets_nothing(tmp_path: Path) -> None:
    async with calling(tmp_path) as caller:
        near, far, _ = caller.members
        near.identity = far.identity
        await caller.sidecar.publish(cluster(caller.members), assignment(near.endpoint(0)))
        assert await caller.call(3) == {503: 3}
        assert near.requests == 0


async def test_an_endpoint_of_a_member_that_is_not_known_is_not_spoken_to(tmp_path: Path) -> None:
    """Its cluster comes first, but were it late: neither in plain text nor by somebody else's name."""
    async with calling(tmp_path, known=ZONES[:1]) as caller:
        _, far, _ = caller.members
        await caller.publish(far.endpoint(0))
        assert await caller.call(3) == {503: 3}
        assert far.requests == 0
        assert far.server_name not in far.names


async def test_others_take_over_without_a_failure_and_give_back(tmp_path: Path) -> None:
    async with calling(tmp_path) as caller:
        near, *far = caller.members

        async def at_home() -> bool:
            return await caller.only_calls(near)

        async def elsewhere() -> bool:
            statuses = await caller.call(20)
            assert statuses == {200: 20}
            return near.requests == 0 and sum(member.requests for member in far) == 20

        await eventually(at_home, what="those nearby are called")
        await near.stop()
        await eventually(elsewhere, what="others are called")
        await near.start()
        await eventually(at_home, what="those nearby are called again")


async def test_members_whose_place_is_a_name_are_looked_up(tmp_path: Path) -> None:
    async with calling(tmp_path) as caller:
        near, far, _ = caller.members

        async def written(*endpoints: ir.Endpoint) -> None:
            found = ir.Endpoints(cluster=NAME, endpoints=tuple(sorted(endpoints)), origin=ORIGIN)
            await caller.sidecar.publish(cluster(caller.members, found))

        named = replace(far.endpoint(1), address="localhost")
        await written(named)
        await eventually(lambda: caller.only_calls(far), what="the one with a name is called")
        await written(near.endpoint(0), named)
        await eventually(lambda: caller.only_calls(near), what="the one nearby is called")
        await near.stop()
        await eventually(lambda: caller.only_calls(far), what="the one with a name is called again")


@pytest.mark.parametrize("dying", [1, 2])
async def test_instances_nearby_that_die_cost_no_call_even_if_others_have_just_come(
    tmp_path: Path, dying: int
) -> None:
    """Envoy gathers news of endpoints for a second, unless told otherwise: whoever dies after one that came
    would be called all that time, and who came would not be known to be well."""
    async with calling(tmp_path) as caller:
        near, other, far = caller.members
        nearby = (near.endpoint(0), replace(other.endpoint(0), probed=False))
        await caller.publish(*nearby)
        await caller.publish(*nearby, far.endpoint(1))
        await eventually(lambda: _is_well(caller, far), what="the other zone is known to be well")
        for member in (near, other)[:dying]:
            await member.stop()
        found = await asyncio.gather(*(caller.call(15) for _ in range(6)))
        assert sum(found, Counter()) == {200: 90}
        assert await _connections_failed(caller) < 10 * dying


async def _is_well(caller: Caller, member: Member) -> bool:
    flags = f"{NAME}::127.0.0.1:{member.port}::health_flags::healthy"
    return flags in (await caller.sidecar.envoy.admin("/clusters")).body.decode()


async def _connections_failed(caller: Caller) -> int:
    lines = (await caller.sidecar.envoy.admin("/clusters")).body.decode().splitlines()
    return sum(int(line.rpartition("::")[2]) for line in lines if NAME in line and "cx_connect_fail" in line)


async def test_zones_of_one_step_share_by_their_weight(tmp_path: Path) -> None:
    async with calling(tmp_path) as caller:
        _, much, little = caller.members
        await caller.publish(much.endpoint(0, 9), little.endpoint(0, 1))

        async def shared() -> bool:
            statuses = await caller.call(100)
            return statuses == {200: 100} and 75 <= much.requests <= 98 and little.requests >= 2

        await eventually(shared, what="nine of ten go to the heavy one")


async def test_without_endpoints_nearby_others_are_called_at_once_and_back_again(tmp_path: Path) -> None:
    async with calling(tmp_path) as caller:
        near, far, _ = caller.members
        for _ in range(3):
            await caller.publish(far.endpoint(1))
            assert await caller.only_calls(far)
            await caller.publish(near.endpoint(0), far.endpoint(1))
            assert await caller.only_calls(near)
