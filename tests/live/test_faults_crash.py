"""kill -9 of each process: no acknowledged write is lost, and proxies serve through it."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio
from tests.kit.echo import Echo, serving_echo
from tests.kit.load import under_load
from tests.kit.objects import endpoint_slice, http_listener, route, service
from tests.kit.ports import free_port
from tests.kit.system import System, gateway, promised, running_system

from sekisho.client import ApiError, Selection, Unreachable

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1800)]

ROUNDS = int(os.environ.get("SEKISHO_CRASH_ROUNDS", "2"))
"""Of kill -9 of the control plane under writes; 20 is the promise, for when there is time."""
WRITES = 1_000
WRITERS = 8
HOST = "shop.test"
_NEITHER_TAKEN_NOR_REFUSED = (Unreachable, ApiError)


class Writers:
    """Several clients that write as fast as they may, and remember what was acknowledged."""

    def __init__(self, system: System, turn: int) -> None:
        self._client = system.client
        self._numbers = iter(range(WRITES))
        self._turn = turn
        self.acknowledged: dict[str, str] = {}
        """Name → data of the last acknowledged write."""
        self.attempted: dict[str, set[str]] = {}
        """Name → data of every write that may have happened."""

    async def write(self, enough: int) -> None:
        """Returns after so many acknowledgements; the writers go on until the server is gone."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(self._work())
            while len(self.acknowledged) < enough:
                await asyncio.sleep(0.001)
            await self.kill()

    async def kill(self) -> None:
        """Replaced by the test."""

    async def _work(self) -> None:
        for number in self._numbers:
            name = f"w{self._turn}-{number}"
            try:
                for data in ("first", "second") if number % 3 == 0 else ("first",):
                    await self._put(name, data)
            except _NEITHER_TAKEN_NOR_REFUSED:
                return

    async def _put(self, name: str, data: str) -> None:
        self.attempted.setdefault(name, set()).add(data)
        body = config_map(name, data)
        await (self._client.create(body) if data == "first" else self._client.update(body))
        self.acknowledged[name] = data


def config_map(name: str, data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"is": data}}


async def stored(system: System) -> dict[str, str]:
    listing = await system.client.list("configmaps", Selection(namespace="shop"))
    return {item["metadata"]["name"]: item["data"]["is"] for item in listing.items}


async def test_no_acknowledged_write_is_lost_when_the_control_plane_is_killed() -> None:
    acknowledged: dict[str, str] = {}
    attempted: dict[str, set[str]] = {}
    starts = []
    chance = random.Random(20)
    async with running_system(agent=False) as system:
        for turn in range(ROUNDS):
            writers = Writers(system, turn)
            writers.kill = lambda: system.kill("control plane")  # type: ignore[method-assign]
            await writers.write(chance.randrange(20, WRITES // 2))
            acknowledged |= writers.acknowledged
            attempted |= writers.attempted
            starts.append(await system.start_control_plane())
            found = await stored(system)
            lost = {name: data for name, data in acknowledged.items() if name not in found}
            assert not lost
            for name, data in found.items():
                assert data in attempted[name]
                assert (data, acknowledged.get(name)) != ("first", "second")
        assert min(starts) < promised(3)
        await system.apply(config_map("after", "all"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop() -> AsyncIterator[tuple[System, int, Echo]]:
    """A route to a backend that answers through a gateway, with the port of the gateway."""
    port = free_port()
    async with running_system() as system, serving_echo("one") as echo:
        await system.apply(
            gateway(http_listener(port=port)), service("cart"),
            endpoint_slice("cart", "127.0.0.1", port=echo.port), route("cart", HOST),
        )  # fmt: skip
        await system.answers(port, HOST)
        await system.in_sync()
        yield system, port, echo


async def kill_envoy(system: System) -> None:
    [envoy] = system.envoys()
    envoy.kill()

    async def gone() -> bool:
        return not envoy.is_running() or envoy.pid not in {one.pid for one in system.envoys()}

    await system.until(gone, "Envoy is gone")


async def test_a_killed_envoy_serves_again_within_two_seconds(shop: tuple[System, int, Echo]) -> None:
    system, port, _ = shop
    for _ in range(2):
        await kill_envoy(system)
        assert await system.answers(port, HOST) < promised(2)
    await system.in_sync()


async def test_without_control_plane_a_killed_envoy_serves_its_last_known_good_within_five_seconds(
    shop: tuple[System, int, Echo],
) -> None:
    system, port, _ = shop
    await system.kill("control plane")
    try:
        await system.answers(port, HOST)
        await kill_envoy(system)
        assert await system.answers(port, HOST) < promised(5)
    finally:
        await system.start_control_plane()
    await system.in_sync()
    await system.apply(route("cart", "moved.test"))
    await system.answers(port, "moved.test")
    await system.apply(route("cart", HOST))
    await system.answers(port, HOST)


async def test_envoy_serves_through_the_death_of_its_agent_and_the_next_one_adopts_it(
    shop: tuple[System, int, Echo],
) -> None:
    system, port, _ = shop
    [before] = system.envoys()
    async with under_load(port, HOST) as load:
        await system.kill("agent")
        before_start = load.answered

        async def serves() -> bool:
            return load.answered > before_start + 50

        await system.until(serves, "requests are answered without an agent")
        await system.start_agent()
        await system.in_sync()
        await system.apply(route("late", "late.test"))
        await system.answers(port, "late.test")
    assert load.failures == []
    assert [one.pid for one in system.envoys()] == [before.pid]
    with suppress(ApiError):
        await system.client.delete("HTTPRoute", "late", "shop")
