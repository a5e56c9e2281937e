"""ProxyPatches and those who refuse them: our guards, and proxies."""

from typing import Any

from google.protobuf.json_format import MessageToDict
from tests.unit.control.test_loop import Node, running, until
from tests.unit.control.test_mesh import PROXY, WEB, a_mesh, put, write
from tests.unit.translate.world import document

from sekisho import ir
from sekisho.control.loop import ControlLoop
from sekisho.envoy.clusters import cluster
from sekisho.model.names import Origin, ResourceId
from sekisho.protos import descriptor_pool
from sekisho.xds.types import CLUSTER, LISTENER, Name
from sekisho.xds.view import View

OUTBOUND = Name(LISTENER, "outbound/shop/cart/80")
CART = Name(CLUSTER, "shop/cart/80")


def policy(name: str, *modifications: dict[str, Any]) -> dict[str, Any]:
    spec = {"default": {"appendModifications": list(modifications)}}
    return document("ProxyPatch", name, "sekisho-system", spec=spec)


def of_cluster(operation: str, value: dict[str, Any], **match: str) -> dict[str, Any]:
    return {"cluster": {"operation": operation, "value": value, "match": match}}


def told(loop: ControlLoop, name: str) -> tuple[str, str]:
    """Status and message of the condition Programmed."""
    status = loop.statuses.desired.get(ResourceId("ProxyPatch", "sekisho-system", name), {})
    found = [one for one in status.get("conditions", ()) if one["type"] == "Programmed"]
    return (found[0]["status"], found[0]["message"]) if found else ("", "")


def version(view: View, name: Name) -> str:
    found = view.get(name)
    assert found is not None
    return found.version


async def test_what_our_guards_refuse_is_told_to_its_author_with_the_resources() -> None:
    async with running() as (store, loop):
        world, _ = await a_mesh(store, loop)
        before = version(world, CART)
        stuff = of_cluster("Patch", {"connect_timeout": "90s"}, origin="outbound")
        await put(store, policy("bad", stuff), policy("good", of_cluster("Patch", {"dns_jitter": "1s"})))
        await until(lambda: told(loop, "bad")[0] == "False")
        assert "spec.default.appendModifications[0]: breaks a rule" in told(loop, "bad")[1]
        assert "(shop/cart/80 and 1 more)" in told(loop, "bad")[1]
        assert told(loop, "good")[0] == "True"
        assert version(world, CART) != before, "the other author's change is made"
        await put(store, document("ProxyPatch", "worse", "sekisho-system", spec={"default": {
            "appendModifications": [of_cluster("Patch", {"nonsense": 1}, name="nowhere")]}}))  # fmt: skip
        await until(lambda: "is no Cluster" in told(loop, "worse")[1])


async def test_what_a_proxy_refuses_is_taken_back_and_told_to_the_one_who_is_to_blame() -> None:
    async with running() as (store, loop):
        world, _ = await a_mesh(store, loop)
        plain = version(world, CART)
        await put(store, policy("good", of_cluster("Patch", {"dns_jitter": "1s"})))
        await until(lambda: version(world, CART) != plain)
        alone = version(world, CART)
        await put(store, policy("bad", of_cluster("Patch", {"dns_refresh_rate": "9s"}, name="shop/cart/80")))
        await until(lambda: version(world, CART) != alone)
        refused = version(world, CART)
        loop.proxies.connected(PROXY, Node(PROXY))
        loop.proxies.rejected(PROXY, CART, refused, "no such thing")
        await until(lambda: version(world, CART) not in (alone, refused) or told(loop, "bad")[0] == "False")
        while version(world, CART) != alone:  # it may be the other author who is left out first
            loop.proxies.rejected(PROXY, CART, version(world, CART), "no such thing")
            seen = version(world, CART)
            await until(lambda seen=seen: version(world, CART) != seen)
        await until(lambda: "refused by a proxy: no such thing" in told(loop, "bad")[1])
        assert told(loop, "good")[0] == "True"
        loop.proxies.accepted(PROXY, CART)
        assert version(world, CART) == alone, "and it is not tried again"

        edited = policy("bad", of_cluster("Patch", {"dns_refresh_rate": "8s"}, name="shop/cart/80"))
        await _update(store, edited)
        await until(lambda: told(loop, "bad")[0] == "True")
        assert version(world, CART) not in (alone, refused)


async def test_a_taken_port_is_not_the_fault_of_a_patch() -> None:
    async with running() as (store, loop):
        _, own = await a_mesh(store, loop)
        inbound = Name(LISTENER, "inbound/8080")
        before = version(own, inbound)
        change = {"operation": "Patch", "value": {"tcp_backlog_size": 7}, "match": {"origin": "inbound"}}
        await put(store, policy("p", {"listener": change}))
        await until(lambda: version(own, inbound) != before)
        patched = version(own, inbound)
        loop.proxies.connected(PROXY, Node(PROXY))
        loop.proxies.rejected(PROXY, inbound, patched, "cannot bind: Address already in use")
        await until(lambda: "already in use" in str(loop.statuses.desired.get(WEB)))
        assert version(own, inbound) == patched
        assert told(loop, "p")[0] == "True"


async def test_a_new_cluster_is_in_one_of_the_two_views_of_a_sidecar() -> None:
    async with running() as (store, loop):
        world, own = await a_mesh(store, loop)
        sound = cluster(ir.Cluster(name="mine", hosts=(ir.Host("10.0.0.9", 1),), origin=Origin(WEB)))
        pool = descriptor_pool()
        mine = MessageToDict(sound, preserving_proto_field_name=True, descriptor_pool=pool)
        await put(store, policy("new", of_cluster("Add", mine)))
        await until(lambda: world.get(Name(CLUSTER, "mine")) or told(loop, "new")[0] == "False")
        assert world.get(Name(CLUSTER, "mine")), told(loop, "new")
        assert own.get(Name(CLUSTER, "mine")) is None


async def _update(store: Any, one: dict[str, Any]) -> None:
    (result,) = await store.write([write(one, "update")])
    assert not isinstance(result, Exception), result
