"""Rules that routes of all kinds have in common: their parents, host names and matches."""

from collections.abc import Iterator, Sequence

from sekisho.model import paths
from sekisho.model.grpcroute import GrpcRouteRule
from sekisho.model.httproute import HttpRouteRule
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.routes import ParentReference
from sekisho.model.validation.shared import ip_version, unique

_MAX_MATCHES = 128


def parents(path: str, references: tuple[ParentReference, ...]) -> Iterator[Problem]:
    """References to one parent differ in section or port, and all of them say the same ones of these two."""
    keys = [_parent(reference) for reference in references]
    sections = [
        (*key, reference.section_name, reference.port)
        for key, reference in zip(keys, references, strict=True)
    ]
    yield from unique(path, sections, "", "combination of parent, sectionName and port")
    first: dict[tuple[str, str, str, str | None], ParentReference] = {}
    for index, (key, reference) in enumerate(zip(keys, references, strict=True)):
        before = first.setdefault(key, reference)
        if _said(before) != _said(reference):
            message = "either all references to one parent say sectionName (or port), or none does"
            yield Problem(paths.item(path, index), message)


def hostnames(path: str, names: tuple[str, ...]) -> Iterator[Problem]:
    """An IP address looks like a host name and is none."""
    for index, hostname in enumerate(names):
        if ip_version(hostname.removeprefix("*.")):
            yield Problem(paths.item(path, index), "expected a host name, found an IP address")


def too_many_matches(rules: Sequence[HttpRouteRule] | Sequence[GrpcRouteRule]) -> Problem | None:
    """The CRD's limit is for all rules of a route together."""
    total = sum(len(rule.matches) for rule in rules)
    if total <= _MAX_MATCHES:
        return None
    message = f"expected at most {_MAX_MATCHES} matches in all rules together, found {total}"
    return Problem("spec.rules", message, "split the route in two", Reason.TOO_MANY)


def _parent(reference: ParentReference) -> tuple[str, str, str, str | None]:
    return (reference.group, reference.kind, reference.name, reference.namespace)


def _said(reference: ParentReference) -> tuple[bool, bool]:
    return (reference.section_name is not None, reference.port is not None)
