"""Fetches the cluster a request is to go to when the proxy does not know it yet; the request waits for it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sekisho.envoy.building import ADS, extension, new, seconds
from sekisho.envoy.resource import Resource, resource
from sekisho.protos import pack

NAME = "envoy.filters.http.on_demand"
_TYPE = "envoy.extensions.filters.http.on_demand.v3.OnDemand"
_PER_ROUTE = "envoy.extensions.filters.http.on_demand.v3.PerRouteConfig"

FETCHED_WITHIN_SECONDS = 5
"""So long a first request or connection waits for the way to its destination, endpoints included; then it is
answered 503, or closed. (envoy: OnDemandCds.timeout, the default)"""


def http_filter() -> dict[str, Any]:
    """Stands first: a request that had to wait passes all filters anew, and may be counted by none twice."""
    return extension(NAME, _TYPE, odcds={"source": ADS, "timeout": seconds(FETCHED_WITHIN_SECONDS)})


def of_tcp_proxy() -> dict[str, Any]:
    """envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.OnDemand: the same for connections."""
    return {"odcds_config": ADS, "timeout": seconds(FETCHED_WITHIN_SECONDS)}


def stand_in(name: str) -> Resource:
    """A cluster that leads nowhere, for one that is asked for and not to be had now.

    Envoy asks for a name once. After "there is none", whoever calls later waits until the time is over; with
    this, they are answered 503 (or closed) at once, until the cluster itself takes its place.
    """
    nowhere = {"cluster_name": name}
    return resource(new("envoy.config.cluster.v3.Cluster", name=name, type="STATIC", load_assignment=nowhere))


@cache
def never_fetched() -> Mapping[str, Any]:
    """`typed_per_filter_config` of where requests go that nothing is defined for on purpose: Envoy asks for a
    name once, and lets who comes later wait until the time is over."""
    return {NAME: pack(new(_PER_ROUTE))}
