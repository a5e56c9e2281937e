"""RateLimit: how many requests or connections a proxy lets through."""

from collections.abc import Iterable

from msgspec.structs import replace

from sekisho import ir
from sekisho.kit import durations
from sekisho.model.policies.rate_limit import (
    HttpRateLimit,
    OnRateLimit,
    Rate,
    RateLimitDefault,
    RateLimitHeaders,
)
from sekisho.policies.rules import Rule, chosen
from sekisho.policies.values import pairs

_REFUSED = 429


def inbound(node: ir.Inbound, rules: Iterable[Rule]) -> ir.Inbound:
    """Requests by who calls; connections of everybody together."""
    found = chosen(rules, RateLimitDefault)
    limited = [replace(one, value=requests(one.value)) for one in found]
    if limited and limited[-1].caller is None and limited[-1].value is None:
        limited.pop()  # for those who fit none before, nothing is the same as no rule
    connection_rate = next((connections(one.value) for one in found if one.caller is None), None)
    return replace(node, rate_limits=tuple(limited), connection_rate=connection_rate)


def outbound(node: ir.Outbound, conf: RateLimitDefault) -> ir.Outbound:
    """Of the workload's own calls."""
    return replace(node, rate_limit=connections(conf) if node.tcp is not None else requests(conf))


def requests(conf: RateLimitDefault) -> ir.RateLimit | None:
    """The bucket of HTTP requests; None for no bound."""
    asked = conf.local.http if conf.local else None
    if asked is None or asked.disabled or asked.request_rate is None:
        return None
    return _answer(_bucket(asked.request_rate), asked)


def connections(conf: RateLimitDefault) -> ir.RateLimit | None:
    """The bucket of connections; None for no bound."""
    asked = conf.local.tcp if conf.local else None
    if asked is None or asked.disabled or asked.connection_rate is None:
        return None
    return _bucket(asked.connection_rate)


def _bucket(rate: Rate) -> ir.RateLimit:
    return ir.RateLimit(tokens=rate.num, interval_ms=durations.parse(rate.interval))


def _answer(bucket: ir.RateLimit, asked: HttpRateLimit) -> ir.RateLimit:
    refusal = asked.on_rate_limit or OnRateLimit()
    headers = refusal.headers or RateLimitHeaders()
    return replace(
        bucket,
        status=refusal.status or _REFUSED,
        set_headers=pairs(headers.set),
        add_headers=pairs(headers.add),
    )
