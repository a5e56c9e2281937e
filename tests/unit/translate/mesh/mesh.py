"""A small mesh for tests: namespaces, services and workloads in few words, and what sidecars see of it."""

from collections.abc import Mapping
from typing import Any

from tests.unit.translate.world import NAMESPACE, Document, World, backend, document, http_route, rule

from sekisho import ir
from sekisho.ir.agent import HostnameRecord
from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId
from sekisho.translate.mesh import worlds
from sekisho.translate.mesh.content import Membership
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.sight import world_of
from sekisho.translate.outputs import (
    HOSTNAMES,
    INBOUNDS,
    MEMBERS,
    MESH_CLUSTERS,
    MESH_ENDPOINTS,
    OUTBOUNDS,
    ROUTE_TABLES,
)

DOMAIN = "spiffe://default.default.mesh.local"


class Mesh(World):
    """A world with a Mesh in it, in which everybody may call everybody unless `permissive` is False."""

    def __init__(self, *documents: Document, open_to_all: bool = True) -> None:
        everybody = [permission("all", {})] if open_to_all else []
        super().__init__(mesh(), *everybody, *documents)

    def world(self, workload: str, namespace: str = NAMESPACE) -> worlds.World:
        """What the sidecar of a workload sees."""
        found = world_of(self.engine.read, ResourceId("Workload", namespace, workload))
        assert found is not None, f"{workload} sees nothing"
        return found

    def members(self, workload: str, namespace: str = NAMESPACE) -> Membership:
        found: Membership = self.engine.value(MEMBERS, self.world(workload, namespace))
        return found

    def sees(self, workload: str, namespace: str = NAMESPACE) -> set[str]:
        """Names of the services in its World."""
        return {one.name for one in self.members(workload, namespace).services}

    def inbound(self, workload: str, port: int, namespace: str = NAMESPACE) -> ir.Inbound:
        key = (ResourceId("Workload", namespace, workload), f"inbound/{port}")
        found: ir.Inbound | None = self.engine.value(INBOUNDS, key)
        assert found is not None, f"{workload} has no inbound {port}"
        return found

    def outbound(self, workload: str, service: str, port: int = 80) -> ir.Outbound | None:
        """How a workload calls a service."""
        key = (self.world(workload).profile, Destination("Service", NAMESPACE, service, port))
        found: ir.Outbound | None = self.engine.value(OUTBOUNDS, key)
        return found

    def cluster(self, workload: str, to: Destination) -> ir.Cluster | None:
        found: ir.Cluster | None = self.engine.value(MESH_CLUSTERS, (self.world(workload).client, to))
        return found

    def transport(self, workload: str, service: str, port: int = 80) -> ir.MeshTransport:
        """How bytes travel to a service."""
        found = self.cluster(workload, Destination("Service", NAMESPACE, service, port))
        assert found is not None
        assert isinstance(found.transport, ir.MeshTransport), found.transport
        return found.transport

    def endpoints(self, service: str, port: int = 80) -> tuple[ir.Endpoint, ...]:
        destination = Destination("Service", NAMESPACE, service, port)
        found: ir.Endpoints = self.engine.value(MESH_ENDPOINTS, (worlds.World.of("default"), destination))
        return found.endpoints

    def table(self, workload: str, service: str, port: int = 80, namespace: str = NAMESPACE) -> list[str]:
        """Names of the routes for a workload's requests to a service; none where no HTTP is read."""
        client = self.world(workload, namespace).client
        found: ir.RouteTable | None = self.engine.value(
            ROUTE_TABLES, (client, Destination("Service", NAMESPACE, service, port))
        )
        return [] if found is None else [route.name for route in found.hosts[0].routes]

    def hostnames(self, workload: str) -> dict[str, tuple[str, ...]]:
        """What DNS tells a workload."""
        world, members = self.world(workload), self.members(workload)
        records: list[HostnameRecord] = [
            record
            for (named, part), record in self.values(HOSTNAMES).items()
            if named == world.named and part.resource in members.services
        ]
        return {record.name: record.addresses for record in records}


def mesh(name: str = "default", **spec: Any) -> Document:
    return document("Mesh", name, spec=spec)


def permission(name: str, *allow: Document, namespace: str = SYSTEM_NAMESPACE, **default: Any) -> Document:
    """Lets in callers that fit any of `allow`."""
    return document(
        "TrafficPermission", name, namespace, spec={"rules": [{"default": {"allow": list(allow), **default}}]}
    )


def member(
    name: str, app: str, address: str = "10.0.0.1", *, namespace: str = NAMESPACE, **spec: Any
) -> Document:
    """A workload with a sidecar that captures; its service account is called like the application."""
    spec.setdefault("sidecar", {"capture": "Redirect"})
    spec.setdefault("ports", [{"port": 8080}])
    return document(
        "Workload", name, namespace, metadata={"labels": {"app": app}},
        spec={"address": address, "serviceAccountName": app, **spec},
    )  # fmt: skip


def application(
    name: str, vip: str, *, namespace: str = NAMESPACE, port: Mapping[str, Any] | None = None, **spec: Any
) -> Document:
    """A Service of HTTP on port 80 in front of the workloads of one application."""
    one = {"port": 80, "name": "http", "targetPort": 8080, **(port or {})}
    return document(
        "Service", name, namespace,
        spec={"ports": [one], "selector": {"app": name}, "clusterIP": vip, **spec},
    )  # fmt: skip


def service_route(
    name: str, service: str, *, to: str = "", namespace: str = NAMESPACE, path: str = "", **parent: Any
) -> Document:
    """A route whose parent is a Service."""
    parents = [{"group": "", "kind": "Service", "name": service, "namespace": NAMESPACE, **parent}]
    backends = backend(to or service, namespace=NAMESPACE)
    return http_route(name, rule(backends, path=path), parents=parents, namespace=namespace)


def shop(*documents: Document, open_to_all: bool = True) -> Mesh:
    """Applications `web` and `cart`, each with a workload."""
    return Mesh(
        application("web", "241.0.0.1"), member("web-1", "web", "10.0.0.1"),
        application("cart", "241.0.0.2"), member("cart-1", "cart", "10.0.0.2"),
        *documents,
        open_to_all=open_to_all,
    )  # fmt: skip
