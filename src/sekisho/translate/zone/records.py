"""Records: all that this zone keeps for others to read, kind by kind, named `<what>.<zone>`.

None where the control plane is linked to no global one: alone, nobody reads them, and the store stays clean.
"""

from collections.abc import Iterator
from typing import Any

from sekisho.engine import Output, Read, index, output
from sekisho.model.kinds import KINDS
from sekisho.model.mesh import MESH_LABEL, SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId
from sekisho.model.origin import zoned
from sekisho.translate.facts import Authority, SettingsKey
from sekisho.translate.gateway.classes import is_zone_ingress
from sekisho.translate.mesh.identities import own_domains
from sekisho.translate.mesh.meshes import own_domain, zone
from sekisho.translate.mesh.trust import own_trust
from sekisho.translate.zone.advertised import advertised
from sekisho.translate.zone.exports import is_exported, is_linked, record_labels, zone_service

UNTOLD: dict[str, Any] = {}
"""Instead of a document: what is there stays, as it cannot be known yet what it should say."""
RECORD_KINDS = ("ZoneService", "ZoneIngress", "MeshTrust")


def _linked(read: Read, _: Any) -> tuple[str, ...]:
    return ("",) if is_linked(read) else ()


def _services(read: Read, service: ResourceId) -> Iterator[ResourceId]:
    if is_exported(read, service):
        yield ResourceId("ZoneService", service.namespace, zoned(service.name, zone(read)))


def _ingresses(read: Read, gateway: ResourceId) -> Iterator[ResourceId]:
    if is_zone_ingress(read, gateway):
        yield ResourceId("ZoneIngress", gateway.namespace, zoned(gateway.name, zone(read)))


def _trusts(read: Read, mesh: ResourceId) -> Iterator[ResourceId]:
    for domain in own_domains(read, mesh.name):
        yield ResourceId("MeshTrust", SYSTEM_NAMESPACE, _trust_name(read, mesh.name, domain))


def _trust_name(read: Read, mesh: str, domain: str) -> str:
    """`<mesh>.<zone>`, and for a trust domain that is called otherwise `<mesh>.<domain>.<zone>`."""
    named = mesh if domain == own_domain(read, mesh) else f"{mesh}.{domain}"
    return zoned(named, zone(read))


def _record(read: Read, record: ResourceId) -> dict[str, Any] | None:
    source = record.name.removesuffix(zoned("", zone(read)))
    match record.kind:
        case "ZoneService":
            return zone_service(read, ResourceId("Service", record.namespace, source))
        case "ZoneIngress":
            return _zone_ingress(read, ResourceId("Gateway", record.namespace, source))
        case _:
            return _mesh_trust(read, record, *source.partition(".")[::2])


def _document(read: Read, record: ResourceId, spec: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": KINDS[record.kind].api_version,
        "kind": record.kind,
        "metadata": {
            "name": record.name,
            "namespace": record.namespace,
            "labels": {**record_labels(read), **labels},
        },
        "spec": spec,
    }


def _zone_ingress(read: Read, gateway: ResourceId) -> dict[str, Any]:
    record = ResourceId("ZoneIngress", gateway.namespace, zoned(gateway.name, zone(read)))
    places = advertised(read, gateway)
    spec = {
        "zone": zone(read),
        "addresses": [{"address": place.address, "port": place.port} for place in places],
        "ready": bool(places),
    }
    return _document(read, record, spec)


def _mesh_trust(read: Read, record: ResourceId, mesh: str, domain: str) -> dict[str, Any] | None:
    """Public certificates, all that are believed now. A domain nobody is believed in has no record.

    A control plane that begins anew has not heard of its authority for a moment: others go on believing it.
    """
    wanted = domain or own_domain(read, mesh)
    found = sorted({certificates for name, certificates in own_trust(read, mesh) if name == wanted})
    if not found:
        return UNTOLD if read.leaf(Authority.of(mesh)) is None else None
    bundles = [{"type": "Pem", "pem": {"value": certificates.decode()}} for certificates in found]
    spec = {"trustDomain": wanted, "caBundles": bundles}
    return _document(read, record, spec, **{MESH_LABEL: mesh})


_LINKED = index("links", source=SettingsKey().kind, emit=_linked)
_SERVICES = index("records of services", source="Service", emit=_services, when=_LINKED)
_INGRESSES = index("records of ingresses", source="Gateway", emit=_ingresses, when=_LINKED)
_TRUSTS = index("records of trust", source="Mesh", emit=_trusts, when=_LINKED)

RECORDS: Output[dict[str, Any]] = output("records", source=(_SERVICES, _INGRESSES, _TRUSTS), build=_record)
"""Record → the document it should be, as in the API; or `UNTOLD`."""
