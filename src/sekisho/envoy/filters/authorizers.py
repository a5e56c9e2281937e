"""Authorizers: another service is asked whether a request may pass.

A route that asks somebody brings the filter that does, which one in the chain makes at the moment a request
gets there. So which headers are shown is for each route to say, routes that come late bring theirs as well
(`lowercase`, `wildcard`), and other requests have nothing to do with it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, milliseconds, new
from sekisho.protos import pack

NAME = "sekisho.authorizer"
_TYPE = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"
_COMPOSITE = "envoy.extensions.filters.http.composite.v3"
TIMEOUT_MS = 5_000
"""How long an authorizer has to answer; after that the request is refused."""
_OF_THE_CONNECTION = "connection|content-[!-~]*|host|keep-alive|te|trailer|transfer-encoding|upgrade"
"""RE2 of headers that no authorizer can set: they are about its own answer, and would break the request
(RFC 9110, 7.6.1 and 8)."""


def http_filter() -> dict[str, Any]:
    """envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter"""
    return extension(NAME, f"{_COMPOSITE}.Composite")


def authorizer_settings(wanted: ir.Authorizer) -> Mapping[str, Any]:
    """envoy.extensions.filters.http.composite.v3.CompositePerRoute, as per-route settings."""
    action = extension("ask", f"{_COMPOSITE}.ExecuteFilterAction", typed_config=_filter(wanted))
    return {NAME: pack(new(f"{_COMPOSITE}.CompositePerRoute", matcher={"on_no_match": {"action": action}}))}


def _filter(wanted: ir.Authorizer) -> dict[str, Any]:
    """envoy.extensions.filters.http.ext_authz.v3.ExtAuthz, named. Who does not answer lets nobody in."""
    settings: dict[str, Any] = (
        {"grpc_service": _grpc_service(wanted.cluster), "transport_api_version": "V3"}
        if wanted.protocol == "GRPC"
        else {"http_service": _http_service(wanted.cluster, wanted.path_prefix, wanted.response_headers)}
    )
    if wanted.max_body:
        settings["with_request_body"] = {"max_request_bytes": wanted.max_body}
    if wanted.request_headers:
        settings["allowed_headers"] = {"patterns": [{"exact": name} for name in wanted.request_headers]}
    rules = {"disallow_expression": {"regex": _OF_THE_CONNECTION}}
    return extension("envoy.filters.http.ext_authz", _TYPE, decoder_header_mutation_rules=rules, **settings)


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
