"""LocalRateLimit: token buckets of this proxy, for requests and for connections."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, milliseconds, value
from sekisho.envoy.headers import header_value_options

_ALWAYS = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
_LEAST_INTERVAL_MS = 50
"""Envoy fills no bucket more often."""


def request_rate_limit(limit: ir.RateLimit | None) -> list[dict[str, Any]]:
    """HTTP filters: requests beyond it are answered with its status. None for no bound."""
    if limit is None:
        return []
    headers = ir.HeaderEdits(set=limit.set_headers, add=limit.add_headers)
    return [
        extension(
            "envoy.filters.http.local_ratelimit",
            "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            stat_prefix="http_local_rate_limit",
            status={"code": limit.status},
            token_bucket=_token_bucket(limit),
            filter_enabled=_ALWAYS,
            filter_enforced=_ALWAYS,
            response_headers_to_add=header_value_options(headers),
            rate_limited_as_resource_exhausted=True,
        )
    ]


def connection_rate_limit(limit: ir.RateLimit | None, name: str) -> list[dict[str, Any]]:
    """Network filters: connections beyond it are closed. All filters of one name share one bucket."""
    if limit is None:
        return []
    return [
        extension(
            "envoy.filters.network.local_ratelimit",
            "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit",
            stat_prefix=name,
            share_key=name,
            token_bucket=_token_bucket(limit),
        )
    ]


def _token_bucket(limit: ir.RateLimit) -> dict[str, Any]:
    """envoy.type.v3.TokenBucket; a shorter interval is stretched together with what it brings."""
    stretch = -(-_LEAST_INTERVAL_MS // limit.interval_ms) if limit.interval_ms < _LEAST_INTERVAL_MS else 1
    return {
        "max_tokens": limit.tokens * stretch,
        "tokens_per_fill": value(limit.tokens * stretch),
        "fill_interval": milliseconds(limit.interval_ms * stretch),
    }
