"""Policies and routes that the owner of a service writes for its callers, as the other zones see them."""

from collections.abc import Mapping
from typing import Any

from sekisho.model.kinds import SEKISHO_GROUP
from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.origin import zoned
from sekisho.model.routes import ROUTE_KINDS

Document = Mapping[str, Any]

_BACKENDS = frozenset({"backendRef", "backendRefs"})


def is_produced(document: Document) -> bool:
    """Whether it is about calls to services of its own namespace and zone, and nothing else."""
    namespace, spec = document["metadata"].get("namespace", ""), document.get("spec") or {}
    if namespace == SYSTEM_NAMESPACE:
        return False
    if document["kind"] in ROUTE_KINDS:
        about = [(_is_service(parent), parent) for parent in spec.get("parentRefs") or ()]
    else:
        about = [_destination(entry) for entry in spec.get("to") or ()]
    return bool(about) and all(
        fits and reference.get("name") and reference.get("namespace") in (None, namespace)
        for fits, reference in about
    )


def as_seen_elsewhere(document: Document, zone: str) -> dict[str, Any]:
    """The same with the Services it names called as other zones call them: ZoneServices of its zone.

    So it can never be about anything of another zone, whatever it names.
    """
    spec = dict(document["spec"])
    if document["kind"] in ROUTE_KINDS:
        spec["parentRefs"] = [_foreign(parent, zone) for parent in spec["parentRefs"]]
        spec["rules"] = _backends(spec.get("rules") or [], zone)
        return {**document, "spec": spec}
    spec["to"] = [{**entry, "targetRef": _foreign_target(entry["targetRef"], zone)} for entry in spec["to"]]
    if (target := spec.get("targetRef")) and target["kind"] == "HTTPRoute":
        spec["targetRef"] = _foreign_target(target, zone)
    return {**document, "spec": spec}


def _destination(entry: Document) -> tuple[bool, Document]:
    reference: Document = entry.get("targetRef") or {}
    return reference.get("kind") in {"Service", "HTTPRoute"}, reference


def _is_service(reference: Document) -> bool:
    """`parentRefs` name a Gateway unless they say otherwise; stored, they say it always."""
    return reference.get("kind") == "Service" and not reference.get("group")


def _foreign(reference: Document, zone: str) -> dict[str, Any]:
    return {
        **reference,
        "group": SEKISHO_GROUP,
        "kind": "ZoneService",
        "name": zoned(reference["name"], zone),
    }


def _foreign_target(reference: Document, zone: str) -> dict[str, Any]:
    """A targetRef: it has no group. A route's copy carries its zone in its name, too."""
    kind = "ZoneService" if reference["kind"] == "Service" else reference["kind"]
    named = {"name": zoned(reference["name"], zone)} if reference.get("name") else {}
    return {**reference, "kind": kind, **named}


def _backends(value: Any, zone: str, field: str = "") -> Any:
    """Services among the backends of rules and of their filters."""
    if isinstance(value, list):
        return [_backends(item, zone, field) for item in value]
    if not isinstance(value, Mapping):
        return value
    copy = {key: _backends(item, zone, key) for key, item in value.items()}
    if field in _BACKENDS and not copy.get("group") and copy.get("kind", "Service") == "Service":
        return _foreign(copy, zone)
    return copy
