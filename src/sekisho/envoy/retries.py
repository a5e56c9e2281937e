"""RetryPolicy: what is tried again, how often, when and where."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, milliseconds, value
from sekisho.envoy.route_match import header_matcher

_RETRY_ON = ("connect-failure", "refused-stream", "reset")
_LONGEST_BACKOFF = 10
"""Times the shortest: Envoy's own ratio."""


def retry_policy(wanted: ir.Forward) -> dict[str, Any]:
    """envoy.config.route.v3.RetryPolicy. Envoy keeps the limit of each try here, even of an only one."""
    fields: dict[str, Any] = {}
    if wanted.backend_timeout_ms:
        fields["per_try_timeout"] = milliseconds(wanted.backend_timeout_ms)
    if wanted.retry:
        fields |= {**_retries(wanted.retry), **_hosts(wanted.retry)}
    elif fields:
        fields["num_retries"] = value(0)
    return fields


def _retries(wanted: ir.Retry) -> dict[str, Any]:
    shortest = max(1, wanted.backoff_ms)
    longest = shortest * _LONGEST_BACKOFF if wanted.backoff_max_ms is None else wanted.backoff_max_ms
    fields: dict[str, Any] = {
        "retry_on": ",".join(_retry_on(wanted)),
        "retriable_status_codes": wanted.codes,
        "num_retries": value(wanted.attempts),
        "retry_back_off": {
            "base_interval": milliseconds(shortest),
            "max_interval": milliseconds(max(shortest, longest)),
        },
        "retriable_headers": [header_matcher(match) for match in wanted.response_headers],
        "retriable_request_headers": [header_matcher(match) for match in wanted.request_headers],
    }
    if wanted.reset_headers:
        fields["rate_limited_retry_back_off"] = {
            "reset_headers": [{"name": name, "format": how} for name, how in wanted.reset_headers],
            "max_interval": milliseconds(wanted.reset_max_ms),
        }
    return fields


def _retry_on(wanted: ir.Retry) -> list[str]:
    named = [
        *(_RETRY_ON if wanted.connection_errors else ()),
        *(["retriable-status-codes"] if wanted.codes else ()),
        *(["retriable-headers"] if wanted.response_headers else ()),
        *wanted.on,
    ]
    return list(dict.fromkeys(named))


def _hosts(wanted: ir.Retry) -> dict[str, Any]:
    fields: dict[str, Any] = {"host_selection_retry_max_attempts": wanted.host_attempts}
    if wanted.omit_previous_hosts:
        fields["retry_host_predicate"] = [
            extension(
                "envoy.retry_host_predicates.previous_hosts",
                "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            )
        ]
    if wanted.omit_previous_priorities:
        fields["retry_priority"] = extension(
            "envoy.retry_priorities.previous_priorities",
            "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
            update_frequency=wanted.omit_previous_priorities,
        )
    return fields
