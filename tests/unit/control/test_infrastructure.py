"""The Service of a Gateway, the Gateway of an IngressClass: made, kept and taken away; no others are."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tests.kit.objects import gateway, gateway_class, manifest, write
from tests.unit.control.test_loop import WEB, running

from sekisho.aio.clock import SystemClock
from sekisho.control.infrastructure import Infrastructure
from sekisho.model.names import ResourceId
from sekisho.store.memory import open_memory
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


BY_CLASS = ResourceId("IngressClass", "", "sekisho")
MADE = ResourceId("Gateway", "sekisho-system", "ingress-sekisho")


def wanted(*, uid: str = "1", port: int = 80) -> dict[str, Any]:
    """The Gateway of an IngressClass."""
    made = gateway(MADE.name, port=port)
    owner = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "name": "sekisho", "uid": uid}
    labels = {"sekisho.dev/ingress-class": "sekisho"}
    about = {"name": MADE.name, "namespace": MADE.namespace, "labels": labels, "ownerReferences": [owner]}
    return {**made, "metadata": about}


@asynccontextmanager
async def keeping(store: Store, document: Any = None) -> AsyncIterator[Infrastructure]:
    found = Infrastructure(store, SystemClock())
    if document is not None:
        found.want(BY_CLASS, document)
    task = asyncio.ensure_future(found.run())
    yield found
    task.cancel()
    await asyncio.wait([task])


async def until_it_is(store: Store, port: int | None) -> None:
    """The port of the Gateway that was made; None: there is none."""
    async with asyncio.timeout(60):
        while True:
            records = (await store.list(["Gateway"])).records
            ports = [json.loads(one.body)["spec"]["listeners"][0]["port"] for one in records]
            if ports == ([] if port is None else [port]):
                return
            await asyncio.sleep(0.005)


async def test_it_goes_although_somebody_writes_to_it_meanwhile() -> None:
    """A status of it, say."""
    async with open_memory() as store, keeping(WrittenToMeanwhile(store), wanted()) as kept:
        await until_it_is(store, 80)
        kept.want(BY_CLASS, None)
        await until_it_is(store, None)


class WrittenToMeanwhile:
    """A store in which each resource moves between the look that precedes its first deletion, and that."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._moved: set[ResourceId] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(self, writes: Sequence[Write]) -> Any:
        for one in writes:
            if one.verb == "delete" and one.id not in self._moved:
                self._moved.add(one.id)
                await self._store.write([write("update", wanted(port=81))])
        return await self._store.write(writes)


async def test_what_an_earlier_run_made_goes_when_it_is_not_wanted_any_more() -> None:
    """The control plane died between the deletion of an Ingress and that of its Gateway."""
    async with open_memory() as store:
        mine = gateway("mine", port=90)
        mine["metadata"]["namespace"] = MADE.namespace
        await store.write([write("create", wanted()), write("create", mine)])
        async with keeping(store):
            await until_it_is(store, 90)


async def test_it_follows_an_owner_that_was_deleted_and_made_again() -> None:
    async with open_memory() as store, keeping(store, wanted()) as kept:
        await until_it_is(store, 80)
        kept.want(BY_CLASS, wanted(uid="2", port=81))
        await until_it_is(store, 81)
