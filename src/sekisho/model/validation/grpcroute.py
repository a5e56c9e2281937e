"""Rules of GRPCRoute (the CEL rules of its CRD, and what Envoy could not load)."""

import re
from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.grpcroute import GrpcMethodMatch, GRPCRoute, GrpcRouteMatch, GrpcRouteRule
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation import regex
from sekisho.model.validation.filters import backend, filters
from sekisho.model.validation.routes import hostnames, parents, too_many_matches
from sekisho.model.validation.sessions import session
from sekisho.model.validation.shared import unique

_SERVICE = re.compile(r"\.?[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*")
_METHOD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


def grpc_route(resource: GRPCRoute) -> Iterator[Problem]:
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


def _rule(path: str, rule: GrpcRouteRule) -> Iterator[Problem]:
    for index, match in enumerate(rule.matches):
        yield from _match(paths.item(paths.field(path, "matches"), index), match)
    yield from filters(paths.field(path, "filters"), rule.filters)
    where = paths.field(path, "backendRefs")
    for index, reference in enumerate(rule.backend_refs):
        yield from backend(paths.item(where, index), reference)
        yield from filters(paths.field(paths.item(where, index), "filters"), reference.filters)
    if rule.session_persistence:
        yield from session(paths.field(path, "sessionPersistence"), rule.session_persistence)


def _match(path: str, match: GrpcRouteMatch) -> Iterator[Problem]:
    if match.method is not None:
        yield from _method(paths.field(path, "method"), match.method)
    where = paths.field(path, "headers")
    yield from unique(where, (header.name for header in match.headers), "name", "header name")
    for index, header in enumerate(match.headers):
        if header.type == "RegularExpression":
            yield from regex.problems(paths.field(paths.item(where, index), "value"), header.value)


def _method(path: str, match: GrpcMethodMatch) -> Iterator[Problem]:
    if match.service is None and match.method is None:
        yield Problem(path, "expected service, method or both", reason=Reason.REQUIRED)
    for name, given, shape in (("service", match.service, _SERVICE), ("method", match.method, _METHOD)):
        if given is None:
            continue
        where = paths.field(path, name)
        if match.type == "RegularExpression":
            yield from regex.problems(where, given)
        elif not shape.fullmatch(given):
            message = f'expected the name of a {name}, found "{given[:60]}"'
            yield Problem(where, message, "letters, digits and `_`; parts of a package are joined by dots")
