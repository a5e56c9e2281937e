"""What crosses between zones and the global control plane, and what it is called on the other side."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sekisho.federation.producers import as_seen_elsewhere, is_produced
from sekisho.model.kinds import POLICY_KINDS
from sekisho.model.names import ResourceId
from sekisho.model.origin import (
    GLOBAL,
    ORIGIN_LABEL,
    ORIGIN_LABELS,
    SET_LABEL,
    ZONE,
    ZONE_LABEL,
    origin_zone,
    zoned,
)
from sekisho.model.routes import ROUTE_KINDS

Document = Mapping[str, Any]
"""A resource as JSON."""


class Way(StrEnum):
    """Where resources of a kind go."""

    RECORD = "record"
    """A zone derives it; it goes to global and on to the other zones, under its own name."""
    SHARED = "shared"
    """Written at global, it goes to every zone; written in a zone, it stays there."""
    POLICY = "policy"
    """Shared; and one written in a zone goes to global to be seen, and on to the other zones if it is about
    calls to a service of its zone. Elsewhere its name ends in `.<zone>`."""
    STAYS = "stays"
    """Never leaves: it holds secrets, or says something about one place."""


WAYS: Mapping[str, Way] = MappingProxyType(
    {
        **dict.fromkeys(("ZoneService", "ZoneIngress", "MeshTrust"), Way.RECORD),
        **dict.fromkeys(
            ("Mesh", "Zone", "HostnameGenerator", "MultiZoneService", "ExternalService"), Way.SHARED
        ),
        **dict.fromkeys((*POLICY_KINDS, "MeshTLS", *ROUTE_KINDS), Way.POLICY),
        **dict.fromkeys(
            (
                "Namespace", "Service", "Secret", "ConfigMap", "ServiceAccount", "EndpointSlice",
                "GatewayClass", "Gateway", "ListenerSet", "ReferenceGrant", "BackendTLSPolicy",
                "XMesh", "XBackend", "XBackendTrafficPolicy",
                "Workload", "MeshIdentity", "Ingress", "IngressClass",
            ),
            Way.STAYS,
        ),
    }
)  # fmt: skip
"""Every kind: a test holds that none is left to chance."""


def _kinds(*ways: Way) -> tuple[str, ...]:
    return tuple(sorted(kind for kind, way in WAYS.items() if way in ways))


UP_KINDS = _kinds(Way.RECORD, Way.POLICY)
"""What zones send to global."""
DOWN_KINDS = _kinds(Way.RECORD, Way.POLICY, Way.SHARED)
"""What global sends to zones."""
FROM_ZONES = UP_KINDS
"""What of one zone global sends on to others."""

_NOT_COPIED = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
"""Annotations that are about the original."""
_OWN_LABELS = frozenset({*ORIGIN_LABELS, SET_LABEL})
"""Labels that are about the original, or are written anew."""


def id_of(document: Document) -> ResourceId:
    """What a document is of."""
    metadata = document["metadata"]
    return ResourceId(document["kind"], metadata.get("namespace", ""), metadata["name"])


def labels_of(document: Document) -> Mapping[str, str]:
    """Its labels, none where `metadata.labels` is missing or null."""
    found: Mapping[str, str] = document["metadata"].get("labels") or {}
    return found


def up_id(document: Document, zone: str) -> ResourceId | None:
    """What global calls something stored in a zone, if it ever goes there."""
    id = id_of(document)
    match WAYS.get(id.kind), labels_of(document).get(ORIGIN_LABEL):
        case Way.RECORD, _ if origin_zone(labels_of(document)) == zone:
            return id
        case Way.POLICY, None:
            return id._replace(name=zoned(id.name, zone))
        case _:
            return None


def up(document: Document, zone: str) -> Document | None:
    """What a zone tells global of something stored in it; None of what is not for others."""
    id = up_id(document, zone)
    return None if id is None else _copied(document, id.name, {ORIGIN_LABEL: ZONE, ZONE_LABEL: zone})


def down_id(document: Document, zone: str) -> ResourceId | None:
    """What a zone calls something stored at global, if it ever goes there."""
    id, labels = id_of(document), labels_of(document)
    match WAYS.get(id.kind), labels.get(ORIGIN_LABEL):
        case ((Way.SHARED | Way.POLICY), None):
            return id
        case ((Way.RECORD | Way.POLICY), "zone") if origin_zone(labels) not in ("", zone):
            return id
        case _:
            return None


def down(document: Document, zone: str, is_enabled: Callable[[str], bool]) -> Document | None:
    """What global tells a zone of something stored at global; None of what is not for it."""
    id = down_id(document, zone)
    if id is None:
        return None
    origin = origin_zone(labels_of(document))
    if not origin:
        return _copied(document, id.name, {ORIGIN_LABEL: GLOBAL})
    if not is_enabled(origin):
        return None
    copy = _copied(document, id.name, {ORIGIN_LABEL: ZONE, ZONE_LABEL: origin})
    if WAYS[id.kind] is Way.RECORD:
        return copy
    return as_seen_elsewhere(copy, origin) if is_produced(copy) else None


def _copied(document: Document, name: str, origin: dict[str, str]) -> dict[str, Any]:
    """The writer's words, without status and without what belongs to the place where they are stored."""
    metadata = document["metadata"]
    labels = {key: value for key, value in labels_of(document).items() if key not in _OWN_LABELS}
    told: dict[str, Any] = {"name": name, "labels": labels | origin}
    if metadata.get("namespace"):
        told["namespace"] = metadata["namespace"]
    annotations = metadata.get("annotations") or {}
    if kept := {key: value for key, value in annotations.items() if key not in _NOT_COPIED}:
        told["annotations"] = kept
    rest = {key: value for key, value in document.items() if key not in ("metadata", "status")}
    return {**rest, "metadata": told}
