"""TCPRoutes and TLSRoutes whose parent is a Service: where the bytes of whose connections go."""

from typing import Any

import pytest
from tests.unit.translate.mesh.mesh import Mesh, application, member, service_route, shop
from tests.unit.translate.world import Document, backend, of_type, route, rule

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Rejection
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.rejections import LISTENER_TYPE
from sekisho.translate.outputs import OUTBOUNDS, STATUSES

BYTES = {"name": "x"}
"""A port that says nothing of itself."""
CLOSED = ((ir.CLOSED, 1),)


def tcp_route(name: str, *backends: Any, namespace: str = "shop", **more: Any) -> Document:
    parents = more.pop("parents", None) or [
        {"group": "", "kind": "Service", "name": "raw", "namespace": "shop"}
    ]
    kind = more.pop("kind", "TCPRoute")
    return route(kind, name, rule(*backends), parents=parents, namespace=namespace, **more)


def tls_route(name: str, to: str, *hostnames: str, **more: Any) -> Document:
    return tcp_route(name, backend(to), kind="TLSRoute", hostnames=list(hostnames), **more)


def raw(*documents: Document, port: Any = None) -> Mesh:
    """The shop, and an application that speaks something of its own."""
    return shop(
        application("raw", "241.0.0.5", port=port or BYTES), member("raw-1", "raw", "10.0.0.5"),
        member("far", "far", "10.0.0.9", namespace="bank"),
        *documents,
    )  # fmt: skip


def shares(found: Mesh, workload: str = "web-1", namespace: str = "shop") -> tuple[tuple[str, int], ...]:
    """Where connections of a workload to `raw` go."""
    key = found.world(workload, namespace).profile, Destination("Service", "shop", "raw", 80)
    wanted: ir.Outbound = found.engine.value(OUTBOUNDS, key)
    assert wanted.tcp is not None
    return wanted.tcp.shares


def named(found: Mesh) -> dict[str, tuple[tuple[str, int], ...]]:
    """The same by server name."""
    wanted = found.outbound("web-1", "raw")
    assert wanted is not None
    return {one.hostname: one.shares for one in wanted.by_server_name}


def condition(found: Mesh, kind: str, name: str, type_: str, namespace: str = "shop") -> tuple[str, str]:
    (parent,) = found.engine.value(STATUSES, ResourceId(kind, namespace, name))["parents"]
    return of_type(parent["conditions"], type_)


def test_connections_are_split_by_weight_whoever_makes_them() -> None:
    found = raw(tcp_route("r", backend("web", weight=3), backend("cart", weight=1)))
    assert shares(found) == shares(found, "far", "bank") == (("shop/web/80", 3), ("shop/cart/80", 1))
    assert condition(found, "TCPRoute", "r", "Accepted") == ("True", "Accepted")
    assert condition(found, "TCPRoute", "r", "ResolvedRefs") == ("True", "ResolvedRefs")


def test_without_a_route_they_go_straight_on() -> None:
    assert shares(raw()) == (("shop/raw/80", 1),)


def test_what_is_announced_is_bytes_whatever_the_backend_speaks() -> None:
    found = raw(tcp_route("r", backend("web")), service_route("h", "web"))
    outbound = found.outbound("web-1", "raw")
    assert outbound is not None
    assert outbound.tcp is not None
    assert outbound.tcp.alpn == "sekisho"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (backend("nobody"), "BackendNotFound"),
        (backend("web", port=81), "BackendNotFound"),
        (backend("web", kind="Odd"), "InvalidKind"),
    ],
)
def test_a_backend_that_leads_nowhere_keeps_its_share_to_be_closed(broken: Any, reason: str) -> None:
    found = raw(tcp_route("r", backend("web"), broken))
    assert shares(found) == (("shop/web/80", 1), (ir.CLOSED, 1))
    assert condition(found, "TCPRoute", "r", "ResolvedRefs") == ("False", reason)
    assert condition(found, "TCPRoute", "r", "Accepted") == ("True", "Accepted")


def test_no_backend_of_any_weight_closes_all() -> None:
    assert shares(raw(tcp_route("r", backend("web", weight=0)))) == CLOSED


def test_a_consumers_route_takes_the_place_of_the_producers_for_its_namespace() -> None:
    found = raw(
        tcp_route("r", backend("web")), tcp_route("own", backend("cart", namespace="shop"), namespace="bank")
    )
    assert shares(found) == (("shop/web/80", 1),)
    assert shares(found, "far", "bank") == (("shop/cart/80", 1),)


def test_of_several_the_oldest_has_the_connections() -> None:
    newer = {"creationTimestamp": "2026-06-01T00:00:00Z"}
    found = raw(tcp_route("a", backend("web"), metadata=newer), tcp_route("b", backend("cart")))
    assert shares(found) == (("shop/cart/80", 1),)
    assert condition(found, "TCPRoute", "a", "Accepted") == ("True", "Accepted")


def test_a_port_that_speaks_http_is_not_read_for_whom_its_bytes_are_routed() -> None:
    consumer = tcp_route("own", backend("web", namespace="shop"), namespace="bank")
    found = raw(consumer, port={"name": "http"})
    found.apply(service_route("r", "raw"))
    assert found.table("web-1", "raw") == ["shop/r/0/0"]
    assert shares(found, "far", "bank") == (("shop/web/80", 1),)
    assert found.inbound("raw-1", 8080).protocol == "http/1.1"


def test_bytes_make_no_port_http() -> None:
    found = raw(tcp_route("r", backend("raw")))
    assert found.inbound("raw-1", 8080).protocol == "tcp"
    assert found.table("web-1", "raw") == []


def test_routes_for_requests_count_before_those_for_bytes() -> None:
    found = raw(tcp_route("r", backend("cart")), tls_route("s", "cart", "a.example.com"))
    assert condition(found, "TCPRoute", "r", "Accepted") == ("False", "Conflicted")
    assert condition(found, "TLSRoute", "s", "Accepted") == ("True", "Accepted")
    found.apply(service_route("h", "raw"))
    assert condition(found, "TLSRoute", "s", "Accepted") == ("False", "Conflicted")
    assert found.table("web-1", "raw") == ["shop/h/0/0"]


def test_tls_goes_by_the_server_name_and_the_rest_is_closed() -> None:
    found = raw(tls_route("r", "web", "a.example.com", "*.example.com"))
    assert named(found) == {"*.example.com": (("shop/web/80", 1),), "a.example.com": (("shop/web/80", 1),)}
    assert shares(found) == CLOSED


def test_of_two_routes_with_one_server_name_the_older_has_it() -> None:
    newer = {"creationTimestamp": "2026-06-01T00:00:00Z"}
    found = raw(
        tls_route("a", "web", "a.example.com", "b.example.com", metadata=newer),
        tls_route("b", "cart", "a.example.com"),
    )
    assert named(found) == {"a.example.com": (("shop/cart/80", 1),), "b.example.com": (("shop/web/80", 1),)}


def test_who_calls_is_given_the_clusters_its_bytes_are_sent_to() -> None:
    there = application("there", "241.0.0.7", namespace="third")
    found = raw(there, tcp_route("r", backend("there", namespace="third")))
    to = Destination("Service", "third", "there", 80)
    assert shares(found) == (("third/there/80", 1),)
    assert found.cluster("web-1", to) is not None
    assert to.resource in found.members("web-1").services | {
        one.resource for one in found.members("web-1").backends
    }


def test_a_parent_without_that_port_or_without_an_address_is_none() -> None:
    found = raw(
        application("many", "None", port=BYTES),
        tcp_route("p", backend("web"), parents=[{"group": "", "kind": "Service", "name": "raw", "port": 81}]),
        tcp_route("h", backend("web"), parents=[{"group": "", "kind": "Service", "name": "many"}]),
    )
    for name in "ph":
        assert condition(found, "TCPRoute", name, "Accepted") == ("False", "NoMatchingParent")


def test_what_sidecars_refuse_is_told_to_the_route_it_was_made_for() -> None:
    found = raw(tcp_route("r", backend("web")))
    found.commit({Rejection.of(found.world("web-1"), LISTENER_TYPE, "outbound/shop/raw/80"): "no"})
    assert condition(found, "TCPRoute", "r", "Programmed") == ("False", "Rejected")


def test_datagrams_have_no_way_through_sidecars() -> None:
    found = raw(tcp_route("r", backend("web"), kind="UDPRoute"))
    assert found.engine.value(STATUSES, ResourceId("UDPRoute", "shop", "r")) == {"parents": []}
