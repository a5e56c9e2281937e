"""CircuitBreakers: how much a cluster may have under way at once."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import milliseconds, value

BREAKER_LIMIT = 1024
"""Connections, waiting requests and active requests per cluster: Envoy's defaults, said aloud."""
RETRY_BUDGET_PERCENT = 20.0
RETRIES_ALWAYS_ALLOWED = 3


def circuit_breakers(limits: ir.Limits) -> dict[str, Any]:
    """envoy.config.cluster.v3.CircuitBreakers"""
    thresholds: dict[str, Any] = {
        "max_connections": value(_or_default(limits.connections)),
        "max_pending_requests": value(_or_default(limits.pending_requests)),
        "max_requests": value(_or_default(limits.requests)),
        **_retries(limits),
    }
    if limits.pools is not None:
        thresholds["max_connection_pools"] = value(limits.pools)
    return {"thresholds": [thresholds]}


def _or_default(limit: int | None) -> int:
    return BREAKER_LIMIT if limit is None else limit


def _retries(limits: ir.Limits) -> dict[str, Any]:
    """A budget is a part of what is under way, so it neither starves a small service nor floods a large."""
    if (budget := limits.retry_budget) is not None:
        return {
            "retry_budget": {
                "budget_percent": {"value": budget.percent},
                "budget_interval": milliseconds(budget.interval_ms),
                "min_retry_concurrency": value(budget.least),
            }
        }
    if limits.retries is not None:
        return {"max_retries": value(limits.retries)}
    return {
        "retry_budget": {
            "budget_percent": {"value": RETRY_BUDGET_PERCENT},
            "min_retry_concurrency": value(RETRIES_ALWAYS_ALLOWED),
        }
    }
