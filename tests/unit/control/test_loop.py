"""The loop with a real store and real translators: writes in, views and statuses out."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

from tests.kit.objects import endpoint_slice, id_of, route, shop, write

from sekisho.aio.clock import SystemClock
from sekisho.client.reviews import ConfigDumpSpec, ExplanationSpec
from sekisho.control.config_dump import REDACTED, config_dump
from sekisho.control.explain import explain
from sekisho.control.loop import ControlLoop
from sekisho.control.system_status import system_status
from sekisho.model.names import ResourceId
from sekisho.model.origin import GLOBAL, ORIGIN_LABEL, ZONE
from sekisho.store.memory import open_memory
from sekisho.store.protocol import Store, Write
from sekisho.translate.facts import Settings
from sekisho.xds.types import CLUSTER, LISTENER, SCOPED_ROUTES, Name

WEB = ResourceId("Gateway", "shop", "web")
CART = ResourceId("HTTPRoute", "shop", "cart")


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Store, ControlLoop]]:
    async with open_memory() as store:
        loop = ControlLoop(store, SystemClock(), Settings(address="127.0.0.1"))
        task = asyncio.ensure_future(loop.run())
        await loop.ready.wait()
        yield store, loop
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


async def status_of(store: Store, resource: ResourceId) -> dict[str, Any]:
    return json.loads((await store.get(resource)).body).get("status", {})  # type: ignore[no-any-return]


async def test_what_is_written_is_published_and_gets_a_status() -> None:
    async with running() as (store, loop):
        await store.write([write("create", one) for one in shop()])
        view = loop.publisher.view(WEB)
        await until(lambda: view.get(Name(SCOPED_ROUTES, "8080|shop.example.com")))
        assert view.get(Name(CLUSTER, "shop/cart/80"))
        assert view.get(Name(LISTENER, "http/127.0.0.1/8080"))
        await until(lambda: loop.statuses.written >= 3)
        (parent,) = (await status_of(store, CART))["parents"]
        assert [(one["type"], one["status"]) for one in parent["conditions"]] == [
            ("Accepted", "True"), ("ResolvedRefs", "True"),
        ]  # fmt: skip
        assert (await status_of(store, WEB))["listeners"][0]["attachedRoutes"] == 1


async def test_what_was_there_before_is_published_at_the_start() -> None:
    async with open_memory() as store:
        await store.write([write("create", one) for one in shop()])
        loop = ControlLoop(store, SystemClock(), Settings())
        task = asyncio.ensure_future(loop.run())
        await loop.ready.wait()
        assert loop.publisher.view(WEB).get(Name(CLUSTER, "shop/cart/80"))
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def running_on(store: Store) -> AsyncIterator[ControlLoop]:
    loop = ControlLoop(store, SystemClock(), Settings(), addresses=ip_network("10.0.0.0/29"))
    task = asyncio.ensure_future(loop.run())
    await loop.ready.wait()
    yield loop
    task.cancel()
    await asyncio.wait([task])


async def test_gateways_have_addresses_of_their_own_and_keep_them_over_a_restart() -> None:
    (gateway,) = (one for one in shop() if one["kind"] == "Gateway")

    def also(name: str) -> dict[str, Any]:
        return gateway | {"metadata": gateway["metadata"] | {"name": name}}

    async def address(name: str) -> str:
        (found,) = (await status_of(store, ResourceId("Gateway", "shop", name)))["addresses"]
        return str(found["value"])

    async with open_memory() as store:
        await store.write([write("create", one) for one in shop()])
        async with running_on(store) as loop:
            view = loop.publisher.view(WEB)
            assert view.get(Name(LISTENER, "http/10.0.0.1/8080"))
            await until(lambda: (loop.statuses.current(WEB) or {}).get("addresses"))
        await store.write([write("create", also("admin"))])
        async with running_on(store) as loop:
            assert loop.publisher.view(WEB).get(Name(LISTENER, "http/10.0.0.1/8080"))
            admin = ResourceId("Gateway", "shop", "admin")
            await until(lambda: (loop.statuses.current(admin) or {}).get("addresses"))
        assert (await address("web"), await address("admin")) == ("10.0.0.1", "10.0.0.2")


async def test_statuses_written_by_us_start_no_new_round() -> None:
    async with running() as (store, loop):
        await store.write([write("create", one) for one in shop()])
        await until(lambda: loop.statuses.written >= 3)
        revision = await store.revision()
        await asyncio.sleep(0.5)
        assert await store.revision() == revision


async def test_a_proxy_that_takes_everything_makes_the_gateway_programmed() -> None:
    async with running() as (store, loop):
        await store.write([write("create", one) for one in shop()])
        view = loop.publisher.view(WEB)
        await until(lambda: view.seq)
        loop.proxies.connected("gateway/shop/web/1", Node("gateway/shop/web/1"))
        loop.proxies.synced("gateway/shop/web/1", view, view.seq)
        await until(lambda: system_status(loop, "", 0).gateways[0].programmed)
        (proxy,) = system_status(loop, "", 0).proxies
        assert (proxy.synced, proxy.behind, proxy.gateway) == (True, 0, "shop/web")


async def test_a_refused_listener_is_told_on_its_gateway_and_forgotten_when_accepted() -> None:
    async with running() as (store, loop):
        await store.write([write("create", one) for one in shop()])
        view = loop.publisher.view(WEB)
        await until(lambda: view.seq)
        proxy, name = "gateway/shop/web/1", Name(LISTENER, "http/127.0.0.1/8080")
        loop.proxies.connected(proxy, Node(proxy))
        loop.proxies.rejected(proxy, name, "1", "cannot bind '127.0.0.1:8080': Address already in use")
        await until(lambda: any("8080" in one.message for one in system_status(loop, "", 0).troubles))
        loop.proxies.accepted(proxy, name)
        await until(lambda: not system_status(loop, "", 0).troubles)


async def test_a_route_to_a_gateway_that_does_not_exist_is_told_with_the_one_that_does() -> None:
    async with running() as (store, loop):
        lost = route("lost", gateway="webb")
        lost["spec"]["parentRefs"].append({"name": "theirs", "group": "example.com"})
        copy = route("copy", gateway="afar")
        copy["metadata"]["labels"] = {ORIGIN_LABEL: ZONE}
        await store.write([write("create", one) for one in (*shop(), copy, lost)])
        told = ["HTTPRoute/shop/lost", 'Gateway/shop/webb does not exist (did you mean "web"?)']
        await until(
            lambda: told in [[one.resource, one.message] for one in system_status(loop, "", 0).troubles]
        )
        assert "theirs" not in str(system_status(loop, "", 0).troubles)
        assert "afar" not in str(system_status(loop, "", 0).troubles)
        assert not system_status(loop, "", 0, place=GLOBAL).troubles


async def test_a_backend_that_does_not_exist_is_told_with_the_one_that_does() -> None:
    async with running() as (store, loop):
        await store.write([write("create", one) for one in (*shop(), route("typo", backend="crat"))])
        told = 'spec.rules[0].backendRefs[0]: Service/shop/crat does not exist (did you mean "cart"?).'
        await until(lambda: told in [one.message for one in system_status(loop, "", 0).troubles])


async def test_a_proxy_that_came_back_before_its_loss_was_noticed_is_still_there() -> None:
    async with running() as (store, loop):
        await store.write([write("create", one) for one in shop()])
        view = loop.publisher.view(WEB)
        await until(lambda: view.seq)
        proxy, name = "gateway/shop/web/1", Name(LISTENER, "http/127.0.0.1/8080")
        loop.proxies.connected(proxy, Node(proxy))
        loop.proxies.synced(proxy, view, view.seq)
        loop.proxies.connected(proxy, Node(proxy))
        loop.proxies.disconnected(proxy, "no answer to a PING")
        loop.proxies.rejected(proxy, name, "1", "no")
        assert loop.proxies.connected_now[proxy].rejected == {name: "no"}
        loop.proxies.disconnected(proxy, "ended")
        assert not loop.proxies.connected_now


async def test_a_deleted_gateway_takes_its_view_along() -> None:
    async with running() as (store, loop):
        await store.write([write("create", one) for one in shop()])
        await until(lambda: loop.publisher.published == 5)
        await store.write([Write("delete", WEB)])
        await until(lambda: loop.publisher.published == 0)
        assert not system_status(loop, "", 0).gateways


async def test_an_endpoint_change_costs_a_handful_of_queries() -> None:
    async with running() as (store, loop):
        many = [route(f"r{n}", f"h{n}.example.com") for n in range(50)]
        await store.write([write("create", one) for one in [*shop(), *many]])
        await until(lambda: loop.publisher.published == 55)
        await until(lambda: loop.statuses.written >= 53)
        loop.engine.runs.clear()
        before = loop.publisher.view(WEB).seq
        await store.write([write("update", endpoint_slice("cart", "127.0.0.1", "127.0.0.2"))])
        await until(lambda: loop.publisher.view(WEB).seq > before)
        assert sum(loop.engine.runs.values()) <= 8, loop.engine.runs


async def test_explain_names_who_decided() -> None:
    async with running() as (store, loop):
        objects = shop()
        objects[-1]["metadata"]["annotations"] = {"sekisho.dev/source": "shop.yaml:42"}
        await store.write([write("create", one) for one in objects])
        await until(lambda: loop.publisher.published == 5)
        found = explain(loop.engine, loop.served(), ExplanationSpec(url="http://SHOP.example.com/cart"))
        assert found.outcome == "forwarded to shop/cart/80"
        step = next(step for step in found.steps if step.what == "route")
        assert (step.file, step.line) == ("shop.yaml", 42)
        assert step.origin.startswith("HTTPRoute/shop/cart spec.rules[0]")
        missing = explain(loop.engine, loop.served(), ExplanationSpec(url="http://other.example.com/"))
        assert missing.outcome.startswith("answered 404")
        closed = explain(loop.engine, loop.served(), ExplanationSpec(url="https://shop.example.com/"))
        assert closed.outcome.startswith("connection refused")


async def test_a_config_dump_shows_what_is_published_by_type() -> None:
    async with running() as (store, loop):
        await store.write([write("create", one) for one in shop()])
        await until(lambda: loop.publisher.published == 5)
        dump = config_dump(loop.engine, loop.publisher.worlds, ConfigDumpSpec(gateway="shop/web"))
        assert [one.type for one in dump.resources] == ["cluster", "endpoints", "listener", "scope", "scope"]
        assert REDACTED not in json.dumps([one.body for one in dump.resources])
        only = config_dump(
            loop.engine, loop.publisher.worlds, ConfigDumpSpec(gateway="shop/web", type="cluster")
        )
        assert [one.name for one in only.resources] == ["shop/cart/80"]
        assert id_of(shop()[2]) == WEB


class Node:
    """What a proxy says of itself."""

    def __init__(self, id: str) -> None:
        self.id = id
