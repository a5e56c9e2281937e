"""What this zone shows of its Services to others: a ZoneService of each whose instances all have sidecars."""

from typing import Any

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.model.core import Service
from sekisho.model.core import ServicePort as WrittenPort
from sekisho.model.kinds import KINDS
from sekisho.model.names import ResourceId
from sekisho.model.origin import EXPORT_LABEL, ORIGIN_LABEL, SERVICE_LABEL, ZONE, ZONE_LABEL, zoned
from sekisho.model.zone_service import SpokenProtocol
from sekisho.translate.facts import Settings, SettingsKey
from sekisho.translate.gateway.backend_tls import policy_of
from sekisho.translate.gateway.endpoints import endpoints
from sekisho.translate.mesh.clusters import is_inspected
from sekisho.translate.mesh.destinations import destinations, resource_labels, spoken
from sekisho.translate.mesh.instances import has_slices, instances, is_meshed, selector
from sekisho.translate.mesh.meshes import mesh_of, zone
from sekisho.translate.mesh.mutual_tls import is_told
from sekisho.translate.mesh.names import Destination, cluster_name
from sekisho.translate.mesh.ports import is_headless, service_port
from sekisho.translate.mesh.transport import accepted_tls, server_identities

_OURS = "sekisho.dev/"
"""What labels of ours begin with: those of a record are its own."""
_MOST_IDENTITIES = 64
_SPOKEN: dict[ir.Protocol, SpokenProtocol] = {
    ir.Protocol.HTTP1: "http",
    ir.Protocol.WEBSOCKET: "http",
    ir.Protocol.H2C: "http2",
    ir.Protocol.GRPC: "grpc",
    ir.Protocol.TCP: "tcp",
}
_VERSIONS: dict[str, str] = {"1.2": "TLS12", "1.3": "TLS13"}
_TLS = frozenset({"tls", "https", "kubernetes.io/wss"})
"""`appProtocol`s, and names of ports up to the first dash, of an application that speaks TLS itself."""


@query
def is_linked(read: Read) -> bool:
    """Whether anybody reads records of this zone."""
    return (read.leaf(SettingsKey()) or Settings()).linked


@query
def is_exported(read: Read, service: ResourceId) -> bool:
    """Whether other zones see a Service, with or without instances at the moment.

    Only where each instance it has can be spoken to by mutual TLS: an ingress looks at nothing but names.
    """
    resource: Service | None = read.leaf(service)
    if resource is None or not mesh_of(read, service.namespace) or _is_kept(read, service):
        return False
    members = instances(read, service)
    selects = bool(selector(read, service)) and not has_slices(read, service)
    return selects and bool(destinations(read, service)) and all(is_meshed(read, one) for one in members)


def _is_kept(read: Read, service: ResourceId) -> bool:
    """Whether the Service or its Namespace is labelled not to be shown."""
    namespace = read.leaf(ResourceId("Namespace", "", service.namespace))
    of_namespace = {} if namespace is None else namespace.metadata.labels
    own = dict(resource_labels(read, service))
    return own.get(EXPORT_LABEL, of_namespace.get(EXPORT_LABEL)) == "false"


def record_labels(read: Read) -> dict[str, str]:
    """On every record: where it comes from."""
    return {ORIGIN_LABEL: ZONE, ZONE_LABEL: zone(read)}


def zone_service(read: Read, service: ResourceId) -> dict[str, Any]:
    """The ZoneService of an exported Service, a document as in the API."""
    labels = {key: value for key, value in resource_labels(read, service) if not key.startswith(_OURS)}
    return {
        "apiVersion": KINDS["ZoneService"].api_version,
        "kind": "ZoneService",
        "metadata": {
            "name": zoned(service.name, zone(read)),
            "namespace": service.namespace,
            "labels": {**labels, **record_labels(read), SERVICE_LABEL: service.name},
        },
        "spec": {
            "zone": zone(read),
            "mesh": mesh_of(read, service.namespace),
            "service": service.name,
            "ports": [_port(read, one) for one in destinations(read, service)],
            "identities": list(server_identities(read, service)[:_MOST_IDENTITIES]),
            "headless": is_headless(read, service),
        },
    }


def _port(read: Read, destination: Destination) -> dict[str, Any]:
    declared = service_port(read, destination.resource, destination.port)
    return {
        "port": destination.port,
        **({"name": declared.name} if declared is not None and declared.name else {}),
        "protocol": _protocol(read, destination),
        "inspected": is_inspected(read, destination),
        **_tls(read, destination),
        "instances": ready_instances(read, destination),
    }


@query
def _tls(read: Read, destination: Destination) -> dict[str, Any]:
    """Only what is not usual: who knows no more is not told more."""
    service = destination.resource
    if not is_told(read, mesh_of(read, service.namespace), service.namespace):
        return {}
    least, most, ciphers = accepted_tls(read, service, destination.port)
    if (least, ciphers) == ("1.3", ()):
        return {}
    versions = {"min": _VERSIONS[least], "max": _VERSIONS[most]}
    return {"tlsVersion": versions, **({"tlsCiphers": list(ciphers)} if ciphers else {})}


@query
def ready_instances(read: Read, destination: Destination) -> int:
    """How many take requests at a port."""
    found = endpoints(read, cluster_name(destination))
    return 0 if found is None else len(found.endpoints)


@query
def _protocol(read: Read, destination: Destination) -> SpokenProtocol:
    found = _SPOKEN[spoken(read, destination)]
    written: tuple[WrittenPort, ...] = read.leaf(destination.resource).spec.ports
    declared = next(one for one in written if (one.port, one.protocol) == (destination.port, "TCP"))
    named = declared.app_protocol or (declared.name or "").partition("-")[0]
    is_tls = named.lower() in _TLS or policy_of(read, destination.resource, declared.name or "") is not None
    return "tls" if found == "tcp" and is_tls else found
