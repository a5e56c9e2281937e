"""Whether the targetRef of a policy picks a proxy, one of its ports, or a destination."""

from collections.abc import Mapping
from typing import NamedTuple

from sekisho.model.meta import Resource
from sekisho.model.targets import TargetRef, ToTargetRef
from sekisho.policies.roles import reaches


class Proxy(NamedTuple):
    """What policies look at in a proxy."""

    kind: str
    """Workload or Gateway."""
    namespace: str
    name: str
    labels: Mapping[str, str]


class Section(NamedTuple):
    """A port, by number and by name."""

    number: int
    name: str = ""

    def is_called(self, section: str | None) -> bool:
        """Whether a sectionName means it; none means every port."""
        return section is None or section in (str(self.number), self.name or None)


class ServedPort(NamedTuple):
    """A port of a Service, with what policies look at in the Service."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    section: Section


def picks_client(policy: Resource, target: TargetRef | None, proxy: Proxy) -> bool:
    """Whether a policy is for this proxy as one that calls or tells: `to` and `default`."""
    if not reaches(policy, proxy.namespace):
        return False
    if target is None or target.kind == "Mesh":
        return True
    return target.kind == proxy.kind and _is(policy, target, proxy.namespace, proxy.name, proxy.labels)


def picks_server(
    policy: Resource,
    target: TargetRef | None,
    proxy: Proxy,
    section: Section,
    services: tuple[ServedPort, ...],
) -> bool:
    """Whether a policy is for this port of a workload: `rules`. `services` are the Service ports behind which
    the port stands."""
    if not reaches(policy, proxy.namespace):
        return False
    if target is None or target.kind == "Mesh":
        return True
    if target.kind == "Service":
        return any(_is_served(policy, target, service) for service in services)
    picked = target.kind == proxy.kind and _is(policy, target, proxy.namespace, proxy.name, proxy.labels)
    return picked and section.is_called(target.section_name)


def _is_served(policy: Resource, target: TargetRef, service: ServedPort) -> bool:
    picked = _is(policy, target, service.namespace, service.name, service.labels)
    return picked and service.section.is_called(target.section_name)


def _is(policy: Resource, target: TargetRef, namespace: str, name: str, labels: Mapping[str, str]) -> bool:
    """By namespace, name and labels; what is not said does not matter.

    A name without a namespace means the policy's own; a policy of operators without either means all.
    """
    wanted = target.namespace or (policy.metadata.namespace if target.name else None)
    return wanted in (None, namespace) and target.name in (None, name) and has_labels(labels, target.labels)


def has_labels(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether all the wanted ones are there."""
    return all(labels.get(key) == value for key, value in wanted.items())


class Called(NamedTuple):
    """What policies look at in a destination."""

    kind: str
    """Service, ExternalService, ZoneService or MultiZoneService."""
    namespace: str
    name: str
    labels: Mapping[str, str]
    section: Section
    route: tuple[str, str] | None = None
    """Namespace and name of the HTTPRoute that sends requests there."""


def covers(namespace: str, reference: ToTargetRef, called: Called) -> bool:
    """Whether an entry of `to`, in a policy of `namespace`, is about this destination."""
    if reference.kind == "Mesh":
        return True
    if reference.kind == "HTTPRoute":
        return _covers_route(namespace, reference, called.route)
    if reference.kind != called.kind:
        return False
    wanted = reference.namespace or (namespace if reference.name else None)
    return (
        wanted in (None, called.namespace)
        and reference.name in (None, called.name)
        and has_labels(called.labels, reference.labels)
        and called.section.is_called(reference.section_name)
    )


def _covers_route(namespace: str, reference: ToTargetRef, route: tuple[str, str] | None) -> bool:
    """By name only: a route has no labels that callers know."""
    return (
        route is not None
        and reference.name is not None
        and route
        == (
            reference.namespace or namespace,
            reference.name,
        )
    )
