"""Which GatewayClasses are ours, and which Gateways that makes ours."""

from sekisho.engine import Read, query
from sekisho.model.names import ResourceId
from sekisho.model.zone_ingress import ZONE_EGRESS_CLASS, ZONE_INGRESS_CLASS

CONTROLLER_NAME = "sekisho.dev/gateway-controller"
"""`GatewayClass.spec.controllerName` of the classes we serve, and the writer named in route status."""


@query
def is_ours(read: Read, name: str) -> bool:
    """Whether the GatewayClass exists and names us as its controller."""
    gateway_class = read.leaf(ResourceId("GatewayClass", "", name))
    return gateway_class is not None and gateway_class.spec.controller_name == CONTROLLER_NAME


@query
def is_accepted(read: Read, name: str) -> bool:
    """Whether a class of ours can be used: we know no kind of parameters, so it must refer to none."""
    return is_ours(read, name) and read.leaf(ResourceId("GatewayClass", "", name)).spec.parameters_ref is None


@query
def serves(read: Read, gateway: ResourceId) -> bool:
    """Whether the Gateway exists and is of one of our classes: only then do we write anything about it."""
    resource = read.leaf(gateway)
    return resource is not None and is_ours(read, resource.spec.gateway_class_name)


@query
def is_zone_ingress(read: Read, gateway: ResourceId) -> bool:
    """Whether it lets other zones in, and does nothing else."""
    return serves(read, gateway) and read.leaf(gateway).spec.gateway_class_name == ZONE_INGRESS_CLASS


@query
def is_zone_egress(read: Read, gateway: ResourceId) -> bool:
    """Whether it lets members out, and does nothing else."""
    return serves(read, gateway) and read.leaf(gateway).spec.gateway_class_name == ZONE_EGRESS_CLASS


def is_found_by_name(read: Read, gateway: ResourceId) -> bool:
    """Whether its connections are for whom their server name says, and no route is asked."""
    return is_zone_ingress(read, gateway) or is_zone_egress(read, gateway)
