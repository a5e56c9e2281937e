"""HTTPRoute matches → IR, and which of two matches wins."""

from typing import TypeAlias, assert_never

from sekisho import ir
from sekisho.model.httproute import HttpHeaderMatch, HttpPathMatch, HttpQueryParamMatch, HttpRouteMatch

Precedence: TypeAlias = tuple[int, int, int, int, int]
"""Sort key of matches, the winner first: kind of path, its length, method, headers, query parameters."""

_KINDS_OF_PATH = (ir.PathExact, ir.PathRegex, ir.PathPrefix)


def route_match(match: HttpRouteMatch) -> ir.RouteMatch:
    """All conditions of one match, in one normal form: their order in the document has no meaning."""
    return ir.RouteMatch(
        path=_path(match.path),
        method=match.method or "",
        headers=_strings([(header.name.lower(), header) for header in match.headers]),
        query=_strings([(parameter.name, parameter) for parameter in match.query_params]),
    )


def precedence(match: ir.RouteMatch) -> Precedence:
    """Exact path, then regular expression, then prefix, the longer first; then a method; then the number of
    headers; then of query parameters (HTTPRouteRule.matches).

    The place of regular expressions is the implementation's to choose: before prefixes, or the `/` that most
    routes end in would always win over them.
    """
    kind = _KINDS_OF_PATH.index(type(match.path))
    return kind, -len(match.path.value), not match.method, -len(match.headers), -len(match.query)


def _path(path: HttpPathMatch) -> ir.PathMatch:
    match path.type:
        case "Exact":
            return ir.PathExact(path.value)
        case "RegularExpression":
            return ir.PathRegex(path.value)
        case "PathPrefix":  # a trailing slash says nothing: `/abc/` is `/abc` (HTTPPathMatch)
            return ir.PathPrefix(path.value.rstrip("/") or "/")
        case _ as never:
            assert_never(never)


def _strings(
    named: list[tuple[str, HttpHeaderMatch]] | list[tuple[str, HttpQueryParamMatch]],
) -> tuple[ir.StringMatch, ...]:
    """Of several conditions on one name only the first counts (HTTPHeaderMatch.name)."""
    if not named:
        return ()
    first: dict[str, ir.StringMatch] = {}
    for name, match in named:
        first.setdefault(name, ir.StringMatch(name, match.value, match.type == "RegularExpression"))
    return tuple(first[name] for name in sorted(first))
