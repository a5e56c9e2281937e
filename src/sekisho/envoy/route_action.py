"""RouteAction: send a request to one of the clusters, with its rewrites, time limits, retries and copies."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import OFF, extension, milliseconds, value
from sekisho.envoy.headers import changes_something, header_edits
from sekisho.envoy.path_rewrite import literally, prefix_rewrite, regex_rewrite

UNRESOLVED = "~unresolved"
"""Cluster that is never defined: what is sent there is answered 500."""

DEFAULT_TIMEOUT_MS = 15_000
_FRACTION = 1_000_000
_RETRY_ON = "connect-failure,refused-stream,reset"
_OTHER_HOST_ATTEMPTS = 3
_LONGEST_BACKOFF = 10
"""Times the shortest: Envoy's own ratio."""


def route_action(wanted: ir.Forward, matched: ir.PathMatch) -> dict[str, Any]:
    """envoy.config.route.v3.RouteAction, without the route's own changes to headers."""
    fields: dict[str, Any] = {
        **_destination(wanted.shares),
        **_path(wanted.path_rewrite, matched),
        "timeout": milliseconds(_timeout(wanted)),
    }
    if wanted.host_rewrite:
        fields["host_rewrite_literal"] = wanted.host_rewrite.value
    if retry_policy := _retry_policy(wanted):
        fields["retry_policy"] = retry_policy
    if wanted.mirrors:
        fields["request_mirror_policies"] = [_request_mirror_policy(mirror) for mirror in wanted.mirrors]
    if not wanted.websocket:
        # The listener lets upgrades through, so only an exception needs words.
        fields["upgrade_configs"] = [{"upgrade_type": "websocket", "enabled": OFF}]
    return fields


def edits_headers(share: ir.Share) -> bool:
    return changes_something(share.request_headers) or changes_something(share.response_headers)


def _destination(shares: tuple[ir.Share, ...]) -> dict[str, Any]:
    first = shares[0]
    if len(shares) == 1 and first.cluster and not edits_headers(first):
        return {"cluster": first.cluster}
    fields: dict[str, Any] = {"weighted_clusters": {"clusters": [_cluster_weight(share) for share in shares]}}
    if any(share.cluster is None for share in shares):
        fields["cluster_not_found_response_code"] = "INTERNAL_SERVER_ERROR"
    return fields


def _cluster_weight(share: ir.Share) -> dict[str, Any]:
    return {
        "name": share.cluster or UNRESOLVED,
        "weight": value(share.weight),
        **header_edits(share.request_headers, share.response_headers),
    }


def _path(wanted: ir.ReplaceFullPath | ir.ReplacePrefix | None, matched: ir.PathMatch) -> dict[str, Any]:
    match wanted:
        case None:
            return {}
        case ir.ReplaceFullPath(path):
            return regex_rewrite("^.+$", literally(path))
        case ir.ReplacePrefix(prefix):
            return prefix_rewrite(matched, prefix)


def _timeout(wanted: ir.Forward) -> int:
    """Milliseconds, 0 for none. Who bounds each try and not the whole is not surprised by our default."""
    if wanted.request_timeout_ms is not None:
        return wanted.request_timeout_ms
    return 0 if wanted.backend_timeout_ms is not None else DEFAULT_TIMEOUT_MS


def _retry_policy(wanted: ir.Forward) -> dict[str, Any]:
    """Envoy keeps the limit of each try here, also when there is but one try."""
    fields: dict[str, Any] = {}
    if wanted.backend_timeout_ms:
        fields["per_try_timeout"] = milliseconds(wanted.backend_timeout_ms)
    if wanted.retry:
        fields |= _retries(wanted.retry)
    elif fields:
        fields["num_retries"] = value(0)
    return fields


def _retries(wanted: ir.Retry) -> dict[str, Any]:
    return {
        "retry_on": f"{_RETRY_ON},retriable-status-codes" if wanted.codes else _RETRY_ON,
        "retriable_status_codes": wanted.codes,
        "num_retries": value(wanted.attempts),
        "retry_back_off": {
            "base_interval": milliseconds(max(1, wanted.backoff_ms)),
            "max_interval": milliseconds(max(1, wanted.backoff_ms) * _LONGEST_BACKOFF),
        },
        "retry_host_predicate": [_previous_hosts()],
        "host_selection_retry_max_attempts": _OTHER_HOST_ATTEMPTS,
    }


def _previous_hosts() -> dict[str, Any]:
    """A retry goes to an endpoint that was not tried, while there is one."""
    return extension(
        "envoy.retry_host_predicates.previous_hosts",
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    )


def _request_mirror_policy(mirror: ir.Mirror) -> dict[str, Any]:
    numerator = round(mirror.numerator * _FRACTION / mirror.denominator)
    return {
        "cluster": mirror.cluster,
        "runtime_fraction": {"default_value": {"numerator": numerator, "denominator": "MILLION"}},
        # Otherwise the copy goes to "<host>-shadow", which no backend answers to.
        "disable_shadow_host_suffix_append": True,
    }
