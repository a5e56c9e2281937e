"""The classes that are there from the first start, so that a Gateway or an Ingress needs nothing else."""

from collections.abc import Iterator
from typing import Any

from sekisho.model.document import check
from sekisho.model.ingress import DEFAULT_CLASS_ANNOTATION
from sekisho.model.names import ResourceId
from sekisho.model.zone_ingress import ZONE_EGRESS_CLASS, ZONE_INGRESS_CLASS
from sekisho.store.protocol import Store, Write
from sekisho.translate.gateway.classes import CONTROLLER_NAME
from sekisho.translate.ingress.classes import INGRESS_CONTROLLER

_GATEWAY_CLASSES = {
    "sekisho": "Gateways served by Sekisho's Envoys.",
    ZONE_INGRESS_CLASS: "Gateways that let other zones in to the Services of this one.",
    ZONE_EGRESS_CLASS: "Gateways that let members of a mesh out to ExternalServices.",
}
"""By name, with what each is for."""


async def ensure_classes(store: Store) -> None:
    """Creates each class when there is none of its name; one that somebody changed stays as it is."""
    await store.write([_creation(document) for document in _classes()])


def _creation(document: dict[str, Any]) -> Write:
    kind = document["kind"]
    return Write("create", ResourceId(kind, "", document["metadata"]["name"]), check(kind, document).object)


def _classes() -> Iterator[dict[str, Any]]:
    for name, description in _GATEWAY_CLASSES.items():
        yield {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": name},
            "spec": {"controllerName": CONTROLLER_NAME, "description": description},
        }
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "sekisho", "annotations": {DEFAULT_CLASS_ANNOTATION: "true"}},
        "spec": {"controller": INGRESS_CONTROLLER},
    }
