"""Views of Worlds on demand: what is common to all their proxies, and what each asks for."""

from typing import Any

import pytest
from tests.unit.control.test_explain_from import ask, rows
from tests.unit.control.test_loop import running, until
from tests.unit.control.test_mesh import put, write
from tests.unit.translate.mesh.mesh import application, member, mesh, permission, shop
from tests.unit.translate.world import NAMESPACE

from sekisho.client.reviews import ConfigDumpSpec
from sekisho.control.config_dump import config_dump
from sekisho.control.loop import ControlLoop
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Store, Write
from sekisho.xds.types import CLUSTER, ENDPOINTS, HOSTNAME, LISTENER, ROUTES, Name
from sekisho.xds.view import View

CALLER = ResourceId("Workload", NAMESPACE, "web-1")
NEEDED = Name(CLUSTER, "shop/cart/80"), Name(ENDPOINTS, "shop/cart/80")
"""To call the Service, besides what is known of it."""
KNOWN = (
    Name(LISTENER, "outbound/shop/cart/80"),
    Name(HOSTNAME, "cart.shop.svc.mesh.local"),
)


def caller(*reachable: dict[str, Any]) -> dict[str, Any]:
    return member("web-1", "web", "10.0.0.1", sidecar={"capture": "Redirect", "reachable": [*reachable]})


async def views(store: Store, loop: ControlLoop, *reachable: dict[str, Any]) -> tuple[View, View, View]:
    """Of the caller: what is common, what is fetched, and its own."""
    await put(
        store,
        mesh(onDemand=True), permission("all", {}), caller(*reachable),
        application("cart", "241.0.0.2"), member("cart-1", "cart", "10.0.0.2"),
    )  # fmt: skip
    await until(lambda: loop.views_of(CALLER) and loop.views_of(CALLER)[0].get(KNOWN[0]))
    common, fetched, own = loop.views_of(CALLER)
    return common, fetched, own


async def test_names_and_listeners_are_common_and_the_ways_are_fetched() -> None:
    async with running() as (store, loop):
        common, fetched, _ = await views(store, loop)
        assert fetched.by_name
        assert not common.by_name
        assert all(common.get(name) and not fetched.get(name) for name in KNOWN)
        assert all(fetched.get(name) and not common.get(name) for name in NEEDED)
        assert loop.publisher.shared_views >= 2


async def test_what_is_named_is_common() -> None:
    async with running() as (store, loop):
        common, fetched, _ = await views(store, loop, {"name": "cart"})
        assert all(common.get(name) and not fetched.get(name) for name in NEEDED)


async def test_what_becomes_named_is_told_without_asking_and_can_still_be_asked_for() -> None:
    async with running() as (store, loop):
        common, fetched, _ = await views(store, loop, {"labels": {"team": "blue"}})
        labelled = application("cart", "241.0.0.2")
        labelled["metadata"]["labels"] = {"team": "blue"}
        await store.write([write(labelled, "update")])
        await until(lambda: common.get(NEEDED[0]))
        assert all(common.get(name) and fetched.get(name) for name in NEEDED)
        await store.write([write(application("cart", "241.0.0.2"), "update")])
        await store.write([write(member("cart-2", "cart", "10.0.0.9"), "create")])
        before = fetched.get(NEEDED[1])
        await until(lambda: fetched.get(NEEDED[1]) != before)
        assert common.get(NEEDED[1]) == fetched.get(NEEDED[1]), "who has it is told of it on both ways"


async def test_what_nobody_may_call_any_more_goes_from_both() -> None:
    async with running() as (store, loop):
        common, fetched, _ = await views(store, loop)
        await store.write([Write("delete", ResourceId("Service", NAMESPACE, "cart"))])
        await until(lambda: not common.get(KNOWN[0]))
        assert not any(view.get(name) for view in (common, fetched) for name in (*KNOWN, *NEEDED))


async def test_a_world_that_nobody_sees_goes_with_what_could_be_fetched() -> None:
    async with running() as (store, loop):
        _, fetched, _ = await views(store, loop)
        await store.write(
            [Write("delete", CALLER), Write("delete", ResourceId("Workload", NAMESPACE, "cart-1"))]
        )
        await until(lambda: loop.publisher.shared_views == 0)
        assert loop.publisher.key(fetched) is None
        await until(lambda: loop.publisher.published == 0)


@pytest.mark.parametrize(("named", "told"), [([], ["shop/cart/80"]), ([{"name": "cart"}], [])])
def test_explain_tells_that_the_way_is_fetched(named: list[dict[str, Any]], told: list[str]) -> None:
    found = ask(shop(mesh(onDemand=True), caller(*named)), "http://cart.shop.svc.mesh.local/")
    assert [name for what, name, _ in rows(found) if what == "on demand"] == told
    assert found.outcome.startswith("forwarded")


async def test_a_dump_shows_what_could_be_fetched_too() -> None:
    async with running() as (store, loop):
        await views(store, loop)
        told = config_dump(loop.engine, loop.publisher.worlds, ConfigDumpSpec(workload="shop/web-1"))
        assert ("cluster", "shop/cart/80") in {(one.type, one.name) for one in told.resources}


async def test_routes_are_common() -> None:
    async with running() as (store, loop):
        http = application("cart", "241.0.0.2", port={"appProtocol": "http"})
        _, fetched, _ = await views(store, loop)
        await store.write([write(mesh(onDemand=True, inspection="Always"), "update"), write(http, "update")])
        name = Name(ROUTES, "outbound/shop/cart/80")
        await until(lambda: loop.views_of(CALLER)[0].get(name))
        assert not fetched.get(name)
