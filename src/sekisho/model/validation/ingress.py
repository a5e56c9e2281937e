"""Rules of Ingress and IngressClass, as Kubernetes' API server has them."""

from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.ingress import (
    HttpIngressPath,
    Ingress,
    IngressBackend,
    IngressClass,
    IngressRule,
    IngressServicePort,
)
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation.routes import hostnames
from sekisho.model.validation.shared import ip_version

_FORBIDDEN_IN_PATH = ("//", "/./", "/../", "%2f", "%2F")
_FORBIDDEN_AT_END = ("/..", "/.")


def ingress(resource: Ingress) -> Iterator[Problem]:
    """Backends, hosts, paths."""
    spec = resource.spec
    if spec.default_backend is None and not spec.rules:
        message = "expected defaultBackend or rules, found neither"
        yield Problem("spec", message, reason=Reason.REQUIRED)
    if spec.default_backend is not None:
        yield from _backend("spec.defaultBackend", spec.default_backend)
    for index, entry in enumerate(spec.tls):
        yield from hostnames(paths.field(paths.item("spec.tls", index), "hosts"), entry.hosts)
    for index, rule in enumerate(spec.rules):
        yield from _rule(paths.item("spec.rules", index), rule)


def ingress_class(resource: IngressClass) -> Iterator[Problem]:
    """Parameters are in a namespace, or in none."""
    parameters = resource.spec.parameters
    if parameters is None:
        return
    where = "spec.parameters.namespace"
    if parameters.scope == "Namespace" and parameters.namespace is None:
        yield Problem(where, "is required for scope Namespace", reason=Reason.REQUIRED)
    elif parameters.scope == "Cluster" and parameters.namespace is not None:
        message = "is for scope Namespace, and the scope is Cluster"
        yield Problem(where, message, reason=Reason.FORBIDDEN)


def _rule(path: str, rule: IngressRule) -> Iterator[Problem]:
    if rule.host is not None and ip_version(rule.host.removeprefix("*.")):
        yield Problem(paths.field(path, "host"), "expected a host name, found an IP address")
    for index, one in enumerate(rule.http.paths if rule.http is not None else ()):
        where = paths.item(paths.field(path, "http.paths"), index)
        yield from _path(paths.field(where, "path"), one)
        yield from _backend(paths.field(where, "backend"), one.backend)


def _path(path: str, one: HttpIngressPath) -> Iterator[Problem]:
    value = one.path or ""
    is_specific = one.path_type == "ImplementationSpecific"
    if not value and is_specific:
        return
    if not value.startswith("/"):
        yield Problem(path, f'expected a path that starts with "/", found "{value[:60]}"')
    if is_specific:
        return
    for part in _FORBIDDEN_IN_PATH:
        if part in value:
            yield Problem(path, f'must not contain "{part}"')
    for end in _FORBIDDEN_AT_END:
        if value.endswith(end):
            yield Problem(path, f'must not end with "{end}"')


def _backend(path: str, backend: IngressBackend) -> Iterator[Problem]:
    if (backend.service is None) == (backend.resource is None):
        found = "neither" if backend.service is None else "both"
        yield Problem(path, f"expected either service or resource, found {found}", reason=Reason.REQUIRED)
    if backend.service is not None:
        yield from _port(paths.field(path, "service.port"), backend.service.port)


def _port(path: str, port: IngressServicePort) -> Iterator[Problem]:
    if (port.name is None) == (port.number is None):
        found = "neither" if port.name is None else "both"
        yield Problem(path, f"expected either name or number, found {found}", reason=Reason.REQUIRED)
