"""The HTTP filters of every gateway listener: one file each, one order for all.

Each file offers `http_filter()`, the entry in the chain; those with settings per route offer them as well.
`policies` is several filters, where a policy of the Gateway needs them.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sekisho.envoy.building import new
from sekisho.envoy.filters import cors, location, lowercase, policies, router, wildcard
from sekisho.envoy.lua import lua_disabled
from sekisho.ir.listener import PolicyFilters
from sekisho.protos import pack

ORDER = (
    lowercase,  # finds the scope of a host written with capitals; refuses ambiguous hosts
    wildcard,  # gives a host without a scope to the wildcard hostnames; the route is final from here on
    location,  # cuts the port out of the host a redirect repeats
    cors,  # before permissions: a preflight says nothing of who will call
    policies,  # who may call, then faults, then limits
    router,  # always last: it sends the request
)

_SCOPE_FINDERS = (lowercase.NAME, wildcard.NAME)


_NONE = PolicyFilters()


def http_filters(wanted: PolicyFilters = _NONE) -> list[dict[str, Any]]:
    """envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter, in order."""
    found: list[dict[str, Any]] = []
    for entry in ORDER:
        found += policies.http_filters(wanted) if entry is policies else [entry.http_filter()]
    return found


@cache
def switched_off_once_routed() -> Mapping[str, Any]:
    """For every RouteConfiguration: a request that has a scope needs none found.

    Envoy asks this at the moment a filter runs, so it also stops `wildcard` after `lowercase` found a scope.
    """
    return dict.fromkeys(_SCOPE_FINDERS, lua_disabled())


@cache
def skipped_by_exact_hosts(*, with_cors: bool, others: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """For virtual hosts of exact scopes: filters they do not need are not created. Asked at stream start.

    `with_cors`: whether one of their routes has CORS; for the others that filter is 3 % of Envoy's work.
    `others`: names of further ones.
    It cannot stand in the same place as `switched_off_once_routed`: Envoy ignores the configuration beside
    `disabled`.
    """
    not_needed = [*_SCOPE_FINDERS, location.NAME, *([] if with_cors else [cors.NAME]), *others]
    return dict.fromkeys(not_needed, pack(new("envoy.config.route.v3.FilterConfig", disabled=True)))
