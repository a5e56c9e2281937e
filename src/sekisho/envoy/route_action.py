"""RouteAction: send a request to one of the clusters, with its rewrites, time limits, retries and copies."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import OFF, ON, milliseconds, value
from sekisho.envoy.filters.programs import FLAGS_HEADER
from sekisho.envoy.headers import changes_something, header_edits
from sekisho.envoy.path_rewrite import literally, prefix_rewrite, regex_rewrite
from sekisho.envoy.retries import retry_policy

UNRESOLVED = "~unresolved"
"""Cluster that is never defined: what is sent there is answered with an error."""

DEFAULT_TIMEOUT_MS = 15_000
_FRACTION = 1_000_000
_STATUSES = {500: "INTERNAL_SERVER_ERROR", 503: "SERVICE_UNAVAILABLE"}
"""envoy.config.route.v3.RouteAction.ClusterNotFoundResponseCode"""
_TELLS_FLAGS = {
    "header": {"key": FLAGS_HEADER, "value": "%RESPONSE_FLAGS%"},
    "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
}


def route_action(wanted: ir.Forward, matched: ir.PathMatch) -> dict[str, Any]:
    """envoy.config.route.v3.RouteAction, without the route's own changes to headers."""
    fields: dict[str, Any] = {
        **_destination(wanted),
        **_path(wanted.path_rewrite, matched),
        "timeout": milliseconds(timeout_ms(wanted)),
    }
    if wanted.host_rewrite:
        fields["host_rewrite_literal"] = wanted.host_rewrite.value
    elif wanted.host_of_server:
        fields["auto_host_rewrite"] = ON
    if retrying := retry_policy(wanted):
        fields["retry_policy"] = retrying
    if wanted.mirrors:
        fields["request_mirror_policies"] = [_request_mirror_policy(mirror) for mirror in wanted.mirrors]
    if not wanted.websocket:
        # The listener lets upgrades through, so only an exception needs words.
        fields["upgrade_configs"] = [{"upgrade_type": "websocket", "enabled": OFF}]
    return fields | _stream_limits(wanted) | _hashing(wanted)


def _stream_limits(wanted: ir.Forward) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if wanted.stream_idle_ms is not None:
        fields["idle_timeout"] = milliseconds(wanted.stream_idle_ms)
    if wanted.max_stream_ms is not None:
        fields["max_stream_duration"] = {"max_stream_duration": milliseconds(wanted.max_stream_ms)}
    return fields


def _hashing(wanted: ir.Forward) -> dict[str, Any]:
    return (
        {"hash_policy": [_hash_policy(one) for one in wanted.hash_policies]} if wanted.hash_policies else {}
    )


def _hash_policy(wanted: ir.HashPolicy) -> dict[str, Any]:
    """envoy.config.route.v3.RouteAction.HashPolicy"""
    return {"terminal": wanted.terminal, **_hashed(wanted)}


def _hashed(wanted: ir.HashPolicy) -> dict[str, Any]:
    match wanted.kind:
        case "Header":
            return {"header": {"header_name": wanted.name}}
        case "Cookie":
            cookie: dict[str, Any] = {"name": wanted.name, "path": wanted.cookie_path}
            if wanted.cookie_ttl_ms is not None:
                cookie["ttl"] = milliseconds(wanted.cookie_ttl_ms)
            return {"cookie": cookie}
        case "Connection":
            return {"connection_properties": {"source_ip": True}}
        case "QueryParameter":
            return {"query_parameter": {"name": wanted.name}}
        case "FilterState":
            return {"filter_state": {"key": wanted.name}}


def edits_headers(share: ir.Share) -> bool:
    return changes_something(share.request_headers) or changes_something(share.response_headers)


def only_cluster(wanted: ir.Forward) -> str | None:
    """Where everything is sent, as it is; None where there is more to say."""
    first, *others = wanted.shares
    return None if others or edits_headers(first) or first.has_retry_budget else first.cluster


def _destination(wanted: ir.Forward) -> dict[str, Any]:
    if only := only_cluster(wanted):
        return {"cluster": only}
    shares = wanted.shares
    fields: dict[str, Any] = {"weighted_clusters": {"clusters": [_cluster_weight(share) for share in shares]}}
    if any(share.cluster is None for share in shares):
        fields["cluster_not_found_response_code"] = _STATUSES[wanted.unresolved_status]
    return fields


def _cluster_weight(share: ir.Share) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": share.cluster or UNRESOLVED,
        "weight": value(share.weight),
        **header_edits(share.request_headers, share.response_headers),
    }
    if share.has_retry_budget:
        fields["response_headers_to_add"] = [*fields.get("response_headers_to_add", ()), _TELLS_FLAGS]
    return fields


def _path(wanted: ir.ReplaceFullPath | ir.ReplacePrefix | None, matched: ir.PathMatch) -> dict[str, Any]:
    match wanted:
        case None:
            return {}
        case ir.ReplaceFullPath(path):
            return regex_rewrite("^.+$", literally(path))
        case ir.ReplacePrefix(prefix):
            return prefix_rewrite(matched, prefix)


def timeout_ms(wanted: ir.Forward) -> int:
    """Milliseconds, 0 for none. Who bounds each try and not the whole is not surprised by our default."""
    if wanted.request_timeout_ms is not None:
        return wanted.request_timeout_ms
    return 0 if wanted.backend_timeout_ms is not None else DEFAULT_TIMEOUT_MS


def _request_mirror_policy(mirror: ir.Mirror) -> dict[str, Any]:
    numerator = round(mirror.numerator * _FRACTION / mirror.denominator)
    return {
        "cluster": mirror.cluster,
        "runtime_fraction": {"default_value": {"numerator": numerator, "denominator": "MILLION"}},
        # Otherwise the copy goes to "<host>-shadow", which no backend answers to.
        "disable_shadow_host_suffix_append": True,
    }
