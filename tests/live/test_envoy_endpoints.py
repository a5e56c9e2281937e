"""Which endpoints a sidecar calls when some of them fail: ejected, found ill, far away, or weighed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
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

pytestmark = pytest.mark.live

NAME = "shop/echo/80"
CHECK = ir.HealthCheck(
    kind="http", interval_ms=100, no_traffic_interval_ms=100, unhealthy_threshold=1, path="/healthz"
)
NEVER_PANIC = {"panic_percent": 0}


class Server:
    """An endpoint that answers everything with its `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.port = 0
        self.requests = 0
        """Without those that ask how it is."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests += b"/healthz" not in head
                writer.write(f"HTTP/1.1 {self.status} .\r\ncontent-length: 0\r\n\r\n".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class Caller:
    """A workload whose sidecar knows two endpoints of one Service."""

    def __init__(self, port: int, sidecar: Sidecar, servers: Sequence[Server]) -> None:
        self.port, self.sidecar, self.servers = port, sidecar, servers

    async def call(self, times: int) -> Counter[int]:
        """Statuses of the answers."""
        for server in self.servers:
            server.requests = 0
        return Counter([(await fetch(self.port, "echo.test", "/")).status for _ in range(times)])

    async def only_calls(self, server: Server, times: int = 10) -> bool:
        statuses = await self.call(times)
        return statuses == {200: times} and server.requests == times


@asynccontextmanager
async def calling(
    folder: Path,
    first: dict[str, Any],
    second: dict[str, Any],
    *,
    overprovisioning: int | None = None,
    **fields: Any,
) -> AsyncIterator[Caller]:
    """`first` and `second` are fields of the endpoints, `fields` of the cluster."""
    authority, port, servers = TestAuthority(), free_port(), (Server(), Server())
    async with AsyncExitStack() as stack:
        for server in servers:
            listening = await stack.enter_async_context(
                await asyncio.start_server(server.serve, "127.0.0.1", 0)
            )
            server.port = listening.sockets[0].getsockname()[1]
        places = zip(servers, (first, second), strict=True)
        endpoints = ir.Endpoints(
            cluster=NAME,
            endpoints=tuple(ir.Endpoint("127.0.0.1", server.port, **place) for server, place in places),
            overprovisioning_percent=overprovisioning,
            origin=ORIGIN,
        )
        sidecar = await stack.enter_async_context(
            running_sidecar(
                folder,
                authority.svid(spiffe_id("client")),
                trust((TRUST_DOMAIN, authority)),
                envoy.resource(envoy.cluster(ir.Cluster(name=NAME, origin=ORIGIN, **fields))),
                envoy.resource(envoy.cluster_load_assignment(endpoints)),
                envoy.resource(envoy.outbound_listener(outbound(NAME, port))),
                route_table(NAME, route(forward(NAME))),
            )
        )
        yield Caller(port, sidecar, servers)


async def test_an_endpoint_that_fails_again_and_again_is_left_out_for_a_while(tmp_path: Path) -> None:
    outliers = ir.Outliers(
        interval_ms=50, base_ejection_ms=1000, max_ejection_percent=50, consecutive_failures=3
    )
    async with calling(tmp_path, {}, {}, outliers=outliers) as caller:
        ill, well = caller.servers
        ill.status = 500
        assert (await caller.call(20))[500] >= 3

        async def ejected() -> bool:
            return await caller.only_calls(well)

        await eventually(ejected, what="only the other one is called")
        ill.status = 200

        async def back() -> bool:
            await caller.call(10)
            return ill.requests > 0

        await eventually(back, what="it is called again")


async def test_an_endpoint_that_says_it_is_ill_is_not_called_until_it_is_well(tmp_path: Path) -> None:
    balancing = ir.Balancing(**NEVER_PANIC)
    async with calling(tmp_path, {}, {}, health_checks=(CHECK,), balancing=balancing) as caller:
        first, second = caller.servers
        first.status = 503

        async def left_out() -> bool:
            return await caller.only_calls(second)

        await eventually(left_out, what="only the healthy one is called")
        first.status, second.status = 200, 503

        async def changed() -> bool:
            return await caller.only_calls(first)

        await eventually(changed, what="only the other one is called")
        first.status = 503

        async def nobody() -> bool:
            return await caller.call(5) == {503: 5} and not first.requests + second.requests

        await eventually(nobody, what="nobody is called, as nobody is well")


async def test_those_far_away_are_called_when_those_nearby_are_ill(tmp_path: Path) -> None:
    near, far = {"zone": "a"}, {"zone": "b", "priority": 1}
    async with calling(
        tmp_path, near, far, health_checks=(CHECK,), balancing=ir.Balancing(**NEVER_PANIC)
    ) as caller:
        nearby, away = caller.servers

        async def at_home() -> bool:
            return await caller.only_calls(nearby)

        await eventually(at_home, what="those nearby are called")
        nearby.status = 503

        async def abroad() -> bool:
            return await caller.only_calls(away)

        await eventually(abroad, what="those far away are called")
        nearby.status = 200
        await eventually(at_home, what="those nearby are called again")


async def test_localities_are_called_by_their_weight_while_they_are_well(tmp_path: Path) -> None:
    heavy, light = {"zone": "a", "locality_weight": 9}, {"zone": "b", "locality_weight": 1}
    balancing = ir.Balancing(weighted_localities=True, **NEVER_PANIC)
    async with calling(tmp_path, heavy, light, health_checks=(CHECK,), balancing=balancing) as caller:
        much, little = caller.servers

        async def shared() -> bool:
            statuses = await caller.call(100)
            return statuses == {200: 100} and 80 <= much.requests <= 97 and little.requests >= 3

        await eventually(shared, what="nine of ten go to the heavy one")
        much.status = 503

        async def moved() -> bool:
            return await caller.only_calls(little)

        await eventually(moved, what="all go to the light one")
