"""Rules of what policies have in common: target references and conditions on callers.

A policy's own rules call these with the kinds that it can be for, so that a reference it could do nothing
with is refused when it is written.
"""

from collections.abc import Collection, Iterator
from typing import Protocol

from sekisho.model import paths
from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.meta import Resource
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.spiffe import identity_fault, prefix_fault
from sekisho.model.targets import CallerMatch, PathMatch, RequestMatch, TargetRef, TextMatch, ToTargetRef
from sekisho.model.validation import metadata, regex
from sekisho.model.validation.shared import cidr, unique

_EVERY_TARGET = ("Mesh", "Workload", "Gateway", "HTTPRoute", "Service", "ExternalService", "ZoneService")
_EVERY_DESTINATION = ("Mesh", "Service", "ExternalService", "ZoneService", "MultiZoneService", "HTTPRoute")
_WITH_SECTIONS = ("Workload", "Gateway", "HTTPRoute", "Service", "ZoneService", "MultiZoneService")


class _Reference(Protocol):
    """What both kinds of reference have."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def namespace(self) -> str | None: ...
    @property
    def labels(self) -> dict[str, str]: ...
    @property
    def section_name(self) -> str | None: ...


def target(
    policy: Resource,
    reference: TargetRef | None,
    kinds: Collection[str] = _EVERY_TARGET,
    *,
    sections: bool = True,
) -> Iterator[Problem]:
    """`spec.targetRef`. `kinds` are those the policy can be for, `sections` whether it can be for a port.

    Only a policy of the system namespace is for what is in other namespaces.
    """
    if reference is None:
        return
    path, own = "spec.targetRef", policy.metadata.namespace
    yield from _reference(path, reference, kinds, sections=sections)
    if reference.namespace not in (None, own) and own != SYSTEM_NAMESPACE:
        message = "expected the policy's own namespace"
        hint = f"a policy in {SYSTEM_NAMESPACE} can be for any"
        yield Problem(paths.field(path, "namespace"), message, hint, Reason.FORBIDDEN)


def destination(
    path: str, reference: ToTargetRef, kinds: Collection[str] = _EVERY_DESTINATION
) -> Iterator[Problem]:
    """The targetRef at `path` (`spec.to[0].targetRef`). `kinds` are those the policy can be for."""
    yield from _reference(path, reference, kinds, sections=True)


def _reference(
    path: str, reference: _Reference, kinds: Collection[str], *, sections: bool
) -> Iterator[Problem]:
    if reference.kind not in kinds:
        message = f"this policy cannot be for {reference.kind}, only for {', '.join(kinds)}"
        yield Problem(paths.field(path, "kind"), message, reason=Reason.NOT_SUPPORTED)
    if reference.kind == "Mesh":
        yield from _bare(path, reference)
        return
    if reference.name is not None and reference.labels:
        message = "name and labels exclude each other"
        yield Problem(paths.field(path, "labels"), message, reason=Reason.FORBIDDEN)
    yield from metadata.labels(paths.field(path, "labels"), reference.labels)
    if reference.section_name is not None and not (sections and reference.kind in _WITH_SECTIONS):
        message = f"this policy cannot be for a section of {reference.kind}"
        yield Problem(paths.field(path, "sectionName"), message, reason=Reason.FORBIDDEN)


def _bare(path: str, reference: _Reference) -> Iterator[Problem]:
    """Mesh is the whole mesh of the policy's namespace."""
    given = {
        "name": reference.name,
        "namespace": reference.namespace,
        "labels": reference.labels,
        "sectionName": reference.section_name,
    }
    for name, value in given.items():
        if value:
            message = f"kind Mesh takes no {name}"
            hint = "it is the mesh of the policy's namespace"
            yield Problem(paths.field(path, name), message, hint, Reason.FORBIDDEN)


def callers(path: str, matches: Collection[CallerMatch]) -> Iterator[Problem]:
    """The conditions in the list at `path` (`spec.rules[0].matches`, `spec.rules[0].default.allow`)."""
    for index, match in enumerate(matches):
        yield from _caller(paths.item(path, index), match)


def _caller(path: str, match: CallerMatch) -> Iterator[Problem]:
    if spiffe_id := match.spiffe_id:
        fault = (prefix_fault if spiffe_id.type == "Prefix" else identity_fault)(spiffe_id.value)
        if fault:
            yield Problem(paths.field(path, "spiffeID.value"), f"expected {fault}")
    yield from unique(paths.field(path, "namespaces"), match.namespaces, "", "namespace")
    for index, range_ in enumerate(match.source_ranges):
        yield from cidr(paths.item(paths.field(path, "sourceRanges"), index), range_)
    if isinstance(match, RequestMatch):
        yield from _request(path, match)


def _request(path: str, match: RequestMatch) -> Iterator[Problem]:
    yield from unique(paths.field(path, "methods"), match.methods, "", "method")
    for index, one in enumerate(match.paths):
        yield from _path(paths.item(paths.field(path, "paths"), index), one)
    for name, texts in (("headers", match.headers), ("claims", match.claims)):
        for index, text in enumerate(texts):
            yield from _text(paths.item(paths.field(path, name), index), text)


def _path(path: str, match: PathMatch) -> Iterator[Problem]:
    where = paths.field(path, "value")
    if match.type == "RegularExpression":
        yield from regex.problems(where, match.value)
    elif not match.value.startswith("/"):
        yield Problem(where, "expected a path that begins with `/`")
    elif any(part in {".", ".."} for part in match.value.split("/")) or "//" in match.value:
        yield Problem(where, "expected a path without `//`, `/./` and `/../`", "paths are normalised first")
    elif set("?#") & set(match.value):
        yield Problem(where, "expected a path without query and fragment")


def _text(path: str, match: TextMatch) -> Iterator[Problem]:
    where = paths.field(path, "value")
    if match.type == "Present":
        if match.value is not None:
            yield Problem(where, "type Present takes no value", reason=Reason.FORBIDDEN)
    elif match.value is None:
        yield Problem(where, f"is required for type {match.type}", reason=Reason.REQUIRED)
    elif match.type == "RegularExpression":
        yield from regex.problems(where, match.value)
