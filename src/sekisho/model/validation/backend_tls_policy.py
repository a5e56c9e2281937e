"""Rules of BackendTLSPolicy (the CEL rules of its CRD)."""

from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.backend_tls_policy import (
    BackendTLSPolicy,
    BackendTlsValidation,
    LocalPolicyTargetReference,
    SubjectAltName,
)
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation.shared import unique


def backend_tls_policy(resource: BackendTLSPolicy) -> Iterator[Problem]:
    """Targets, authorities, names."""
    yield from _targets("spec.targetRefs", resource.spec.target_refs)
    yield from tls_validation("spec.validation", resource.spec.validation)


def tls_validation(path: str, validation: BackendTlsValidation) -> Iterator[Problem]:
    """Somebody is believed, in one way; names have a type."""
    given = bool(validation.ca_certificate_refs), validation.well_known_ca_certificates is not None
    if given == (True, True):
        message = "caCertificateRefs and wellKnownCACertificates exclude each other"
        yield Problem(path, message, reason=Reason.FORBIDDEN)
    elif given == (False, False):
        message = "expected caCertificateRefs or wellKnownCACertificates"
        yield Problem(path, message, reason=Reason.REQUIRED)
    for index, name in enumerate(validation.subject_alt_names):
        yield from _name(paths.item(paths.field(path, "subjectAltNames"), index), name)


def _targets(path: str, targets: tuple[LocalPolicyTargetReference, ...]) -> Iterator[Problem]:
    """References to one target differ in section, and all of them say one or none does."""
    keys = [(target.group, target.kind, target.name) for target in targets]
    sections = [(*key, target.section_name) for key, target in zip(keys, targets, strict=True)]
    yield from unique(path, sections, "", "combination of target and sectionName")
    first: dict[tuple[str, str, str], LocalPolicyTargetReference] = {}
    for index, (key, target) in enumerate(zip(keys, targets, strict=True)):
        before = first.setdefault(key, target)
        if (before.section_name is None) != (target.section_name is None):
            message = "either all references to one target say sectionName, or none does"
            yield Problem(paths.item(path, index), message)


def _name(path: str, name: SubjectAltName) -> Iterator[Problem]:
    for type_, field, value in (("Hostname", "hostname", name.hostname), ("URI", "uri", name.uri)):
        if type_ == name.type and value is None:
            yield Problem(paths.field(path, field), f"is required for type {type_}", reason=Reason.REQUIRED)
        elif type_ != name.type and value is not None:
            message = f"belongs to type {type_}, and the type is {name.type}"
            yield Problem(paths.field(path, field), message, reason=Reason.FORBIDDEN)
