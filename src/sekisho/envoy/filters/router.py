"""Sends the request to a cluster, or answers it: the end of the chain."""

from typing import Any

from sekisho.envoy.building import extension

NAME = "envoy.filters.http.router"


def http_filter() -> dict[str, Any]:
    """Without `x-envoy-*` headers: backends and clients are not Envoys, and need not know that we are."""
    return extension(NAME, "envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True)
