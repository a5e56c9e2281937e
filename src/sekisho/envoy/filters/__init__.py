"""The HTTP filters of every gateway listener: one file each, one order for all.

Each file offers `http_filter()`, the entry in the chain; those with settings per route offer them as well.
`policies` is several filters, where a policy of the Gateway needs them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sekisho import ir
from sekisho.envoy.building import new
from sekisho.envoy.filters import (
    authorizers,
    cors,
    lowercase,
    policies,
    programs,
    router,
    sessions,
    wildcard,
)
from sekisho.envoy.lua import lua_disabled
from sekisho.ir.listener import PolicyFilters
from sekisho.protos import pack

ORDER = (
    lowercase,  # finds the scope of a host written with capitals; refuses ambiguous hosts
    wildcard,  # gives a host without a scope to the wildcard hostnames; the route is final from here on
    programs,  # what few routes need; last of those who see an answer, so what a caller gets is final
    cors,  # before permissions: a preflight says nothing of who will call
    policies,  # who may call, then faults, then limits
    authorizers,  # after limits, which are theirs as well
    sessions,  # which instance, for those who were told one
    router,  # always last: it sends the request
)

_SCOPE_FINDERS = (lowercase.NAME, wildcard.NAME)
_FOR_SOME = (programs.NAME, cors.NAME, authorizers.NAME, sessions.NAME)


_NONE = PolicyFilters()


def http_filters(
    wanted: PolicyFilters = _NONE, token_issuers: Sequence[ir.TokenIssuer] = ()
) -> list[dict[str, Any]]:
    """envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter, in order."""
    found: list[dict[str, Any]] = []
    for entry in ORDER:
        match entry:
            case _ if entry is policies:
                found += policies.http_filters(wanted, token_issuers)
            case _:
                found.append(entry.http_filter())
    return found


@cache
def switched_off_once_routed() -> Mapping[str, Any]:
    """For every RouteConfiguration: a request that has a scope needs none found.

    Envoy asks this at the moment a filter runs, so it also stops `wildcard` after `lowercase` found a scope.
    """
    return dict.fromkeys(_SCOPE_FINDERS, lua_disabled())


def needed_by(routes: Iterable[ir.Route]) -> tuple[str, ...]:
    """Names of the filters that work for some of these routes only, and that one of them needs, sorted."""
    found: set[str] = set()
    for one in routes:
        if one.cors is not None:
            found.add(cors.NAME)
        if one.authorizer is not None:
            found.add(authorizers.NAME)
        if isinstance(one.action, ir.Forward):
            found.update(_needed_to_forward(one.action))
    return tuple(sorted(found)) if found else ()


def _needed_to_forward(action: ir.Forward) -> Iterator[str]:
    if action.session is not None:
        yield sessions.NAME
    if any(share.has_retry_budget for share in action.shares):
        yield programs.NAME


@cache
def skipped_by_exact_hosts(needed: tuple[str, ...], *, others: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """For virtual hosts of exact scopes: filters they do not need are not created. Asked at stream start.

    `needed`: of those that work for some routes only; that of CORS alone is 3 % of Envoy's work. `others`:
    names of further ones that are not needed.
    It cannot stand in the same place as `switched_off_once_routed`: Envoy ignores the configuration beside
    `disabled`.
    """
    not_needed = [*_SCOPE_FINDERS, *(one for one in _FOR_SOME if one not in needed), *others]
    return dict.fromkeys(not_needed, pack(new("envoy.config.route.v3.FilterConfig", disabled=True)))
