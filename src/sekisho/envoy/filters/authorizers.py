"""Authorizers: another service is asked whether a request may pass.

One filter for each protocol, as what an authorizer is shown is decided for a whole filter. Both are always in
the chain: one that came with the first route that needs it would not be there on connections made before.
They are off, but for routes that say whom to ask; should one run without, it asks nobody, and refuses.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, milliseconds, new
from sekisho.protos import pack

_NAMES: Mapping[str, str] = {
    "GRPC": "envoy.filters.http.ext_authz.grpc",
    "HTTP": "envoy.filters.http.ext_authz.http",
}
NAMES = tuple(_NAMES.values())
_PACKAGE = "envoy.extensions.filters.http.ext_authz.v3"
_TYPE = f"{_PACKAGE}.ExtAuthz"
TIMEOUT_MS = 5_000
"""How long an authorizer has to answer; after that the request is refused."""
_NOBODY = "~nobody"
"""A cluster that is never defined."""
_OF_THE_CONNECTION = "connection|content-[!-~]*|host|keep-alive|te|trailer|transfer-encoding|upgrade"
"""RE2 of headers that no authorizer can set: they are about its own answer, and would break the request
(RFC 9110, 7.6.1 and 8)."""


def http_filters() -> list[dict[str, Any]]:
    """envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter, in order."""
    rules = {"disallow_expression": {"regex": _OF_THE_CONNECTION}}
    grpc: dict[str, Any] = {"grpc_service": _grpc_service(_NOBODY), "transport_api_version": "V3"}
    http: dict[str, Any] = {"http_service": _http_service(_NOBODY)}
    return [
        extension(_NAMES[protocol], _TYPE, decoder_header_mutation_rules=rules, **service)
        for protocol, service in (("GRPC", grpc), ("HTTP", http))
    ]


@cache
def switched_off() -> Mapping[str, Any]:
    """For every RouteConfiguration, that of exact hosts as well: a host written with capitals gets its route
    late, when the filters are there already (`lowercase.py`)."""
    return dict.fromkeys(NAMES, pack(new(f"{_PACKAGE}.ExtAuthzPerRoute", disabled=True)))


def authorizer_settings(wanted: ir.Authorizer) -> Mapping[str, Any]:
    """envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, as per-route settings."""
    settings: dict[str, Any] = (
        {"grpc_service": _grpc_service(wanted.cluster)}
        if wanted.protocol == "GRPC"
        else {"http_service": _http_service(wanted.cluster, wanted.path_prefix, wanted.response_headers)}
    )
    if wanted.max_body:
        settings["with_request_body"] = {"max_request_bytes": wanted.max_body}
    per_route = new(f"{_PACKAGE}.ExtAuthzPerRoute", check_settings=settings)
    return {_NAMES[wanted.protocol]: pack(per_route)}


def _grpc_service(cluster: str) -> dict[str, Any]:
    return {"envoy_grpc": {"cluster_name": cluster}, "timeout": milliseconds(TIMEOUT_MS)}


def _http_service(cluster: str, prefix: str = "", headers: Iterable[str] = ()) -> dict[str, Any]:
    """The host is that of the request: `uri` is looked at by nobody."""
    return {
        "server_uri": {"uri": "http://authorizer", "cluster": cluster, "timeout": milliseconds(TIMEOUT_MS)},
        "path_prefix": prefix,
        "authorization_response": {"allowed_upstream_headers": {"patterns": _passed_on(headers)}},
    }


def _passed_on(headers: Iterable[str]) -> list[dict[str, Any]]:
    """StringMatchers of headers of the answer that go on to the backend."""
    return [{"exact": name} for name in headers] or [{"safe_regex": {"regex": "[!-~]+"}}]
