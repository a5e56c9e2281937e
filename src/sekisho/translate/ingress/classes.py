"""Which IngressClasses are ours, and the Gateway that serves the Ingresses of each."""

from typing import NamedTuple

from sekisho.engine import Read, query
from sekisho.model.gateway import GATEWAY_GROUP, Gateway, Listener
from sekisho.model.ingress import (
    CLASS_ANNOTATION,
    HTTPS_PORT_ANNOTATION,
    Ingress,
    IngressClass,
    IngressClassParametersReference,
)
from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId

INGRESS_CONTROLLER = "sekisho.dev/ingress-controller"
"""`IngressClass.spec.controller` of the classes we serve."""

_HTTPS = 443
_HIGHEST_PORT = 65535


class Doors(NamedTuple):
    """Where requests for Ingresses come in at a Gateway."""

    http: tuple[str, ...]
    """Names of its listeners that speak plain HTTP."""
    https: tuple[str, ...]
    """Names of its own listeners that speak HTTPS, beside those that Ingresses add."""


def implicit_gateway(name: str) -> ResourceId:
    """The Gateway made for a class that names none."""
    return ResourceId("Gateway", SYSTEM_NAMESPACE, f"ingress-{name}")


@query
def class_of(read: Read, ingress: ResourceId) -> str:
    """The name of the class of an Ingress; empty for none. The old annotation counts where the field is not
    set."""
    resource: Ingress = read.leaf(ingress)
    return resource.spec.ingress_class_name or resource.metadata.annotations.get(CLASS_ANNOTATION, "")


@query
def gateway_of_class(read: Read, name: str) -> ResourceId | None:
    """The Gateway that serves a class: the one its parameters name, or one made for it. None for a class that
    is not ours, or whose parameters we do not know: nothing of it is served."""
    resource: IngressClass | None = read.leaf(ResourceId("IngressClass", "", name)) if name else None
    if resource is None or resource.spec.controller != INGRESS_CONTROLLER:
        return None
    parameters = resource.spec.parameters
    return implicit_gateway(name) if parameters is None else _named(parameters)


def _named(parameters: IngressClassParametersReference) -> ResourceId | None:
    if (parameters.api_group, parameters.kind) != (GATEWAY_GROUP, "Gateway") or not parameters.namespace:
        return None
    return ResourceId("Gateway", parameters.namespace, parameters.name)


@query
def gateway_of_ingress(read: Read, ingress: ResourceId) -> ResourceId | None:
    """The Gateway that serves an Ingress; None for one that is not ours."""
    return gateway_of_class(read, class_of(read, ingress))


@query
def doors_of(read: Read, gateway: ResourceId) -> Doors:
    """None at all while there is no such Gateway."""
    listeners = _listeners(read, gateway)
    return Doors(
        tuple(one.name for one in listeners if one.protocol == "HTTP"),
        tuple(one.name for one in listeners if one.protocol == "HTTPS"),
    )


@query
def https_port(read: Read, ingress: ResourceId) -> int:
    """Where the hosts of an Ingress are served that have a certificate: as its class says, else where its
    Gateway has HTTPS already, else 443."""
    resource: IngressClass | None = read.leaf(ResourceId("IngressClass", "", class_of(read, ingress)))
    said = "" if resource is None else resource.metadata.annotations.get(HTTPS_PORT_ANNOTATION, "")
    if said.isdecimal() and 1 <= int(said) <= _HIGHEST_PORT:
        return int(said)
    gateway = gateway_of_ingress(read, ingress)
    own = (one.port for one in _listeners(read, gateway) if one.protocol == "HTTPS") if gateway else iter(())
    return next(own, _HTTPS)


def _listeners(read: Read, gateway: ResourceId) -> tuple[Listener, ...]:
    resource: Gateway | None = read.leaf(gateway)
    return () if resource is None else resource.spec.listeners
