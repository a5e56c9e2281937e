"""ScopedRouteConfiguration: one per exact hostname, and one for all wildcard hostnames of a table.

A scope carries its RouteConfiguration inline, so an edit of one hostname is one small message and rebuilds
nothing of any other hostname (buckets of local rate limits are kept, for one).

Invariant: no scope configures `envoy.filters.http.filter_chain`. Envoy picks that chain when a stream starts,
and a request for a wildcard hostname is given its route later (`filters/wildcard.py`): a chain of its own
would be left out, with whatever it protects. What is configured per filter is looked up again after the
change of route, so per-route settings of the fixed chain hold on both paths.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from sekisho import ir
from sekisho.envoy import filters
from sekisho.envoy.building import OFF, new
from sekisho.envoy.filters import policies
from sekisho.envoy.routes import add_routes, virtual_host
from sekisho.envoy.scope_keys import HEADER, SERVER_NAME_HEADER, WILDCARD, scope_key

ANY_HOST = "*"
_SCOPE = "envoy.config.route.v3.ScopedRouteConfiguration"


def scoped_route_configuration(wanted: ir.VirtualHost | ir.WildcardTable) -> Any:
    """envoy.config.route.v3.ScopedRouteConfiguration"""
    match wanted:
        case ir.VirtualHost():
            return _exact(wanted)
        case ir.WildcardTable(table=table, hosts=hosts):
            scope = _scope(_any_scope(), scope_key(table, WILDCARD))
            for host in hosts:
                scope.route_configuration.virtual_hosts.add(**virtual_host(host))
            _hide_server_name(scope, hosts)
            return scope


def _exact(wanted: ir.VirtualHost) -> Any:
    """The key has decided on the hostname already. The last route keeps the request from falling through
    to a wildcard hostname, whose routes are not for it."""
    needed = filters.needed_by(wanted.routes)
    others = policies.left_out(wanted.treatment, wanted.filters)
    common = _any_exact_scope(needed, others)
    scope = _scope(common, scope_key(wanted.table, wanted.hostname))
    host = scope.route_configuration.virtual_hosts[0]
    host.name = wanted.hostname
    for name, settings in policies.of_host(wanted.treatment, wanted.filters).items():
        host.typed_per_filter_config[name].CopyFrom(settings)
    add_routes(host.routes, wanted)
    host.routes.append(_not_found())
    _hide_server_name(scope, [wanted])
    return scope


def _hide_server_name(scope: Any, hosts: Iterable[ir.VirtualHost]) -> None:
    """From backends, where it is looked at: to take off a header that is not there has its price."""
    if any(host.server_name for host in hosts):
        scope.route_configuration.request_headers_to_remove.append(SERVER_NAME_HEADER)


def _scope(common: Any, key: str) -> Any:
    scope = new(_SCOPE)
    scope.CopyFrom(common)
    scope.name = scope.route_configuration.name = key
    scope.key.fragments.add(string_key=key)
    return scope


@cache
def _any_exact_scope(needed: tuple[str, ...], others: tuple[str, ...]) -> Any:
    """What scopes of exact hostnames have in common: they come by the thousand."""
    scope = new(_SCOPE)
    scope.CopyFrom(_any_scope())
    scope.route_configuration.virtual_hosts.add(
        domains=[ANY_HOST],
        routes=[_AMBIGUOUS_HOST],
        typed_per_filter_config=filters.skipped_by_exact_hosts(needed, others=others),
    )
    return scope


@cache
def _any_scope() -> Any:
    """What all scopes have in common."""
    return new(_SCOPE, route_configuration=_route_configuration())


# Envoy joins two Host headers by a comma. A key ends where a port begins, so `shop.test:80,other.test` has
# that of shop.test; without the port it has none, and `filters/lowercase.py` refuses the request.
_AMBIGUOUS_HOST = {
    "name": "~ambiguous-host",
    "match": {"prefix": "", "headers": [{"name": ":authority", "string_match": {"contains": ","}}]},
    "direct_response": {"status": 400, "body": {"inline_string": "more than one Host\n"}},
}


@cache
def _not_found() -> Any:
    """To be copied, which takes a quarter of the time it takes to make it of dicts."""
    return new(
        "envoy.config.route.v3.Route",
        name="~not-found",
        match={"prefix": ""},
        direct_response={"status": 404},
    )


def _route_configuration() -> dict[str, Any]:
    return {
        "request_headers_to_remove": [HEADER],
        "ignore_port_in_host_matching": True,
        # Inline routes are checked for unknown clusters unless told not to; a cluster may come later, and
        # one is never defined on purpose (`route_action.UNRESOLVED`).
        "validate_clusters": OFF,
        "typed_per_filter_config": filters.switched_off_once_routed(),
    }
