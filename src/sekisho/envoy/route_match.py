"""RouteMatch: which requests a route is for."""

from typing import Any

from sekisho import ir


def route_match(wanted: ir.RouteMatch) -> dict[str, Any]:
    """envoy.config.route.v3.RouteMatch"""
    fields = _path(wanted.path)
    if wanted.method or wanted.headers:
        method = [ir.StringMatch(":method", wanted.method)] if wanted.method else []
        fields["headers"] = [header_matcher(match) for match in (*method, *wanted.headers)]
    if wanted.query:
        fields["query_parameters"] = [header_matcher(match) for match in wanted.query]
    if wanted.grpc:
        fields["grpc"] = {}
    return fields


def _path(wanted: ir.PathMatch) -> dict[str, Any]:
    match wanted:
        case ir.PathExact(value):
            return {"path": value}
        case ir.PathPrefix("/"):
            return {"prefix": "/"}
        case ir.PathPrefix(value):
            return {"path_separated_prefix": value}
        case ir.PathRegex(value):
            return {"safe_regex": {"regex": value}}


def header_matcher(wanted: ir.StringMatch) -> dict[str, Any]:
    """envoy.config.route.v3.HeaderMatcher; a QueryParameterMatcher has the same fields."""
    how = {"safe_regex": {"regex": wanted.value}} if wanted.regex else {"exact": wanted.value}
    return {"name": wanted.name, "string_match": how}
