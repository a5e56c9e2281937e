"""Authorizers: another service is asked whether a request may pass.

One filter for each protocol. Both are always in the chain: one that came with the first route that needs it
would not be there on connections made before. They are off, but for routes that say whom to ask; should one
run without, it asks nobody, and refuses.

Which headers an authorizer is shown is decided for a whole filter. Where a route names them, it brings the
filter itself, which a third one in the chain makes at the moment a request gets there: so it also asks for
hosts that are given their routes late (`lowercase`, `wildcard`), as a chain of the route's own would not.
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
BROUGHT = "sekisho.authorizer"
NAMES = (*_NAMES.values(), BROUGHT)
_PACKAGE = "envoy.extensions.filters.http.ext_authz.v3"
_TYPE = f"{_PACKAGE}.ExtAuthz"
_COMPOSITE = "envoy.extensions.filters.http.composite.v3"
TIMEOUT_MS = 5_000
"""How long an authorizer has to answer; after that the request is refused."""
_NOBODY = "~nobody"
"""A cluster that is never defined."""
_OF_THE_CONNECTION = "connection|content-[!-~]*|host|keep-alive|te|trailer|transfer-encoding|upgrade"
"""RE2 of headers that no authorizer can set: they are about its own answer, and would break the request
(RFC 9110, 7.6.1 and 8)."""


def http_filters() -> list[dict[str, Any]]:
    """envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter, in order."""
    return [
        _filter("GRPC", {"grpc_service": _grpc_service(_NOBODY)}),
        _filter("HTTP", {"http_service": _http_service(_NOBODY)}),
        extension(BROUGHT, f"{_COMPOSITE}.Composite"),
    ]


def _filter(protocol: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    rules = {"disallow_expression": {"regex": _OF_THE_CONNECTION}}
    version = {"transport_api_version": "V3"} if protocol == "GRPC" else {}
    return extension(_NAMES[protocol], _TYPE, decoder_header_mutation_rules=rules, **version, **fields)


@cache
def switched_off() -> Mapping[str, Any]:
    """For every RouteConfiguration, that of exact hosts as well: a host written with capitals gets its route
    late, when the filters are there already (`lowercase.py`)."""
    return dict.fromkeys(_NAMES.values(), pack(new(f"{_PACKAGE}.ExtAuthzPerRoute", disabled=True)))


def authorizer_settings(wanted: ir.Authorizer) -> Mapping[str, Any]:
    """envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, as per-route settings; or, where headers
    are named, envoy.extensions.filters.http.composite.v3.CompositePerRoute."""
    settings: dict[str, Any] = (
        {"grpc_service": _grpc_service(wanted.cluster)}
        if wanted.protocol == "GRPC"
        else {"http_service": _http_service(wanted.cluster, wanted.path_prefix, wanted.response_headers)}
    )
    if wanted.max_body:
        settings["with_request_body"] = {"max_request_bytes": wanted.max_body}
    if wanted.request_headers:
        return {BROUGHT: _brought(wanted, settings)}
    per_route = new(f"{_PACKAGE}.ExtAuthzPerRoute", check_settings=settings)
    return {_NAMES[wanted.protocol]: pack(per_route)}


def _brought(wanted: ir.Authorizer, settings: Mapping[str, Any]) -> Any:
    named = {"patterns": [{"exact": name} for name in wanted.request_headers]}
    made = _filter(wanted.protocol, {**settings, "allowed_headers": named})
    action = extension("ask", f"{_COMPOSITE}.ExecuteFilterAction", typed_config=made)
    return pack(new(f"{_COMPOSITE}.CompositePerRoute", matcher={"on_no_match": {"action": action}}))


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
