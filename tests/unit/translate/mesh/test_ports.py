"""Ports on both sides: what is spoken, where it is called, whose certificate is expected, who reads HTTP."""

import pytest
from tests.unit.translate.mesh.mesh import (
    DOMAIN,
    Mesh,
    application,
    member,
    mesh,
    permission,
    service_route,
    shop,
)
from tests.unit.translate.world import (
    Document,
    backend,
    document,
    endpoint_slice,
    gateway,
    http_route,
    rule,
    workload,
)

from sekisho import ir
from sekisho.ir.transport import ALPN_HTTP2, ALPN_TCP
from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Readiness
from sekisho.translate.mesh.names import Destination, destination_of, ipv6_address, outbound_address
from sekisho.translate.outputs import CAPTURED_INBOUNDS, PASSTHROUGHS, TRUST

WEB = ResourceId("Workload", "shop", "web-1")
UNCAPTURED = {"capture": "None", "outboundAddresses": "127.9.0.0/16"}


@pytest.mark.parametrize(
    ("port", "protocol"),
    [
        ({"name": "http"}, ir.Protocol.HTTP1),
        ({"name": "http-admin"}, ir.Protocol.HTTP1),
        ({"name": "httpx"}, ir.Protocol.TCP),
        ({"name": "grpc-api"}, ir.Protocol.GRPC),
        ({"name": "http2"}, ir.Protocol.H2C),
        ({"name": "tcp"}, ir.Protocol.TCP),
        ({"name": "http", "appProtocol": "tcp"}, ir.Protocol.TCP),
        ({"name": "x", "appProtocol": "grpc"}, ir.Protocol.GRPC),
        ({"name": "x", "appProtocol": "kubernetes.io/h2c"}, ir.Protocol.H2C),
        ({"name": "x", "appProtocol": "https"}, ir.Protocol.TCP),
    ],
)
def test_what_is_spoken(port: Document, protocol: ir.Protocol) -> None:
    found = Mesh(application("web", "241.0.0.1", port=port), member("web-1", "web"))
    assert found.inbound("web-1", 8080).protocol is protocol


def test_the_service_knows_better_than_the_workload() -> None:
    said = {"port": 8080, "appProtocol": "grpc"}
    alone = Mesh(member("web-1", "web", ports=[said]))
    assert alone.inbound("web-1", 8080).protocol is ir.Protocol.GRPC
    found = Mesh(application("web", "241.0.0.1"), member("web-1", "web", ports=[said]))
    assert found.inbound("web-1", 8080).protocol is ir.Protocol.HTTP1


def test_a_captured_port_is_handed_over_and_reaches_the_workloads_own_address() -> None:
    found = shop().inbound("web-1", 8080)
    assert (found.bound, found.address, found.target_address, found.target_port) == (
        False, "10.0.0.1", "10.0.0.1", 8080,
    )  # fmt: skip


def test_without_capture_the_proxy_listens_and_the_application_is_on_loopback() -> None:
    found = Mesh(member("web-1", "web", sidecar=UNCAPTURED, ports=[{"port": 8080, "targetPort": 18080}]))
    inbound = found.inbound("web-1", 8080)
    assert (inbound.bound, inbound.target_address, inbound.target_port) == (True, "127.0.0.1", 18080)
    assert not found.values(CAPTURED_INBOUNDS)
    assert not found.values(PASSTHROUGHS)


def test_a_named_target_is_the_workloads_own_port() -> None:
    named = [{"port": 9000, "name": "main"}]
    found = Mesh(
        application("web", "241.0.0.1", port={"targetPort": "main"}), member("web-1", "web", ports=named)
    )
    assert found.inbound("web-1", 9000).protocol is ir.Protocol.HTTP1
    assert [endpoint.port for endpoint in found.endpoints("web")] == [9000]


def test_services_are_called_at_their_address_of_both_families() -> None:
    found = shop().outbound("web-1", "cart")
    assert found is not None
    assert (found.addresses, found.bound) == (("241.0.0.2", "fd5e:6b69:7368:6f::f100:2"), False)


def test_without_capture_services_are_in_the_loopback_range() -> None:
    found = shop(member("own", "own", "10.0.0.9", sidecar=UNCAPTURED)).outbound("own", "cart")
    assert found is not None
    assert (found.addresses, found.bound) == (("127.9.0.2",), True)


def test_a_service_without_address_cannot_be_called() -> None:
    none = document("Service", "none", spec={"ports": [{"port": 80}], "selector": {"app": "none"}})
    assert shop(none).outbound("web-1", "none") is None


def test_the_servers_identities_are_those_of_its_instances() -> None:
    found = shop(member("cart-2", "cart", "10.0.0.3", serviceAccountName="cart-canary"))
    transport = found.transport("web-1", "cart")
    assert transport.identities == (f"{DOMAIN}/ns/shop/sa/cart", f"{DOMAIN}/ns/shop/sa/cart-canary")
    assert transport.server_name == "80.cart.shop.default.default.sekisho"


def test_before_the_first_instance_nobody_is_believed() -> None:
    found = shop(application("late", "241.0.0.9"))
    assert found.transport("web-1", "late").identities == ()


def test_bytes_travel_as_they_are_where_nobody_needs_to_read_them() -> None:
    found = shop()
    assert found.transport("web-1", "cart").alpn == ALPN_TCP
    outbound = found.outbound("web-1", "cart")
    assert outbound is not None
    assert outbound.tcp is not None
    assert outbound.tcp.shares == (("shop/cart/80", 1),)
    assert not found.inbound("cart-1", 8080).inspected


def paths_of_cart() -> Document:
    policy = permission("paths", {"paths": [{"value": "/a"}]}, namespace="shop")
    policy["spec"]["targetRef"] = {"kind": "Workload", "labels": {"app": "cart"}}
    return policy


@pytest.mark.parametrize(
    "reason",
    [
        mesh(inspection="Always"),
        service_route("r", "cart"),
        paths_of_cart(),
        document(
            "Retry", "r", "sekisho-system",
            spec={"to": [{"targetRef": {"kind": "Mesh"}, "default": {"http": {"numRetries": 3}}}]},
        ),
    ],
    ids=["asked for", "route", "permission", "retries"],
)  # fmt: skip
def test_http_is_read_where_something_needs_it(reason: Document) -> None:
    found = shop(reason)
    assert found.transport("web-1", "cart").alpn == ALPN_HTTP2
    assert found.table("web-1", "cart")
    outbound = found.outbound("web-1", "cart")
    assert outbound is not None
    assert outbound.tcp is None


def test_a_permission_on_paths_is_read_by_the_server_and_leaves_other_services_alone() -> None:
    found = shop(paths_of_cart())
    assert found.inbound("cart-1", 8080).inspected
    assert not found.inbound("web-1", 8080).inspected
    assert found.transport("cart-1", "web").alpn == ALPN_TCP


def test_http2_is_spoken_only_where_every_instance_has_a_sidecar() -> None:
    plain = workload("cart-2", "10.0.0.8", labels={"app": "cart"})
    found = shop(mesh(inspection="Always"), plain)
    assert found.transport("web-1", "cart").alpn == ALPN_TCP
    assert [endpoint.meshed for endpoint in found.endpoints("cart")] == [True, False]
    found.remove(ResourceId("Workload", "shop", "cart-2"))
    assert found.transport("web-1", "cart").alpn == ALPN_HTTP2
    found.apply(endpoint_slice("cart", "10.3.0.1"))
    assert found.transport("web-1", "cart").alpn == ALPN_TCP


def test_an_instance_is_ready_when_its_author_and_its_probe_say_so() -> None:
    probed = member("web-1", "web", readinessProbe={"tcpSocket": {"port": 8080}})
    found = Mesh(application("web", "241.0.0.1"), probed)
    assert found.endpoints("web") == ()
    found.commit({Readiness.of(WEB): True})
    assert len(found.endpoints("web")) == 1
    found.commit({Readiness.of(WEB): False})
    assert found.endpoints("web") == ()
    found.apply({**probed, "spec": {**probed["spec"], "ready": False}})
    found.commit({Readiness.of(WEB): True})
    assert found.endpoints("web") == ()


def test_a_gateway_in_the_mesh_calls_meshed_services_over_mutual_tls() -> None:
    found = shop(gateway(), http_route("r", rule(backend("cart"))))
    transport = found.clusters()["shop/cart/80"].transport
    assert isinstance(transport, ir.MeshTransport)
    assert (transport.alpn, transport.identities) == (ALPN_HTTP2, (f"{DOMAIN}/ns/shop/sa/cart",))
    assert (ResourceId("Gateway", "shop", "edge"), "trust") in found.values(TRUST)


def test_a_gateway_outside_of_any_mesh_has_no_identity_to_show() -> None:
    found = shop(gateway(), http_route("r", rule(backend("cart"))))
    found.remove(ResourceId("Mesh", "", "default"))
    assert found.clusters()["shop/cart/80"].transport is None


def test_names_lead_back() -> None:
    assert destination_of("shop/cart/80") == Destination("Service", "shop", "cart", 80)
    assert destination_of("external/shop/bank/443") == Destination("ExternalService", "shop", "bank", 443)
    assert outbound_address("241.5.6.7", "127.2.0.0/16") == "127.2.6.7"
    assert ipv6_address("241.0.0.1") == "fd5e:6b69:7368:6f::f100:1"


def test_a_policy_about_services_of_a_label_opens_no_other_ones() -> None:
    target = {"kind": "Service", "labels": {"plain": "yes"}}
    policy = document(
        "MeshTLS", "plain", SYSTEM_NAMESPACE,
        spec={"targetRef": target, "rules": [{"default": {"mode": "Permissive"}}]},
    )  # fmt: skip
    chosen = application("cart", "241.0.0.2")
    chosen["metadata"]["labels"] = {"plain": "yes"}
    found = shop(policy, chosen)
    modes = {name: found.inbound(name, 8080).tls for name in ("web-1", "cart-1")}
    assert {name: tls and tls.mode for name, tls in modes.items()} == {
        "web-1": ir.MutualTlsMode.STRICT, "cart-1": ir.MutualTlsMode.PERMISSIVE,
    }  # fmt: skip


def test_a_sidecar_whose_mesh_is_gone_is_called_by_nobody() -> None:
    """In plain text by a gateway, else, which knows no better way then."""
    route = http_route("r", rule(backend("cart", 80)))
    found = shop(gateway(), route)
    assert len(found.addresses("shop/cart/80")) == 1
    found.remove(ResourceId("Mesh", "", "default"))
    assert found.addresses("shop/cart/80") == []
    found.apply(mesh())
    assert len(found.addresses("shop/cart/80")) == 1
