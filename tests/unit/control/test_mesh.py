"""The loop and a mesh: sidecars follow two views, are sent on when they see another World, and say what they
refuse."""

from collections.abc import Collection
from typing import Any

from tests.unit.control.test_loop import Node, running, status_of, until
from tests.unit.translate.mesh.mesh import application, member, mesh, permission, service_route
from tests.unit.translate.world import document

from sekisho.client.reviews import ConfigDumpSpec
from sekisho.control.config_dump import config_dump
from sekisho.control.loop import ControlLoop
from sekisho.control.proxies import owner_of
from sekisho.control.system_status import system_status
from sekisho.model.document import check
from sekisho.model.names import ResourceId
from sekisho.model.origin import GLOBAL, ORIGIN_LABEL
from sekisho.store.protocol import Store, Write
from sekisho.xds.types import CLUSTER, ENDPOINTS, HOSTNAME, LISTENER, ROUTES, SECRET, SIDECAR, Name
from sekisho.xds.view import View

WEB = ResourceId("Workload", "shop", "web-1")
CART = ResourceId("Workload", "shop", "cart-1")
PROXY = "workload/shop/web-1/0"
ROUTE = ResourceId("HTTPRoute", "shop", "r")


def write(one: dict[str, Any], verb: str = "create") -> Write:
    checked = check(one["kind"], one)
    return Write(verb, checked.resource.id, checked.object)


async def put(store: Store, *documents: dict[str, Any]) -> None:
    for result in await store.write([write(one) for one in documents]):
        assert not isinstance(result, Exception), result


async def a_mesh(store: Store, loop: ControlLoop, *more: dict[str, Any]) -> tuple[View, View]:
    """The views of workload `web-1`: its World's and its own."""
    await put(
        store,
        mesh(), permission("all", {}),
        application("web", "241.0.0.1"), member("web-1", "web", "10.0.0.1"),
        application("cart", "241.0.0.2"), member("cart-1", "cart", "10.0.0.2"),
        *more,
    )  # fmt: skip
    await until(lambda: loop.views_of(WEB) and loop.views_of(WEB)[0].get(Name(ENDPOINTS, "shop/cart/80")))
    world, own = loop.views_of(WEB)
    return world, own


async def test_a_policy_without_proxies_is_a_problem_of_its_author_and_not_of_other_zones() -> None:
    own, copy = permission("own", {}), permission("copy", {})
    for one in (own, copy):
        one["spec"]["targetRef"] = {"kind": "Workload", "labels": {"app": "nobody"}}
    copy["metadata"]["labels"] = {ORIGIN_LABEL: GLOBAL}
    async with running() as (store, loop):
        await a_mesh(store, loop, copy, own)
        await until(lambda: {"own", "copy"} <= {one.name for one in loop.statuses.desired})
        told = [one.resource for one in system_status(loop, "", 0).troubles if one.reason == "NoProxies"]
        assert told == [f"TrafficPermission/{own['metadata']['namespace']}/own"]


async def test_a_sidecar_follows_its_world_and_its_own_view() -> None:
    async with running() as (store, loop):
        world, own = await a_mesh(store, loop)
        for name in (
            Name(CLUSTER, "shop/cart/80"), Name(LISTENER, "outbound/shop/cart/80"),
            Name(HOSTNAME, "cart.shop.svc.mesh.local"), Name(SECRET, "trust"),
        ):  # fmt: skip
            assert world.get(name), name
            assert not own.get(name), name
        for name in (
            Name(LISTENER, "inbound/8080"), Name(LISTENER, "inbound"), Name(LISTENER, "passthrough"),
            Name(SIDECAR, "sidecar"), Name(CLUSTER, "inbound/8080"),
        ):  # fmt: skip
            assert own.get(name), name
            assert not world.get(name), name
        assert loop.views_of(CART)[0] is world
        assert loop.publisher.shared_views == 1


async def test_a_sidecar_that_has_taken_both_views_makes_its_workload_programmed() -> None:
    async with running() as (store, loop):
        world, own = await a_mesh(store, loop)
        loop.proxies.connected(PROXY, Node(PROXY))
        loop.proxies.synced(PROXY, world, world.seq)
        await until(lambda: loop.statuses.written)
        assert not system_status(loop, "", 0).workloads[1].programmed
        loop.proxies.synced(PROXY, own, own.seq)
        await until(lambda: system_status(loop, "", 0).workloads[1].programmed)
        (proxy,) = system_status(loop, "", 0).proxies
        assert (proxy.synced, proxy.behind, proxy.workload, proxy.gateway) == (True, 0, "shop/web-1", "")


async def test_an_agent_is_waited_for_but_is_no_proxy() -> None:
    async with running() as (store, loop):
        world, _ = await a_mesh(store, loop)
        agent = f"agent/{PROXY}"
        loop.proxies.connected(agent, Node(agent))
        loop.proxies.synced(agent, world, world.seq)
        assert not loop.proxies.connected_now
        assert owner_of(agent) == WEB
        loop.proxies.disconnected(agent, "ended")


async def test_who_sees_another_world_is_sent_there() -> None:
    async with running() as (store, loop):
        moved: list[Collection[ResourceId]] = []
        world, own = await a_mesh(store, loop)
        loop.on_move = lambda workloads: moved.append(set(workloads))
        apart = member("web-1", "web", "10.0.0.1", sidecar={"capture": "Redirect", "reachable": []})
        await store.write([write(apart, "update")])
        await until(lambda: moved)
        assert moved == [{WEB}]
        now, still = loop.views_of(WEB)
        assert (now is world, still is own) == (False, True)
        assert not now.get(Name(CLUSTER, "shop/cart/80"))
        assert world.get(Name(CLUSTER, "shop/cart/80")), "nobody loses anything before it is sent on"


async def test_a_workload_that_is_gone_may_follow_nothing() -> None:
    async with running() as (store, loop):
        await a_mesh(store, loop)
        await store.write([Write("delete", WEB)])
        await until(lambda: not loop.views_of(WEB))


async def test_the_view_of_a_world_nobody_sees_goes_at_once_and_is_not_counted() -> None:
    async with running() as (store, loop):
        world, _ = await a_mesh(store, loop)
        world.members[_Member()] = None
        await store.write([Write("delete", WEB), Write("delete", CART)])
        await until(lambda: loop.publisher.shared_views == 0)
        assert loop.publisher.key(world) is None
        await until(lambda: loop.publisher.published == 0)


class _Member:
    def wake(self) -> None: ...

    def floor(self, _: Any) -> int | None:
        return None


async def test_what_many_sidecars_refuse_is_one_matter_of_its_author() -> None:
    async with running() as (store, loop):
        await a_mesh(store, loop, service_route("r", "cart"))
        name, other = Name(ROUTES, "outbound/shop/cart/80"), "workload/shop/cart-1/0"
        await until(lambda: loop.views_of(WEB)[0].get(name))
        for proxy in (PROXY, other):
            loop.proxies.connected(proxy, Node(proxy))
            loop.proxies.rejected(proxy, name, "1", "bad regex")
        await until(lambda: "bad regex" in str(loop.statuses.desired.get(ROUTE)))
        assert len(loop.proxies._refusing) == 1
        loop.proxies.accepted(PROXY, name)
        assert loop.proxies._refusing, "the other one refuses it still"
        loop.proxies.disconnected(other, "ended")
        await until(lambda: "bad regex" not in str(loop.statuses.desired.get(ROUTE)))


async def test_what_a_sidecar_refuses_of_its_own_is_told_on_its_workload() -> None:
    async with running() as (store, loop):
        await a_mesh(store, loop)
        loop.proxies.connected(PROXY, Node(PROXY))
        loop.proxies.rejected(PROXY, Name(LISTENER, "inbound/8080"), "1", "Address already in use")
        await until(lambda: "already in use" in str(loop.statuses.desired.get(WEB)))
        assert "already in use" not in str(loop.statuses.desired.get(CART))


async def test_what_sidecars_refuse_of_a_service_is_on_the_screen() -> None:
    async with running() as (store, loop):
        await a_mesh(store, loop)
        loop.proxies.connected(PROXY, Node(PROXY))
        loop.proxies.rejected(PROXY, Name(CLUSTER, "shop/cart/80"), "1", "no such filter")
        await until(lambda: "no such filter" in str(system_status(loop, "", 0).troubles))
        (trouble,) = (one for one in system_status(loop, "", 0).troubles if one.reason == "Rejected")
        assert trouble.resource == "Service/shop/cart"


READY = {"type": "Ready", "status": "True", "reason": "Probed", "message": "", "lastTransitionTime": "x"}


async def test_what_an_agent_says_of_its_probe_counts_and_is_kept() -> None:
    async with running() as (store, loop):
        probed = member("cart-2", "cart", "10.0.0.3", readinessProbe={"tcpSocket": {"port": 8080}})
        world, _ = await a_mesh(store, loop, probed)
        id_, name = ResourceId("Workload", "shop", "cart-2"), Name(ENDPOINTS, "shop/cart/80")
        await until(lambda: loop.statuses.current(id_))
        before = world.get(name)
        conditions = [*(await status_of(store, id_))["conditions"], READY]
        await store.write([Write("status", id_, {"status": {"conditions": conditions}})])
        await until(lambda: world.get(name) is not before)
        loop.proxies.connected("workload/shop/cart-2/0", Node("workload/shop/cart-2/0"))
        for view in loop.views_of(id_):
            loop.proxies.synced("workload/shop/cart-2/0", view, view.seq)
        await until(lambda: "Programmed" in str(loop.statuses.current(id_)))
        assert READY in (await status_of(store, id_))["conditions"]


async def test_an_external_service_gets_an_address_of_its_own() -> None:
    async with running() as (store, loop):
        endpoints = [{"address": "api.bank.example", "port": 443}]
        bank = document("ExternalService", "bank", spec={"match": {"port": 443}, "endpoints": endpoints})
        world, _ = await a_mesh(store, loop, bank)
        id_ = ResourceId("ExternalService", "shop", "bank")
        await until(lambda: "vip" in (loop.statuses.current(id_) or {}))
        assert (await status_of(store, id_))["vip"] == {"ip": "242.0.128.1"}
        assert world.get(Name(LISTENER, "outbound/external/shop/bank/443"))


async def test_a_config_dump_of_a_workload_shows_both_views() -> None:
    async with running() as (store, loop):
        await a_mesh(store, loop)
        spec = ConfigDumpSpec(workload="shop/web-1")
        found = {
            (one.type, one.name) for one in config_dump(loop.engine, loop.publisher.worlds, spec).resources
        }
        assert found >= {
            ("listener", "inbound/8080"), ("listener", "outbound/shop/cart/80"), ("cluster", "shop/cart/80"),
            ("secret", "trust"), ("sidecar", "sidecar"), ("hostname", "cart.shop.svc.mesh.local"),
        }  # fmt: skip
