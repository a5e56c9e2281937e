"""Sends the request to a cluster, or answers it: the end of the chain."""

from functools import cache
from typing import Any

from sekisho.envoy.building import OFF, extension

NAME = "envoy.filters.http.router"
_TYPE = "envoy.extensions.filters.http.router.v3.Router"


def http_filter() -> dict[str, Any]:
    """Without `x-envoy-*` headers: backends and clients are not Envoys, and need not know that we are."""
    return extension(NAME, _TYPE, suppress_envoy_headers=True)


@cache
def quiet_http_filter() -> dict[str, Any]:
    """For sidecars: without the statistics of each zone and virtual cluster either, which nobody keeps."""
    return extension(NAME, _TYPE, suppress_envoy_headers=True, dynamic_stats=OFF)
