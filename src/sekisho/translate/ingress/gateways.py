"""The Gateway made for an IngressClass that names none, while there is an Ingress of the class."""

from collections.abc import Iterator
from typing import Any

from sekisho.engine import Output, Read, index, output
from sekisho.model.gateway import GATEWAY_GROUP
from sekisho.model.ingress import IngressClass
from sekisho.model.names import ResourceId
from sekisho.translate.ingress.classes import class_of, gateway_of_class, implicit_gateway

CLASS_LABEL = "sekisho.dev/ingress-class"
"""On a Gateway made for an IngressClass: the name of the class."""
_GATEWAY_CLASS = "sekisho"
_LONGEST_LABEL = 63
_EVERYWHERE = {"namespaces": {"from": "All"}}


def _class_in_use(read: Read, ingress: ResourceId) -> Iterator[ResourceId]:
    name = class_of(read, ingress)
    if gateway_of_class(read, name) == implicit_gateway(name):
        yield ResourceId("IngressClass", "", name)


def _gateway(read: Read, ingress_class: ResourceId) -> dict[str, Any]:
    resource: IngressClass = read.leaf(ingress_class)
    made = implicit_gateway(ingress_class.name)
    owner = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": ingress_class.name,
        "uid": resource.metadata.uid or "",
    }
    return {
        "apiVersion": f"{GATEWAY_GROUP}/v1",
        "kind": made.kind,
        "metadata": {
            "name": made.name,
            "namespace": made.namespace,
            "labels": {CLASS_LABEL: ingress_class.name[:_LONGEST_LABEL].rstrip(".-")},
            "ownerReferences": [owner],
        },
        "spec": {
            "gatewayClassName": _GATEWAY_CLASS,
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": _EVERYWHERE}],
            "allowedListeners": _EVERYWHERE,
        },
    }


_IN_USE = index("IngressClasses in use", source="Ingress", emit=_class_in_use)

INGRESS_GATEWAYS: Output[dict[str, Any]] = output(
    "gateways of IngressClasses", source=_IN_USE, build=_gateway
)
"""IngressClass → the Gateway to keep for it, a document as in the API."""
