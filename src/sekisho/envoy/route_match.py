"""RouteMatch: which requests a route is for."""

from typing import Any

from sekisho import ir


def route_match(wanted: ir.RouteMatch) -> dict[str, Any]:
    """envoy.config.route.v3.RouteMatch"""
    headers = [{"name": match.name, "string_match": _string_matcher(match)} for match in wanted.headers]
    if wanted.method:
        headers.insert(0, {"name": ":method", "string_match": {"exact": wanted.method}})
    queries = [{"name": match.name, "string_match": _string_matcher(match)} for match in wanted.query]
    return {**_path(wanted.path), "headers": headers, "query_parameters": queries}


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


def _string_matcher(wanted: ir.StringMatch) -> dict[str, Any]:
    return {"safe_regex": {"regex": wanted.value}} if wanted.regex else {"exact": wanted.value}
