"""GRPCRoute rules, told as HTTPRoute rules with matches of their own: a gRPC call is an HTTP/2 request.

The path of a call is `/<service>/<method>` (gRPC over HTTP/2). Only requests that say they are gRPC are ever
matched, so HTTPRoutes on the same hostname keep theirs.
"""

import re
from collections.abc import Iterator
from typing import TypeAlias

from msgspec.structs import asdict

from sekisho import ir
from sekisho.model.grpcroute import (
    GrpcBackendRef,
    GrpcMethodMatch,
    GRPCRoute,
    GrpcRouteFilter,
    GrpcRouteMatch,
    GrpcRouteRule,
)
from sekisho.model.httpfilters import HttpRouteFilter
from sekisho.model.httproute import HttpBackendRef, HttpRouteRule
from sekisho.translate.gateway.matches import Precedence

Match: TypeAlias = tuple[ir.RouteMatch, Precedence]

_EVERY_CALL = (GrpcRouteMatch(),)
_ANY_NAME = "[^/]+"
_EXACT, _REGEX, _ALL = -3, -2, -1
"""First part of the precedence: on one hostname a call is for GRPCRoutes before it is for HTTPRoutes."""


def grpc_rules(route: GRPCRoute) -> Iterator[tuple[HttpRouteRule, tuple[Match, ...]]]:
    """Each rule with its matches."""
    for rule in route.spec.rules:
        yield _rule(rule), tuple(grpc_match(match) for match in rule.matches or _EVERY_CALL)


def grpc_match(match: GrpcRouteMatch) -> Match:
    """All conditions of one match, and its precedence: the most characters of service, then of method, then
    the most headers (GRPCRouteRule.matches). Names before expressions, as for the paths of HTTPRoutes."""
    headers: dict[str, ir.StringMatch] = {}
    for header in match.headers:  # of several conditions on one name only the first counts
        name = header.name.lower()
        headers.setdefault(name, ir.StringMatch(name, header.value, header.type == "RegularExpression"))
    found = ir.RouteMatch(
        path=_path(match.method), headers=tuple(headers[name] for name in sorted(headers)), grpc=True
    )
    return found, (*_specificity(match.method), -len(headers), 0)


def _specificity(method: GrpcMethodMatch | None) -> tuple[int, int, int]:
    if method is None:
        return _ALL, 0, 0
    kind = _REGEX if method.type == "RegularExpression" else _EXACT
    return kind, -len(method.service or ""), -len(method.method or "")


def _path(wanted: GrpcMethodMatch | None) -> ir.PathMatch:
    if wanted is None:
        return ir.PathPrefix("/")
    if wanted.type == "Exact" and wanted.service:
        return (
            ir.PathExact(f"/{wanted.service}/{wanted.method}")
            if wanted.method
            else ir.PathPrefix(f"/{wanted.service}")
        )
    escape = re.escape if wanted.type == "Exact" else _whole
    service, method = (escape(name) if name else _ANY_NAME for name in (wanted.service, wanted.method))
    return ir.PathRegex(f"/{service}/{method}")


def _whole(expression: str) -> str:
    """An expression on its own, whatever stands beside it. Its syntax was checked when it was written."""
    return f"(?:{expression})"


def _rule(rule: GrpcRouteRule) -> HttpRouteRule:
    return HttpRouteRule(
        name=rule.name,
        filters=_filters(rule.filters),
        backend_refs=tuple(_backend(reference) for reference in rule.backend_refs),
        session_persistence=rule.session_persistence,
    )


def _backend(reference: GrpcBackendRef) -> HttpBackendRef:
    return HttpBackendRef(**{**asdict(reference), "filters": _filters(reference.filters)})


def _filters(filters: tuple[GrpcRouteFilter, ...]) -> tuple[HttpRouteFilter, ...]:
    return tuple(HttpRouteFilter(**asdict(one)) for one in filters)
