"""The Service of a Gateway: made, kept, and taken away; other people's are left alone."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.kit.objects import gateway, gateway_class, manifest, write
from tests.unit.control.test_loop import WEB, running

from sekisho.model.names import ResourceId
from sekisho.store.protocol import NotFound, Store, Write

SERVICE = ResourceId("Service", "shop", "gateway-web")


async def service(store: Store, holds: Callable[[Any], Any]) -> Any:
    """The Service (None when there is none) as soon as `holds` says yes to it."""
    async with asyncio.timeout(60):
        while True:
            try:
                found = json.loads((await store.get(SERVICE)).body)
            except NotFound:
                found = None
            if holds(found):
                return found
            await asyncio.sleep(0.005)


def world(**infrastructure: Any) -> list[Write]:
    web = gateway()
    web["spec"]["infrastructure"] = infrastructure
    return [write("create", one) for one in (manifest("Namespace", "shop"), gateway_class(), web)]


async def test_a_gateway_gets_a_service_with_its_labels_and_annotations() -> None:
    async with running() as (store, _):
        await store.write(world(labels={"team": "shop"}, annotations={"cost": "42"}))
        found = await service(store, bool)
        assert found["metadata"]["labels"] == {
            "team": "shop",
            "gateway.networking.k8s.io/gateway-name": "web",
        }
        assert found["metadata"]["annotations"] == {"cost": "42"}
        assert [port["port"] for port in found["spec"]["ports"]] == [8080]


async def test_it_follows_its_gateway_and_goes_with_it() -> None:
    async with running() as (store, _):
        await store.write(world())
        await service(store, bool)
        await store.write([write("update", gateway(port=9090))])
        await service(store, lambda found: found["spec"]["ports"][0]["port"] == 9090)
        await store.write([Write("delete", WEB)])
        await service(store, lambda found: found is None)


async def test_a_service_of_that_name_that_is_not_the_gateways_is_left_alone() -> None:
    async with running() as (store, loop):
        mine = manifest("Service", "gateway-web", spec={"ports": [{"port": 1}]})
        await store.write([write("create", mine), *world()])
        async with asyncio.timeout(60):
            while not loop.statuses.written:
                await asyncio.sleep(0.005)
        await store.write([Write("delete", WEB)])
        async with asyncio.timeout(60):
            while loop.publisher.published:
                await asyncio.sleep(0.005)
        assert (await service(store, bool))["spec"]["ports"][0]["port"] == 1
