"""What a sidecar sees: only what it may call, and one World for all that see the same."""

from typing import Any

import pytest
from tests.unit.translate.mesh.mesh import (
    DOMAIN,
    application,
    member,
    mesh,
    permission,
    service_route,
    shop,
)
from tests.unit.translate.world import Document, document, endpoint_slice, service

from sekisho.model.names import ResourceId
from sekisho.translate.mesh.names import Destination
from sekisho.translate.outputs import MEMBERS


def from_namespace(*names: str) -> Document:
    return {"namespaces": list(names)}


def of(app: str, *, exact: bool = True) -> Document:
    return {"spiffeID": {"type": "Exact" if exact else "Prefix", "value": f"{DOMAIN}/ns/shop/sa/{app}"}}


def on(app: str, *allow: Document) -> Document:
    """Lets callers in to the workloads of one application."""
    policy = permission(f"to-{app}", *allow, namespace="shop")
    policy["spec"]["targetRef"] = {"kind": "Workload", "labels": {"app": app}}
    return policy


def test_by_default_nobody_may_call_anybody() -> None:
    assert shop(open_to_all=False).sees("web-1") == set()


def test_a_sidecar_sees_the_services_that_admit_it() -> None:
    found = shop(on("cart", of("web")), open_to_all=False)
    assert (found.sees("web-1"), found.sees("cart-1")) == ({"cart"}, set())


@pytest.mark.parametrize(
    "who",
    [{}, from_namespace("shop"), of("web"), of("we", exact=False) | {}, {"sourceRanges": ["10.0.0.0/8"]}],
)
def test_every_way_to_be_let_in_counts(who: Document) -> None:
    found = shop(on("cart", who), open_to_all=False)
    is_whole_segments = who != of("we", exact=False)
    assert ("cart" in found.sees("web-1")) is is_whole_segments


def test_who_is_let_in_by_an_empty_match_is_everybody() -> None:
    assert shop(on("cart", {}), open_to_all=False).sees("cart-1") == {"cart"}


def test_a_denial_hides_nothing_the_servers_sidecar_decides() -> None:
    policy = on("cart", of("web"))
    policy["spec"]["rules"][0]["default"]["deny"] = [of("web")]
    assert shop(policy, open_to_all=False).sees("web-1") == {"cart"}


def test_what_has_no_sidecar_asks_nobody() -> None:
    found = shop(
        service("plain", namespace="shop", clusterIP="241.0.0.9"), endpoint_slice("plain", "10.1.0.1"),
        open_to_all=False,
    )  # fmt: skip
    assert found.sees("web-1") == {"plain"}


def test_equal_sight_is_one_world() -> None:
    found = shop(member("web-2", "web", "10.0.0.3"), member("other", "other", "10.0.0.4"))
    assert len({found.world(name) for name in ("web-1", "web-2", "cart-1", "other")}) == 1
    assert len(list(found.engine.keys(MEMBERS))) == 1


def test_an_identity_that_nobody_names_makes_no_world() -> None:
    found = shop(on("cart", of("somebody")), on("web", {}), open_to_all=False)
    assert found.world("web-1") == found.world("cart-1")


def listing(*refs: Document) -> dict[str, Any]:
    return {"sidecar": {"capture": "Redirect", "reachable": list(refs)}}


def test_reachable_is_what_a_workload_says_that_it_calls() -> None:
    found = shop(
        member("a", "a", "10.0.0.5", **listing({"name": "cart"})),
        member("b", "b", "10.0.0.6", **listing({"name": "absent"})),
        member("c", "c", "10.0.0.7", **listing({"namespace": "shop"})),
        member("d", "d", "10.0.0.8", **listing()),
    )
    assert [found.sees(name) for name in "abcd"] == [{"cart"}, set(), {"web", "cart"}, set()]


def test_reachable_by_label() -> None:
    labelled = application("blue", "241.0.0.7")
    labelled["metadata"]["labels"] = {"team": "blue"}
    found = shop(labelled, member("a", "a", "10.0.0.5", **listing({"labels": {"team": "blue"}})))
    assert found.sees("a") == {"blue"}


@pytest.mark.parametrize(
    ("reachable", "seen"),
    [("Permitted", {"web", "cart", "far"}), ("Namespace", {"web", "cart"}), ("Listed", set())],
)
def test_the_mesh_says_what_is_reachable_for_those_that_do_not(reachable: str, seen: set[str]) -> None:
    found = shop(application("far", "241.0.0.8", namespace="bank"), mesh(reachable=reachable))
    assert found.sees("web-1") == seen


def test_another_mesh_is_never_seen() -> None:
    found = shop(
        mesh("other"),
        document("Namespace", "bank", metadata={"labels": {"sekisho.dev/mesh": "other"}}),
        application("far", "241.0.0.8", namespace="bank"),
    )
    assert found.sees("web-1") == {"web", "cart"}


def test_a_backend_comes_along_with_the_service_whose_routes_lead_there() -> None:
    found = shop(
        on("cart", of("web")), service_route("r", "cart", to="web"), open_to_all=False
    )  # fmt: skip
    assert found.members("web-1").backends == {Destination("Service", "shop", "web", 80)}
    assert found.cluster("web-1", Destination("Service", "shop", "web", 80)) is not None


def test_routes_of_a_namespace_for_its_own_clients_make_a_world_of_its_own() -> None:
    found = shop(member("far", "far", namespace="bank"), service_route("r", "cart", namespace="bank"))
    assert found.world("far", "bank").namespace == "bank"
    assert found.world("web-1").namespace == ""


def test_a_workload_that_goes_takes_its_world_with_it() -> None:
    found = shop(member("far", "far", **listing()))
    assert len(list(found.engine.keys(MEMBERS))) == 2
    found.remove(ResourceId("Workload", "shop", "far"))
    assert len(list(found.engine.keys(MEMBERS))) == 1
