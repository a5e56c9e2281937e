"""Records of another zone for tests: what zone `gcp` shows, and a mesh that calls it."""

from functools import cache
from typing import Any

from tests.kit.pki import TestAuthority
from tests.unit.translate.mesh.mesh import Mesh, application, member
from tests.unit.translate.world import NAMESPACE, Document, document, gateway, passthrough

from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedVip, Settings, SettingsKey
from sekisho.translate.mesh.names import Destination

REMOTE = ResourceId("ZoneService", NAMESPACE, "catalog.gcp")
CATALOG = Destination(*REMOTE, 80)
CATALOG_ID = "spiffe://default.gcp.mesh.local/ns/shop/sa/catalog"


def zone(name: str = "gcp", *, enabled: bool = True) -> Document:
    return document("Zone", name, spec={"enabled": enabled})


def of_zone(name: str = "gcp", **labels: str) -> Document:
    """Metadata of a record."""
    return {"labels": {"sekisho.dev/origin": "zone", "sekisho.dev/zone": name, **labels}}


def zone_service(
    service: str = "catalog", instances: int = 2, *, of: str = "gcp", namespace: str = NAMESPACE, **port: Any
) -> Document:
    """A Service of HTTP on port 80 in another zone."""
    one = {"port": 80, "name": "http", "protocol": "http", "instances": instances, **port}
    return document(
        "ZoneService", f"{service}.{of}", namespace,
        metadata=of_zone(of, **{"sekisho.dev/service": service, "app": service}),
        spec={
            "zone": of, "mesh": "default", "service": service, "ports": [one],
            "identities": [f"spiffe://default.{of}.mesh.local/ns/{namespace}/sa/{service}"],
        },
    )  # fmt: skip


def zone_ingress(*addresses: str, of: str = "gcp", name: str = "ingress", ready: bool = True) -> Document:
    """`host:port`, each."""
    places = [
        {"address": host, "port": int(port)} for host, _, port in (one.rpartition(":") for one in addresses)
    ]
    return document(
        "ZoneIngress", f"{name}.{of}", SYSTEM_NAMESPACE, metadata=of_zone(of),
        spec={"zone": of, "addresses": places, "ready": ready},
    )  # fmt: skip


@cache
def authority(name: str) -> TestAuthority:
    """That of a zone."""
    return TestAuthority(name)


def zone_trust(*, of: str = "gcp", mesh: str = "default") -> Document:
    root = authority(of).certificate
    return document(
        "MeshTrust", f"{mesh}.{of}", SYSTEM_NAMESPACE, metadata=of_zone(of),
        spec={
            "trustDomain": f"{mesh}.{of}.mesh.local",
            "caBundles": [{"type": "Pem", "pem": {"value": root.decode()}}],
        },
    )  # fmt: skip


def azure(*documents: Document) -> Mesh:
    """Zone `azure` with application `web`, which sees what zone `gcp` shows."""
    world = Mesh(application("web", "241.0.0.1"), member("web-1", "web", "10.0.0.1"), *documents)
    world.commit({SettingsKey(): Settings(zone="azure"), AssignedVip.of(REMOTE): "243.0.0.1"})
    return world


def two_zones(*documents: Document) -> Mesh:
    """The same, with application `catalog` in `gcp` behind one ingress."""
    return azure(zone(), zone_service(), zone_ingress("203.0.113.7:443"), *documents)


def zone_ingress_gateway(*listeners: Document, **spec: Any) -> Document:
    """A Gateway that lets other zones in, on port 15443 unless said otherwise."""
    found = list(listeners) or [passthrough("sekisho", 15443)]
    return gateway(*found, name="ingress", gatewayClassName="sekisho-zone-ingress", **spec)
