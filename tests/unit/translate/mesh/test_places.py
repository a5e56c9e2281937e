"""Near endpoints first: who gets endpoints of his own, what they are, and what a change of one costs."""

from collections import Counter
from typing import Any

from tests.unit.translate.mesh.mesh import Mesh, application, member
from tests.unit.translate.world import (
    EDGE,
    NAMESPACE,
    Document,
    backend,
    document,
    endpoint_slice,
    gateway,
    http_route,
    rule,
)

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Readiness
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.worlds import World
from sekisho.translate.outputs import CLUSTERS, ENDPOINTS, MESH_ENDPOINTS

CART = Destination("Service", NAMESPACE, "cart", 80)
BY_RACK = {"localZone": {"affinityTags": [{"key": "rack"}]}}
ZONE = "topology.kubernetes.io/zone"


def near(to: Document | None = None, target: Document | None = None, **awareness: Any) -> Document:
    """A policy that speaks of localities; by rack unless said otherwise."""
    item = {"targetRef": to or {"kind": "Mesh"}, "default": {"localityAwareness": awareness or BY_RACK}}
    return document(
        "LoadBalancing", "near", NAMESPACE, spec={"to": [item], **({"targetRef": target} if target else {})}
    )


def at(rack: str, one: Document) -> Document:
    one["metadata"]["labels"]["rack"] = rack
    return one


def racks(*documents: Document) -> Mesh:
    """Two racks, with a caller and an instance of `cart` in each, and one more caller in the first one."""
    return Mesh(
        application("web", "241.0.0.1"), application("cart", "241.0.0.2"),
        at("1", member("web-1", "web", "10.0.1.1")), at("1", member("web-2", "web", "10.0.1.2")),
        at("2", member("web-3", "web", "10.0.2.1")),
        at("1", member("cart-1", "cart", "10.0.1.9")), at("2", member("cart-2", "cart", "10.0.2.9")),
        *documents,
    )  # fmt: skip


def weights(found: Mesh, workload: str) -> dict[str, tuple[str, int]]:
    """Group and weight by address, as a workload is told."""
    made: ir.Endpoints = found.engine.value(MESH_ENDPOINTS, (found.world(workload).located, CART))
    return {one.address: (one.sub_zone, one.locality_weight) for one in made.endpoints}


def test_without_a_policy_all_share_one_set_of_endpoints() -> None:
    found = racks()
    assert {found.world(name).located for name in ("web-1", "web-3")} == {World.of("default")}
    assert [key for key in found.engine.keys(MESH_ENDPOINTS) if key[1] == CART] == [
        (World.of("default"), CART)
    ]


def test_the_nearest_weigh_most_for_each_caller() -> None:
    found = racks(near())
    assert weights(found, "web-1") == {"10.0.1.9": ("rack=1", 9), "10.0.2.9": ("", 1)}
    assert weights(found, "web-3") == {"10.0.1.9": ("", 1), "10.0.2.9": ("rack=2", 9)}
    cluster = found.cluster("web-1", CART)
    assert cluster is not None
    assert cluster.balancing.weighted_localities


def test_callers_at_one_place_share_and_who_has_no_such_label_is_at_one_too() -> None:
    found = racks(near(), member("web-4", "web", "10.0.3.1"), member("web-5", "web", "10.0.3.2"))
    assert found.world("web-1") == found.world("web-2")
    assert found.world("web-4") == found.world("web-5") != found.world("web-1")
    assert weights(found, "web-4") == {"10.0.1.9": ("", 1), "10.0.2.9": ("", 1)}


def test_a_policy_for_one_destination_leaves_the_others_as_they_are() -> None:
    found = racks(near(to={"kind": "Service", "name": "web"}))
    assert weights(found, "web-1") == {"10.0.1.9": ("", 0), "10.0.2.9": ("", 0)}


def test_a_policy_for_some_workloads_leaves_the_others_as_they_are() -> None:
    found = racks(near(target={"kind": "Workload", "labels": {"rack": "1"}}))
    assert found.world("web-1").place == (("rack", "1"),)
    assert found.world("web-3").place is None


def test_places_do_not_count_where_they_are_disabled() -> None:
    found = racks(near(disabled=True, **BY_RACK))
    assert set(weights(found, "web-1").values()) == {("", 0)}
    cluster = found.cluster("web-1", CART)
    assert cluster is not None
    assert not cluster.balancing.weighted_localities


def test_the_zone_a_workload_or_slice_runs_in_counts_as_a_label() -> None:
    tags = {"localZone": {"affinityTags": [{"key": ZONE, "weight": 50}]}}
    found = Mesh(
        application("web", "241.0.0.1"), application("cart", "241.0.0.2"), near(**tags),
        member("web-1", "web", "10.0.1.1", zone="a"), member("cart-1", "cart", "10.0.1.9", zone="a"),
        endpoint_slice(
            "cart", ports=[{"port": 8080, "name": "http"}],
            endpoints=[{"addresses": ["10.0.2.9"], "zone": "a"}, {"addresses": ["10.0.2.8"]}],
        ),
    )  # fmt: skip
    assert weights(found, "web-1") == {
        "10.0.1.9": (f"{ZONE}=a", 50), "10.0.2.9": (f"{ZONE}=a", 50), "10.0.2.8": ("", 1),
    }  # fmt: skip


def test_a_gateway_is_where_its_labels_say() -> None:
    edge = gateway()
    edge["metadata"] = {**edge["metadata"], "labels": {"rack": "2"}}
    found = racks(edge, http_route("r", rule(backend("cart"))), near())
    made: ir.Endpoints = found.engine.value(ENDPOINTS, (EDGE, "shop/cart/80"))
    assert {one.address: one.locality_weight for one in made.endpoints} == {"10.0.1.9": 1, "10.0.2.9": 9}
    cluster: ir.Cluster = found.engine.value(CLUSTERS, (EDGE, "shop/cart/80"))
    assert cluster.balancing.weighted_localities


def test_an_instance_that_comes_is_told_once_for_each_place() -> None:
    found = racks(
        near(), at("2", member("cart-3", "cart", "10.0.2.8", readinessProbe={"tcpSocket": {"port": 80}}))
    )
    before = found.engine.runs.copy()
    changes = found.commit({Readiness.of(ResourceId("Workload", NAMESPACE, "cart-3")): True})
    moved = Counter({output.name: len(keys) for output, keys in changes.outputs.items()})
    assert moved == {"mesh endpoints": 2}
    assert sum((found.engine.runs - before).values()) <= 4


def test_a_policy_that_goes_leaves_nothing_behind() -> None:
    found, never = racks(near()), racks()
    found.remove(ResourceId("LoadBalancing", NAMESPACE, "near"))
    assert found.engine.size == never.engine.size
    assert found.world("web-1") == never.world("web-1")
