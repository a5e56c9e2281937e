"""ClusterLoadAssignment: the ready addresses of one cluster, grouped by zone."""

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any

from sekisho import ir
from sekisho.envoy.building import new


def cluster_load_assignment(wanted: ir.Endpoints) -> Any:
    """envoy.config.endpoint.v3.ClusterLoadAssignment. Without endpoints Envoy answers 503."""
    assignment = new("envoy.config.endpoint.v3.ClusterLoadAssignment", cluster_name=wanted.cluster)
    weighted = any(endpoint.weight != 1 for endpoint in wanted.endpoints)
    by_zone = sorted(wanted.endpoints, key=attrgetter("zone"))
    for zone, endpoints in groupby(by_zone, attrgetter("zone")):
        locality = assignment.endpoints.add(locality={"zone": zone})
        _add(locality.lb_endpoints, endpoints, weighted=weighted)
    return assignment


def _add(lb_endpoints: Any, endpoints: Iterable[ir.Endpoint], *, weighted: bool) -> None:
    """One LbEndpoint is written over and copied: endpoints come by the ten thousand, and a message made of
    dicts costs twice as much."""
    one = new("envoy.config.endpoint.v3.LbEndpoint")
    socket_address = one.endpoint.address.socket_address
    for endpoint in endpoints:
        socket_address.address, socket_address.port_value = endpoint.address, endpoint.port
        if weighted:
            one.load_balancing_weight.value = endpoint.weight
        lb_endpoints.append(one)
