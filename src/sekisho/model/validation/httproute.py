"""Rules of HTTPRoute (the CEL rules of its CRD, and what Envoy could not load)."""

import re
from collections.abc import Iterator, Sequence

from sekisho.kit import durations
from sekisho.model import paths
from sekisho.model.httpfilters import HttpRouteFilter
from sekisho.model.httproute import (
    HttpHeaderMatch,
    HttpPathMatch,
    HttpQueryParamMatch,
    HTTPRoute,
    HttpRouteMatch,
    HttpRouteRule,
    HttpRouteTimeouts,
)
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation import regex
from sekisho.model.validation.filters import backend, filters
from sekisho.model.validation.routes import hostnames, parents, too_many_matches
from sekisho.model.validation.sessions import session
from sekisho.model.validation.shared import unique


def http_route(resource: HTTPRoute) -> Iterator[Problem]:
    """Parents, host names, rules."""
    spec = resource.spec
    yield from parents("spec.parentRefs", spec.parent_refs)
    yield from hostnames("spec.hostnames", spec.hostnames)
    if problem := too_many_matches(spec.rules):
        yield problem
        return  # thousands of expressions would be compiled for nothing
    for index, rule in enumerate(spec.rules):
        yield from _rule(paths.item("spec.rules", index), rule)
    yield from unique("spec.rules", (rule.name for rule in spec.rules), "name", "rule name")


def _rule(path: str, rule: HttpRouteRule) -> Iterator[Problem]:
    for index, match in enumerate(rule.matches):
        yield from _match(paths.item(paths.field(path, "matches"), index), match)
    yield from filters(paths.field(path, "filters"), rule.filters)
    yield from _backends(path, rule)
    yield from _prefix_rewrites(path, rule)
    if rule.timeouts:
        yield from _timeouts(paths.field(path, "timeouts"), rule.timeouts)
    if rule.retry:
        yield from unique(paths.field(path, "retry.codes"), rule.retry.codes, "", "status code")
    if rule.session_persistence:
        yield from session(paths.field(path, "sessionPersistence"), rule.session_persistence)


def _backends(path: str, rule: HttpRouteRule) -> Iterator[Problem]:
    where = paths.field(path, "backendRefs")
    for index, reference in enumerate(rule.backend_refs):
        yield from backend(paths.item(where, index), reference)
        yield from filters(paths.field(paths.item(where, index), "filters"), reference.filters)
    if rule.backend_refs and any(filter_.request_redirect for filter_ in rule.filters):
        message = "a RequestRedirect filter answers by itself and excludes backendRefs"
        yield Problem(where, message, "remove one of the two", Reason.FORBIDDEN)


def _prefix_rewrites(path: str, rule: HttpRouteRule) -> Iterator[Problem]:
    """ReplacePrefixMatch needs to know the one prefix it replaces."""
    if len(rule.matches) == 1 and rule.matches[0].path.type == "PathPrefix":
        return
    chains = [(paths.field(path, "filters"), rule.filters)]
    for index, reference in enumerate(rule.backend_refs):
        owner = paths.item(paths.field(path, "backendRefs"), index)
        chains.append((paths.field(owner, "filters"), reference.filters))
    for where, chain in chains:
        for index, filter_ in enumerate(chain):
            if _replaces_prefix(filter_):
                message = "ReplacePrefixMatch needs exactly one match in the rule, of type PathPrefix"
                yield Problem(paths.item(where, index), message)


def _replaces_prefix(filter_: HttpRouteFilter) -> bool:
    options = (filter_.request_redirect, filter_.url_rewrite)
    return any(option and option.path and option.path.replace_prefix_match is not None for option in options)


def _match(path: str, match: HttpRouteMatch) -> Iterator[Problem]:
    yield from _path(paths.field(path, "path"), match.path)
    yield from _named(paths.field(path, "headers"), match.headers, "header name")
    yield from _named(paths.field(path, "queryParams"), match.query_params, "query parameter")


def _named(
    path: str, matches: Sequence[HttpHeaderMatch | HttpQueryParamMatch], what: str
) -> Iterator[Problem]:
    yield from unique(path, (match.name for match in matches), "name", what)
    for index, match in enumerate(matches):
        if match.type == "RegularExpression":
            yield from regex.problems(paths.field(paths.item(path, index), "value"), match.value)


_FORBIDDEN_IN_PATH = ("//", "/./", "/../", "%2f", "%2F", "#")
_FORBIDDEN_AT_END = ("/..", "/.")
_HEX_PAIR = re.compile("[0-9a-fA-F]{2}")
_PATH_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/._~!$&'()*+,;=:@%"
)


def _path(path: str, match: HttpPathMatch) -> Iterator[Problem]:
    where, value = paths.field(path, "value"), match.value
    if match.type == "RegularExpression":
        yield from regex.problems(where, value)
        return
    if not value.startswith("/"):
        yield Problem(where, f'expected a path that starts with "/", found "{value[:60]}"')
    for part in _FORBIDDEN_IN_PATH:
        if part in value:
            yield Problem(where, f'must not contain "{part}"')
    for end in _FORBIDDEN_AT_END:
        if value.endswith(end):
            yield Problem(where, f'must not end with "{end}"')
    wrong = sorted(set(value) - _PATH_CHARACTERS - {"#"})
    if wrong or _broken_escape(value):
        message = (
            f"cannot stand in a path: {' '.join(map(repr, wrong))}" if wrong else '"%" needs two hex digits'
        )
        yield Problem(where, message, "percent-encode it as UTF-8")


def _broken_escape(value: str) -> bool:
    """Whether a `%` is not followed by two hex digits (RFC 3986, 2.1)."""
    return any(_HEX_PAIR.match(rest) is None for rest in value.split("%")[1:])


def _timeouts(path: str, timeouts: HttpRouteTimeouts) -> Iterator[Problem]:
    if timeouts.request is None or timeouts.backend_request is None:
        return
    request, backend_request = durations.parse(timeouts.request), durations.parse(timeouts.backend_request)
    if request != 0 and backend_request > request:
        message = (
            f"expected at most the request timeout, {timeouts.request}, found {timeouts.backend_request}"
        )
        yield Problem(paths.field(path, "backendRequest"), message)
