"""The status of an Ingress: its addresses, and at each port what is wrong with it."""

from typing import Any

from sekisho.engine import Read, query
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.certificates import presented
from sekisho.translate.gateway.doors import door
from sekisho.translate.gateway.gateways import admission
from sekisho.translate.gateway.listeners import Door
from sekisho.translate.gateway.routes import plan
from sekisho.translate.ingress.classes import doors_of, gateway_of_ingress, https_port
from sekisho.translate.ingress.derived import listener_set_of, parts, route_of
from sekisho.translate.ingress.secured import Secured, holder, secrets_of


@query
def ingress_status(read: Read, ingress: ResourceId) -> dict[str, Any] | None:
    """None for an Ingress of a class that is not ours."""
    gateway = gateway_of_ingress(read, ingress)
    if gateway is None:
        return None
    found = admission(read, gateway)
    if found is None or not found.addresses:
        return {"loadBalancer": {}}
    ports = _ports(read, ingress, gateway)
    return {"loadBalancer": {"ingress": [{"ip": address, "ports": ports} for address in found.addresses]}}


def _ports(read: Read, ingress: ResourceId, gateway: ResourceId) -> list[dict[str, Any]]:
    """Those of plain HTTP, then that of HTTPS if any of its hosts has a certificate."""
    wrong = _wrong_with_routes(read, ingress)
    plain = (door(read, gateway, name) for name in doors_of(read, gateway).http)
    found = [_port(one.port, wrong) for one in plain if one is not None]
    hosts = secrets_of(read.leaf(ingress))
    if hosts:
        faults = (_wrong_with_certificate(read, Secured(gateway, host)) for host in sorted(hosts))
        found.append(_port(https_port(read, ingress), next(filter(None, faults), wrong)))
    return found


def _port(number: int, error: str) -> dict[str, Any]:
    """`error` is one word (PortStatus); what it is about, `explain` tells."""
    said = {"port": number, "protocol": "TCP"}
    return {**said, "error": error} if error else said


def _wrong_with_routes(read: Read, ingress: ResourceId) -> str:
    """The reason of the first backend that leads nowhere; empty when all are there."""
    for part in parts(read, ingress):
        route = route_of(ingress, part)
        broken = plan(read, route).broken if read.leaf(route) is not None else ()
        if broken:
            return broken[0].reason
    return ""


def _wrong_with_certificate(read: Read, secured: Secured) -> str:
    """Why a host is closed on the port of HTTPS; empty when it is open."""
    found = holder(read, secured)
    source = None if found is None else listener_set_of(secured, found.ingress)
    one: Door | None = None if source is None else door(read, source, "https")
    if source is None or one is None:
        return "NotAllowed"
    if one.fault is not None:
        return one.fault.reason
    shown = presented(read, source, one.name)
    if shown.problems:
        return shown.problems[0].reason
    return "" if shown.certificates else "InvalidCertificateRef"
