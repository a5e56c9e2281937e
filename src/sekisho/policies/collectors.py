"""Where logs and spans go: the cluster of a collector, and the addresses of one outside the mesh."""

from collections.abc import Mapping
from typing import Any

from sekisho import ir
from sekisho.model.names import Origin
from sekisho.model.policies.collectors import Collector

INBOUND = "inbound/"
"""Begins the names of collectors of a workload's own view, so that they never meet those of its World."""

_BY_ADDRESS = "collector/address/"


def cluster_name(collector: Collector, side: str = "") -> str:
    """`collector/address/<address>/<port>`, or the ordinary cluster of a Service,
    `<namespace>/<service>/<port>`."""
    if collector.service is not None:
        return f"{collector.service.namespace}/{collector.service.name}/{collector.service.port}"
    return f"{side}{_BY_ADDRESS}{collector.address}/{collector.port}"


def is_address(name: str) -> bool:
    """Whether it is the name of a collector by address; that of a Service has one part less."""
    plain = name.removeprefix(INBOUND)
    return plain.startswith(_BY_ADDRESS) and plain.count("/") > _BY_ADDRESS.count("/")


def cluster(collector: Collector, protocol: ir.Protocol, origin: Origin, side: str = "") -> ir.Cluster | None:
    """The cluster of a collector by address; None for a Service, whose cluster there is anyway."""
    if collector.address is None or collector.port is None:
        return None
    return ir.Cluster(
        name=cluster_name(collector, side),
        protocol=protocol,
        hosts=(ir.Host(collector.address, collector.port),),
        origin=origin,
    )


def at_home(document: Any, namespace: str) -> Any:
    """A `default` in which collectors without a namespace have that of their policy: after merging, nobody
    would know whose it was."""
    if isinstance(document, Mapping):
        found = {key: at_home(value, namespace) for key, value in document.items()}
        service = found.get("service")
        if isinstance(service, dict) and "name" in service:
            service.setdefault("namespace", namespace)
        return found
    return [at_home(item, namespace) for item in document] if isinstance(document, list) else document
