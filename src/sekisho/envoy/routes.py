"""VirtualHost and Route: all routes of one hostname, in order of precedence."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from sekisho import ir
from sekisho.envoy.building import new
from sekisho.envoy.filters import authorizers, cors, policies, programs, sessions
from sekisho.envoy.headers import header_edits, in_sequence
from sekisho.envoy.redirects import redirect_action, redirect_filters
from sekisho.envoy.route_action import edits_headers, only_cluster, route_action
from sekisho.envoy.route_match import route_match
from sekisho.envoy.scope_keys import SERVER_NAME_HEADER
from sekisho.model.names import Origin, ResourceId

_KINDS = 1024
"""So many kinds of routes are kept ready."""
_NOBODY = Origin(ResourceId("", "", ""))
_ANY_SHARE = ir.Share(cluster="any", weight=1, origin=_NOBODY)
_ANY_HOST = ir.VirtualHost(table="", hostname="", routes=())


def virtual_host(wanted: ir.VirtualHost) -> dict[str, Any]:
    """envoy.config.route.v3.VirtualHost"""
    return {
        "name": wanted.hostname,
        "domains": [wanted.hostname],
        "routes": routes(wanted),
        "typed_per_filter_config": policies.of_host(wanted.treatment, wanted.filters),
    }


def routes(wanted: ir.VirtualHost) -> list[dict[str, Any]]:
    """envoy.config.route.v3.VirtualHost.routes"""
    found = [entry for each in wanted.routes for entry in _entries(each, wanted)]
    return [_misdirected(wanted), *found] if wanted.server_name else found


def _entries(each: ir.Route, host: ir.VirtualHost) -> tuple[dict[str, Any], ...]:
    return *_refused_preflights(each), route(each, host)


def add_routes(to: Any, wanted: ir.VirtualHost) -> None:
    """The same, for a repeated field. They come by the thousand, and mostly differ in names only: then one of
    a kind is copied, which takes a fifth of the time it takes to make it of dicts."""
    if wanted.server_name:
        to.add(**_misdirected(wanted))
    for each in wanted.routes:
        if cluster := _own_cluster(each):
            copied = to.add()
            copied.CopyFrom(_kind(_emptied(each)))
            copied.name, copied.route.cluster = each.name, cluster
        else:
            for entry in _entries(each, wanted):
                to.add(**entry)


def _own_cluster(wanted: ir.Route) -> str | None:
    """The cluster of a route that is one entry, the same at any host but for that and its name."""
    action = wanted.action
    if wanted.cors is not None or wanted.treatment is not None or not isinstance(action, ir.Forward):
        return None
    return only_cluster(action)


def _emptied(wanted: ir.Route) -> ir.Route:
    """Without what is its own: what remains is its kind."""
    action = replace(wanted.action, shares=(_ANY_SHARE,))
    return replace(wanted, name="", action=action, origin=_NOBODY)


@lru_cache(_KINDS)
def _kind(wanted: ir.Route) -> Any:
    return new("envoy.config.route.v3.Route", **route(wanted, _ANY_HOST))


def _misdirected(host: ir.VirtualHost) -> dict[str, Any]:
    """421 to requests on a connection that was made for another listener, before any policy of the host."""
    own = {"name": SERVER_NAME_HEADER, "string_match": {"exact": host.server_name}, "invert_match": True}
    return {
        "name": "~misdirected",
        "match": {"prefix": "", "headers": [own]},
        "direct_response": {"status": 421},
        "typed_per_filter_config": policies.of_route(ir.Treatment(), host.treatment, host.filters),
    }


def route(given: ir.Route, host: ir.VirtualHost) -> dict[str, Any]:
    """envoy.config.route.v3.Route"""
    wanted, hostname = _with_edits_in_shares(given), host.hostname
    return {
        "name": wanted.name,
        "match": route_match(wanted.match),
        **_action(wanted, hostname),
        **header_edits(wanted.request_headers, wanted.response_headers),
        "typed_per_filter_config": _per_filter_config(wanted, host),
    }


def _refused_preflights(wanted: ir.Route) -> list[dict[str, Any]]:
    """The route before a route with CORS: 403 to preflights from origins that are not allowed."""
    others = cors.other_origins(wanted.cors) if wanted.cors else []
    if not others:
        return []
    match = route_match(wanted.match)
    match["headers"] = [*match.get("headers", ()), *others]
    return [{"name": f"{wanted.name}~preflight", "match": match, "direct_response": {"status": 403}}]


def _with_edits_in_shares(wanted: ir.Route) -> ir.Route:
    """Where shares change headers too, each does the route's changes first and then its own.

    Envoy would do them the other way round for requests, and the more special would lose.
    """
    action = wanted.action
    if not isinstance(action, ir.Forward) or not any(map(edits_headers, action.shares)):
        return wanted
    shares = tuple(
        replace(
            share,
            request_headers=in_sequence(wanted.request_headers, share.request_headers),
            response_headers=in_sequence(wanted.response_headers, share.response_headers),
        )
        for share in action.shares
    )
    none = ir.HeaderEdits()
    return replace(wanted, action=replace(action, shares=shares), request_headers=none, response_headers=none)


def _action(wanted: ir.Route, hostname: str) -> dict[str, Any]:
    match wanted.action:
        case ir.Forward() as forward:
            return {"route": route_action(forward, wanted.match.path)}
        case ir.Redirect() as redirect:
            return {"redirect": redirect_action(redirect, wanted.match.path, hostname)}
        case ir.Respond(status=status, body=body):
            return {"direct_response": _direct_response(status, body)}


def _direct_response(status: int, body: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"status": status}
    if body:
        fields["body"] = {"inline_string": body}
    return fields


def _per_filter_config(wanted: ir.Route, host: ir.VirtualHost) -> Mapping[str, Any]:
    settings: dict[str, Any] = {}
    if wanted.cors:
        settings |= cors.cors_policy(wanted.cors)
    if isinstance(wanted.action, ir.Redirect):
        settings |= redirect_filters(wanted.action, host.hostname)
    if wanted.authorizer is not None:
        settings |= authorizers.authorizer_settings(wanted.authorizer)
    if isinstance(wanted.action, ir.Forward):
        settings |= _settings_to_forward(wanted.action, wanted.match.path)
    if wanted.treatment is not None:
        settings |= policies.of_route(wanted.treatment, host.treatment, host.filters)
    return settings


def _settings_to_forward(wanted: ir.Forward, matched: ir.PathMatch) -> Mapping[str, Any]:
    settings: dict[str, Any] = {}
    if wanted.session is not None:
        settings |= sessions.session_settings(wanted.session, matched)
    if any(share.has_retry_budget for share in wanted.shares):
        settings |= programs.within_budget()
    return settings
