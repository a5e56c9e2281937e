"""BackendTLSPolicies in a mesh: their TLS is within that of the mesh, which never goes away for them."""

from tests.unit.translate.certificates import key_pair
from tests.unit.translate.mesh.mesh import Mesh, application, member, service_route
from tests.unit.translate.world import (
    EDGE,
    Document,
    backend,
    document,
    gateway,
    http_route,
    rule,
)

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.names import Destination
from sekisho.translate.outputs import CLUSTERS, TUNNELS

POLICY = ResourceId("BackendTLSPolicy", "shop", "cart")
CART, INSIDE = "shop/cart/80", "tcp/shop/cart/80"


def policy() -> list[Document]:
    reference = {"group": "", "kind": "ConfigMap", "name": "ca"}
    target = {"group": "", "kind": "Service", "name": "cart"}
    validation = {"hostname": "cart.internal", "caCertificateRefs": [reference]}
    return [
        document("ConfigMap", "ca", data={"ca.crt": key_pair("ca.example.com")[0].decode()}),
        document("BackendTLSPolicy", "cart", spec={"targetRefs": [target], "validation": validation}),
    ]


def meshed(*instances: Document) -> Mesh:
    return Mesh(
        gateway(), http_route("r", rule(backend("cart", 80))), application("cart", "241.0.0.2"),
        application("web", "241.0.0.1"), member("web-1", "web", "10.0.0.9"), *instances, *policy(),
    )  # fmt: skip


def without_sidecar(name: str, address: str) -> Document:
    found = member(name, "cart", address)
    del found["spec"]["sidecar"]
    return found


def inside(world: Mesh) -> ir.Cluster | None:
    found: ir.Cluster | None = world.values(CLUSTERS).get((EDGE, INSIDE))
    return found


def test_its_tls_is_within_that_of_the_mesh() -> None:
    world = meshed(member("cart-1", "cart", "10.0.0.2"))
    outer = world.clusters()[CART]
    assert isinstance(outer.transport, ir.ServerTls)
    assert outer.inside == INSIDE
    carrying = inside(world)
    assert carrying is not None
    assert isinstance(carrying.transport, ir.MeshTransport)
    assert carrying.transport.server_name == "80.cart.shop.default.default.sekisho"
    assert carrying.transport.identities == ("spiffe://default.default.mesh.local/ns/shop/sa/cart",)
    assert (EDGE, INSIDE) in world.values(TUNNELS)


def test_beside_one_without_a_sidecar_too() -> None:
    world = meshed(member("cart-1", "cart", "10.0.0.2"), without_sidecar("cart-2", "10.0.0.3"))
    assert world.clusters()[CART].inside == INSIDE
    carrying = inside(world)
    assert carrying is not None
    assert isinstance(carrying.transport, ir.MeshTransport)


def test_where_nobody_has_a_sidecar_there_is_no_mesh_to_be_within() -> None:
    world = meshed(without_sidecar("cart-1", "10.0.0.2"))
    assert world.clusters()[CART].inside == ""
    assert inside(world) is None


def test_the_first_sidecar_and_the_end_of_the_policy_change_the_way() -> None:
    world = meshed(without_sidecar("cart-1", "10.0.0.2"))
    world.apply(member("cart-1", "cart", "10.0.0.2"))
    assert world.clusters()[CART].inside == INSIDE
    world.remove(POLICY)
    plain = world.clusters()[CART]
    assert plain.inside == ""
    assert isinstance(plain.transport, ir.MeshTransport)
    assert inside(world) is None


def test_what_a_policy_calls_tls_is_bytes_to_sidecars() -> None:
    """Whatever its name says: nobody could read requests there."""
    world = meshed(member("cart-1", "cart", "10.0.0.2"))
    assert world.inbound("cart-1", 8080).protocol is ir.Protocol.TCP
    found = world.cluster("web-1", Destination("Service", "shop", "cart", 80))
    assert found is not None
    assert found.protocol is ir.Protocol.TCP
    world.remove(POLICY)
    assert world.inbound("cart-1", 8080).protocol is ir.Protocol.HTTP1


def test_a_route_of_the_mesh_makes_requests_of_it_nevertheless() -> None:
    world = meshed(member("cart-1", "cart", "10.0.0.2"))
    world.apply(service_route("m", "cart"))
    assert world.inbound("cart-1", 8080).protocol is ir.Protocol.HTTP1
