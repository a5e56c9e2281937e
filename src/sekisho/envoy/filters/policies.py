"""What policies do with requests at a gateway: who may call, faults on purpose, limits.

The filters are in the chain only where a policy of the Gateway needs them, and do nothing by themselves: what
they do comes with the routes, as settings of a hostname or of one route. An exact hostname that does not need
one has it left out. For wildcard hostnames they all run, as their route is known only later (`wildcard.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, new
from sekisho.envoy.callers import JWT_METADATA
from sekisho.envoy.faults import faults
from sekisho.envoy.rate_limits import request_rate_limit
from sekisho.envoy.rbac import ALLOW, DENY, HTTP, HTTP_TYPE, rbac_per_route
from sekisho.envoy.tokens import tokens_where_asked, verify_tokens
from sekisho.ir.listener import PolicyFilters
from sekisho.protos import pack

_LIMIT = "envoy.filters.http.local_ratelimit"
_LIMIT_TYPE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"


def http_filters(wanted: PolicyFilters, token_issuers: Sequence[ir.TokenIssuer] = ()) -> list[dict[str, Any]]:
    """envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter, in order."""
    permissions = [f"{HTTP}.{stage}" for stage in (DENY, ALLOW)] if wanted.permissions else []
    limits = [_LIMIT] if wanted.rate_limit else []
    return [
        *(tokens_where_asked(token_issuers) if wanted.tokens else ()),
        *(extension(name, HTTP_TYPE) for name in permissions),
        *faults([ir.Fault()] * wanted.faults),
        *(extension(name, _LIMIT_TYPE, stat_prefix="http_local_rate_limit") for name in limits),
    ]


def of_host(wanted: ir.Treatment, there: PolicyFilters) -> Mapping[str, Any]:
    """Settings of a virtual host; `there`: the filters in the chain."""
    return {name: setting for name, setting in _settings(wanted, there) if setting is not None}


def of_route(wanted: ir.Treatment, host: ir.Treatment, there: PolicyFilters) -> Mapping[str, Any]:
    """Settings of a route, where it is treated otherwise than its host."""
    before = dict(_settings(host, there))
    return {
        name: _disabled() if setting is None else setting
        for name, setting in _settings(wanted, there)
        if setting != before[name]
    }


def left_out(wanted: ir.Treatment, there: PolicyFilters) -> tuple[str, ...]:
    """Names of the filters that an exact host has no use for, unless one of its routes says so."""
    return tuple(name for name, setting in _settings(wanted, there) if setting is None)


def _settings(wanted: ir.Treatment, there: PolicyFilters) -> Iterator[tuple[str, Any]]:
    """For each filter that is there, by its name: what it is told, None for nothing."""
    if there.tokens:
        yield JWT_METADATA, verify_tokens() if _asks_for_claims(wanted) else None
    if there.permissions:
        told = {} if wanted.permissions is None else rbac_per_route(wanted.permissions)
        yield from ((name, told.get(name)) for name in (f"{HTTP}.{DENY}", f"{HTTP}.{ALLOW}"))
    for number, one in enumerate(faults([ir.Fault()] * there.faults)):
        some = wanted.faults[number : number + 1]
        yield one["name"], faults(some)[0]["typed_config"] if some else None
    if there.rate_limit:
        found = request_rate_limit(wanted.rate_limit)
        yield _LIMIT, found[0]["typed_config"] if found else None


def _asks_for_claims(wanted: ir.Treatment) -> bool:
    rules = wanted.permissions.rules if wanted.permissions is not None else ()
    return any(rule.caller.claims for rule in rules)


def _disabled() -> Any:
    return pack(new("envoy.config.route.v3.FilterConfig", disabled=True))
