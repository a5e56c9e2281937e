"""OutlierDetection: endpoints that fail are left out for a while."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import milliseconds, value

_ALWAYS, _NEVER = value(100), value(0)
"""How often, in percent, a detector that has struck ejects. Some of Envoy's own defaults are always."""


def outlier_detection(wanted: ir.Outliers) -> dict[str, Any]:
    """envoy.config.cluster.v3.OutlierDetection"""
    return {
        "interval": milliseconds(wanted.interval_ms),
        "base_ejection_time": milliseconds(wanted.base_ejection_ms),
        "max_ejection_percent": value(wanted.max_ejection_percent),
        # Else the share, rounded down, is nobody: 10 % of nine endpoints.
        "always_eject_one_host": value(wanted.max_ejection_percent > 0),
        "split_external_local_origin_errors": wanted.split_local_errors,
        **_consecutive("consecutive_5xx", wanted.consecutive_failures),
        **_consecutive("consecutive_gateway_failure", wanted.consecutive_gateway_failures),
        **_consecutive("consecutive_local_origin_failure", wanted.consecutive_local_failures),
        **_success_rate(wanted.success_rate, local=wanted.split_local_errors),
        **_failure_percentage(wanted.failure_percentage, local=wanted.split_local_errors),
    }


def _consecutive(detector: str, count: int | None) -> dict[str, Any]:
    if count is None:
        return {f"enforcing_{detector}": _NEVER}
    return {detector: value(count), f"enforcing_{detector}": _ALWAYS}


def _success_rate(wanted: tuple[int, int, int] | None, *, local: bool) -> dict[str, Any]:
    if wanted is None:
        return {"enforcing_success_rate": _NEVER, "enforcing_local_origin_success_rate": _NEVER}
    hosts, requests, factor = wanted
    return {
        "success_rate_minimum_hosts": value(hosts),
        "success_rate_request_volume": value(requests),
        "success_rate_stdev_factor": value(factor),
        "enforcing_success_rate": _ALWAYS,
        "enforcing_local_origin_success_rate": _ALWAYS if local else _NEVER,
    }


def _failure_percentage(wanted: tuple[int, int, int] | None, *, local: bool) -> dict[str, Any]:
    if wanted is None:
        return {}
    hosts, requests, threshold = wanted
    return {
        "failure_percentage_minimum_hosts": value(hosts),
        "failure_percentage_request_volume": value(requests),
        "failure_percentage_threshold": value(threshold),
        "enforcing_failure_percentage": _ALWAYS,
        "enforcing_failure_percentage_local_origin": _ALWAYS if local else _NEVER,
    }
