"""ClusterLoadAssignment: the ready addresses of one cluster, grouped by place and by when they are tried."""

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any

from sekisho import ir
from sekisho.envoy.building import new
from sekisho.envoy.tunnels import into_tunnel
from sekisho.envoy.upstream_tls import MEMBER, MESHED

_LB_ENDPOINT = "envoy.config.endpoint.v3.LbEndpoint"
_ADDRESS = "envoy.config.core.v3.Address"
_TRANSPORT = "envoy.transport_socket_match"
_PLACE = attrgetter("priority", "zone", "sub_zone", "locality_weight")


def cluster_load_assignment(wanted: ir.Endpoints) -> Any:
    """envoy.config.endpoint.v3.ClusterLoadAssignment. Without endpoints Envoy answers 503."""
    assignment = new("envoy.config.endpoint.v3.ClusterLoadAssignment", cluster_name=wanted.cluster)
    if wanted.overprovisioning_percent is not None:
        assignment.policy.overprovisioning_factor.value = wanted.overprovisioning_percent
    weighted = any(endpoint.weight != 1 for endpoint in wanted.endpoints)
    for (priority, zone, sub_zone, weight), endpoints in groupby(
        sorted(wanted.endpoints, key=_PLACE), _PLACE
    ):
        place = assignment.endpoints.add(priority=priority, locality={"zone": zone, "sub_zone": sub_zone})
        if weight:
            place.load_balancing_weight.value = weight
        _add(place.lb_endpoints, endpoints, weighted=weighted)
    return assignment


def _add(lb_endpoints: Any, endpoints: Iterable[ir.Endpoint], *, weighted: bool) -> None:
    """One LbEndpoint of a kind is written over and copied: endpoints come by the ten thousand, and a message
    made of dicts costs twice as much."""
    forms: dict[tuple[bool, str, bool], Any] = {}
    for endpoint in endpoints:
        if endpoint.tunnel:
            lb_endpoints.append(_through_tunnel(endpoint))
            continue
        kind = endpoint.meshed, endpoint.member, endpoint.probed
        one = forms.get(kind)
        if one is None:
            one = forms[kind] = _form(*kind)
        socket_address = one.endpoint.address.socket_address
        socket_address.address, socket_address.port_value = endpoint.address, endpoint.port
        if weighted:
            one.load_balancing_weight.value = endpoint.weight
        lb_endpoints.append(one)


def _through_tunnel(endpoint: ir.Endpoint) -> Any:
    """envoy.config.endpoint.v3.LbEndpoint"""
    one = _form(endpoint.meshed, endpoint.member, endpoint.probed)
    one.endpoint.address.MergeFrom(new(_ADDRESS, **into_tunnel(endpoint.tunnel, endpoint.address)))
    one.load_balancing_weight.value = endpoint.weight
    return one


def _form(meshed: bool, member: str, probed: bool) -> Any:  # noqa: FBT001 - a key
    """envoy.config.endpoint.v3.LbEndpoint, without address and weight."""
    form = new(_LB_ENDPOINT)
    if meshed:
        marks: dict[str, Any] = {MESHED: {"bool_value": True}}
        if member:
            marks[MEMBER] = {"string_value": member}
        form = new(_LB_ENDPOINT, metadata={"filter_metadata": {_TRANSPORT: {"fields": marks}}})
    if not probed:
        form.endpoint.health_check_config.disable_active_health_check = True
    return form
