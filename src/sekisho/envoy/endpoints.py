"""ClusterLoadAssignment: the ready addresses of one cluster, grouped by zone."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from sekisho import ir
from sekisho.envoy.building import new


def cluster_load_assignment(wanted: ir.Endpoints) -> Any:
    """envoy.config.endpoint.v3.ClusterLoadAssignment. Without endpoints Envoy answers 503."""
    by_zone = sorted(wanted.endpoints, key=attrgetter("zone"))
    return new(
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        cluster_name=wanted.cluster,
        endpoints=[
            {"locality": {"zone": zone}, "lb_endpoints": [_lb_endpoint(endpoint) for endpoint in endpoints]}
            for zone, endpoints in groupby(by_zone, attrgetter("zone"))
        ],
    )


def _lb_endpoint(endpoint: ir.Endpoint) -> dict[str, Any]:
    socket_address = {"address": endpoint.address, "port_value": endpoint.port}
    return {"endpoint": {"address": {"socket_address": socket_address}}}
