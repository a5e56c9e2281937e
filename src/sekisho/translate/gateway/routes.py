"""Rules of HTTPRoutes and GRPCRoutes → IR routes, the same for every listener they are attached to.

A rule that cannot be honoured as written stays in its place and answers with an error: were it left out, its
requests would fall to a wider rule, perhaps one without the protection the author meant.
"""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.model.grpcroute import GRPCRoute
from sekisho.model.httproute import HTTPRoute, HttpRouteMatch, HttpRouteRule
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.gateway.authorizers import authorizer
from sekisho.translate.gateway.backends import ANYWHERE, BYTES_OF, Broken
from sekisho.translate.gateway.byte_plans import byte_plan
from sekisho.translate.gateway.filters import (
    NO_FILTERS,
    Fault,
    Filters,
    needs_prefix,
    path_rewrite,
    rule_filters,
)
from sekisho.translate.gateway.forwarding import mirrors, retry, shares, timeouts
from sekisho.translate.gateway.grpc_rules import Match, grpc_rules
from sekisho.translate.gateway.matches import precedence, route_match
from sekisho.translate.gateway.plans import Entry, Order, Plan
from sekisho.translate.gateway.sessions import session, session_of_backends, with_backends_told
from sekisho.translate.mesh.names import leads_outside, leads_to_xbackend

_WELL_KNOWN_PORTS = {"http": 80, "https": 443}


class _Rule(Struct, frozen=True, gc=False):
    """One rule, resolved."""

    action: ir.Action
    filters: Filters
    authorizer: ir.Authorizer | None
    kept: tuple[ir.Share, ...]
    """Backends that callers may have been told to stay with."""
    clusters: tuple[str, ...]
    broken: tuple[Broken, ...]
    faults: tuple[Fault, ...]


_EVERY_REQUEST = (HttpRouteMatch(),)
_ASKED_METHOD = "access-control-request-method"


@query
def plan(read: Read, route: ResourceId) -> Plan:
    """All rules of a route of any kind, with what is wrong in them."""
    return _plan(read, route, "")


@query
def mesh_plan(read: Read, route: ResourceId) -> Plan:
    """The same where the route's parent is a Service: it may send requests into any namespace without a
    ReferenceGrant, as its clients could without any route (GEP-1294, GEP-1324)."""
    return _plan(read, route, ANYWHERE)


def _plan(read: Read, route: ResourceId, exempt: str) -> Plan:
    return byte_plan(read, route, exempt) if route.kind in BYTES_OF else _request_plan(read, route, exempt)


def _request_plan(read: Read, route: ResourceId, exempt: str) -> Plan:
    resource: HTTPRoute | GRPCRoute = read.leaf(route)
    entries: list[Entry] = []
    clusters: set[str] = set()
    broken: list[Broken] = []
    faults: list[tuple[int, Fault]] = []
    void = bool(resource.spec.rules)
    for index, (rule, matches) in enumerate(_rules(resource)):
        resolved = _rule(read, route, index, rule, exempt)
        entries += _entries(resource, index, rule, matches, resolved)
        clusters.update(resolved.clusters)
        broken += resolved.broken
        faults += [(index, fault) for fault in resolved.faults]
        void = void and bool(resolved.faults)
    return Plan(
        entries=tuple(entries),
        clusters=tuple(sorted(clusters)),
        broken=tuple(broken),
        faults=tuple(faults),
        is_void=void,
    )


def _rules(route: HTTPRoute | GRPCRoute) -> Iterator[tuple[HttpRouteRule, tuple[Match, ...]]]:
    """Each rule with its matches."""
    if isinstance(route, GRPCRoute):
        yield from grpc_rules(route)
        return
    for rule in route.spec.rules:
        matches = [route_match(written) for written in rule.matches or _EVERY_REQUEST]
        yield rule, tuple((match, precedence(match)) for match in matches)


def at_listener(route: ir.Route, scheme: str, port: int) -> ir.Route:
    """The route as it is on a listener: the port a redirect names may be the listener's.

    Explicit port, else that of an explicit scheme, else the listener's; left out of `Location` where the
    scheme implies it (HTTPRequestRedirectFilter.port).
    """
    action = route.action
    if not isinstance(action, ir.Redirect):
        return route
    named = action.port or (_WELL_KNOWN_PORTS[action.scheme] if action.scheme else port)
    implied = _WELL_KNOWN_PORTS[action.scheme or scheme]
    return replace(route, action=replace(action, port=None if named == implied else named))


def _entries(
    resource: HTTPRoute | GRPCRoute,
    index: int,
    rule: HttpRouteRule,
    matches: tuple[Match, ...],
    resolved: _Rule,
) -> list[Entry]:
    found: list[Entry] = []
    route = resource.id
    # A name made of digits would look like the index of another rule.
    section = rule.name if rule.name and not rule.name.isdigit() else str(index)
    prefix = "" if route.kind == "HTTPRoute" else f"{route.kind}/"
    created = resource.metadata.creation_timestamp or ""
    for number, (match, place) in enumerate(matches):
        made = ir.Route(
            name=f"{prefix}{route.namespace}/{route.name}/{section}/{number}",
            match=match,
            action=resolved.action,
            request_headers=resolved.filters.request_headers,
            response_headers=resolved.filters.response_headers,
            cors=resolved.filters.cors,
            authorizer=resolved.authorizer,
            origin=Origin(route, f"spec.rules[{index}].matches[{number}]"),
        )
        parts = [(place, one) for one in with_backends_told(made, resolved.kept)]
        if made.cors is not None:
            parts += [(precedence(one.match), one) for one in _preflight(made)]
        for part, (ranked, one) in enumerate(parts):
            order = Order(ranked, created, route.namespace, route.name, index, number, part)
            found.append(Entry(order, one))
    return found


def _preflight(route: ir.Route) -> Iterator[ir.Route]:
    """Where a method or headers are asked for, the preflight of such a request (Fetch, CORS-preflight) needs
    a route of its own to be answered by: it is an OPTIONS request, and has none of those headers."""
    wanted = route.match
    if not (wanted.method or wanted.headers):
        return
    asked = ir.StringMatch(_ASKED_METHOD, wanted.method or ".+", regex=not wanted.method)
    origin = ir.StringMatch("origin", ".+", regex=True)
    match = ir.RouteMatch(path=wanted.path, method="OPTIONS", headers=(asked, origin), query=wanted.query)
    yield replace(route, name=f"{route.name}/preflight", match=match)


def _rule(read: Read, route: ResourceId, index: int, rule: HttpRouteRule, exempt: str) -> _Rule:
    place = f"spec.rules[{index}]"
    found = rule_filters(rule.filters)
    backends = shares(read, route, place, rule, exempt)
    copies, copies_broken = mirrors(read, route, place, found, exempt) if found.mirrors else ((), ())
    asked = _authorizer(read, route, place, found, exempt)
    stays = _session(read, route, index, rule, backends.kept, exempt)
    wrong = [one for one in (asked, stays) if isinstance(one, Fault)]
    faults = (*found.faults, *backends.faults, *_misfits(rule, found), *wrong)
    unasked = (asked,) if isinstance(asked, Broken) else ()
    broken = (*backends.broken, *copies_broken, *unasked)
    if faults or unasked or isinstance(asked, Fault | Broken) or isinstance(stays, Fault):
        return _Rule(_error(route), NO_FILTERS, None, (), (), broken, faults)
    kept = backends.kept if stays is not None else ()
    action = _action(route, rule, found, backends.shares, copies)
    if stays is not None and isinstance(plain := _action(route, rule, found, kept, copies), ir.Forward):
        # Who has a session keeps it also where nobody new is sent.
        drawn = backends.shares or (replace(kept[0], cluster=None),)
        action = replace(plain, shares=drawn, session=stays)
    asks = () if asked is None else (asked.cluster,)
    rests = tuple(share.cluster for share in kept if share.cluster is not None)
    clusters = (*_clusters(action), *rests, *asks)
    return _Rule(action, found, asked, kept, clusters, broken, ())


def _authorizer(
    read: Read, route: ResourceId, place: str, found: Filters, exempt: str
) -> ir.Authorizer | Broken | Fault | None:
    """None where nobody is to be asked."""
    if found.auth is None:
        return None
    position, wanted = found.auth
    asked = authorizer(read, route, wanted, exempt)
    if isinstance(asked, Broken):
        path = f"{place}.filters[{position}].externalAuth.backendRef"
        return Broken(asked.reason, f"{path}: {asked.message}")
    return asked


def _session(
    read: Read,
    route: ResourceId,
    index: int,
    rule: HttpRouteRule,
    backends: tuple[ir.Share, ...],
    exempt: str,
) -> ir.Session | Fault | None:
    named = rule.name or str(index)
    if rule.session_persistence is None:
        return None if exempt else session_of_backends(read, route, named, backends)
    if exempt:
        return Fault("UnsupportedValue", "sessionPersistence is for Gateways: sidecars keep no sessions")
    return session(route, named, rule.session_persistence)


def _misfits(rule: HttpRouteRule, found: Filters) -> list[Fault]:
    """Parts of a rule that are each right and do not go together."""
    faults = []
    if found.redirect is not None and rule.backend_refs:
        faults.append(Fault("IncompatibleFilters", "RequestRedirect leaves nothing for backendRefs"))
    if needs_prefix(found) and any(match.path.type != "PathPrefix" for match in rule.matches):
        faults.append(Fault("UnsupportedValue", "ReplacePrefixMatch needs every match to be a PathPrefix"))
    return faults


def _error(route: ResourceId) -> ir.Respond:
    """500 for requests; 503 for calls, which Envoy tells their callers as UNAVAILABLE (GRPCBackendRef)."""
    return ir.Respond(status=503 if route.kind == "GRPCRoute" else 500)


def _action(
    route: ResourceId,
    rule: HttpRouteRule,
    found: Filters,
    backends: tuple[ir.Share, ...],
    copies: tuple[ir.Mirror, ...],
) -> ir.Action:
    if found.redirect is not None:
        wanted = found.redirect
        return ir.Redirect(
            scheme=wanted.scheme,
            host=wanted.hostname,
            port=wanted.port,
            path=path_rewrite(wanted.path),
            status=wanted.status_code,
        )
    if not any(share.cluster for share in backends):
        return _error(route)  # no backend, none of weight above 0, or none that can be resolved
    if route.kind == "GRPCRoute":  # a call may be a stream that lasts; its caller says for how long
        return ir.Forward(
            shares=backends, request_timeout_ms=0, mirrors=copies, unresolved_status=_error(route).status
        )
    request_ms, backend_ms = timeouts(rule.timeouts)
    host = found.rewrite.hostname if found.rewrite is not None else None
    return ir.Forward(
        shares=backends,
        path_rewrite=path_rewrite(found.rewrite.path) if found.rewrite is not None else None,
        host_rewrite=ir.HostRewrite(host) if host else None,
        host_of_server=any(_has_host_name(share.cluster or "") for share in backends),
        request_timeout_ms=request_ms,
        backend_timeout_ms=backend_ms,
        retry=retry(rule.retry),
        mirrors=copies,
    )


def _has_host_name(cluster: str) -> bool:
    return leads_outside(cluster) or leads_to_xbackend(cluster)


def _clusters(action: ir.Action) -> tuple[str, ...]:
    if not isinstance(action, ir.Forward):
        return ()
    named = (share.cluster for share in action.shares if share.cluster is not None)
    return (*named, *(mirror.cluster for mirror in action.mirrors))
