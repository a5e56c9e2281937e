"""Host names of the mesh: some built in, more by HostnameGenerators; each name is one service's only."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sekisho.engine import Read, index, query
from sekisho.ir.agent import HostnameRecord
from sekisho.model.hostname_generator import HOSTNAME_FIELDS, HostnameSelector
from sekisho.model.identity import MatchLabels
from sekisho.model.names import Origin, ResourceId
from sekisho.model.origin import GLOBAL, ORIGIN_LABEL, ZONE, display_name, origin_zone
from sekisho.model.templates import BadTemplate, MissingLabel, parse
from sekisho.model.zone_service import ZoneService
from sekisho.translate.mesh.destinations import (
    CALLED_KINDS,
    addresses,
    instance_addresses,
    is_headless,
    resource_labels,
)
from sekisho.translate.mesh.headless import instance_of, named_instances, ready_address
from sekisho.translate.mesh.meshes import is_system, mesh_of_called, zone
from sekisho.translate.mesh.names import Part

_BUILT_IN = {
    "Service": (
        "{{ .Name }}.{{ .Namespace }}.svc.mesh.local",
        "{{ .Name }}.{{ .Namespace }}.svc.cluster.local",
        "{{ .Name }}.{{ .Namespace }}.svc.{{ .Zone }}.mesh.local",
    ),
    "ZoneService": ("{{ .DisplayName }}.{{ .Namespace }}.svc.{{ .Zone }}.mesh.local",),
    "MultiZoneService": ("{{ .DisplayName }}.{{ .Namespace }}.mzsvc.mesh.local",),
    "ExternalService": ("{{ .Name }}.{{ .Namespace }}.extsvc.mesh.local",),
}
"""Names that everything has; no generator can take them away. Instances of a headless Service have them too,
each with its own name before it, as Pods of a StatefulSet do. With its zone, a Service is called alike in
all zones."""
_ZONE_FIRST = {"": 0, ZONE: 0, GLOBAL: 1}
"""Of generators, by where they were written: a zone knows best what its names mean."""
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")


class Claim(NamedTuple):
    """A wish for a name. The smallest wins: built in, then of a zone's own generator, then of the older one,
    then by name."""

    rank: int
    """Where the generator was written; -1 for names that are built in."""
    created: str
    """Of the generator; empty for names that are built in."""
    generator: ResourceId | None
    resource: ResourceId


@query
def hostnames(read: Read, resource: ResourceId) -> tuple[str, ...]:
    """The names of something that can be called, sorted: those made for it that nobody has before it."""
    mesh = mesh_of_called(read, resource)
    found = {name for name, _ in _claims(read, resource)} if mesh else set()
    return tuple(sorted(name for name in found if _has(read, resource, mesh, name)))


def hostname_record(read: Read, key: Part) -> HostnameRecord:
    """What DNS says about a name to workloads whose connections are captured."""
    resource = key.resource
    found: Iterable[str]
    if instance := instance_of(read, resource, key.part):
        found = ready_address(read, instance)
    elif resource.kind == "Service" and is_headless(read, resource):
        found = instance_addresses(read, resource)
    else:
        found = addresses(read, resource, "")
    return HostnameRecord(name=key.part, addresses=tuple(sorted(found)), origin=Origin(resource))


def collisions(read: Read, generator: ResourceId) -> tuple[str, ...]:
    """The names a generator made that are somebody else's, with whose they are; sorted."""
    lost = read.bucket(_LOST, generator)
    return tuple(sorted(f"{name} is of {_owner(read, mesh, name).resource}" for mesh, name in lost))


@query
def _claims(read: Read, resource: ResourceId) -> tuple[tuple[str, Claim], ...]:
    """All names made for a resource, and on whose word."""
    found = []
    own_name, of_zone = _origin(read, resource)
    fields = {
        "Name": resource.name,
        "DisplayName": own_name,
        "Namespace": resource.namespace,
        "Mesh": mesh_of_called(read, resource),
        "Zone": of_zone,
    }
    labels = dict(resource_labels(read, resource))
    for rank, created, generator, template in _templates(read, resource, labels):
        try:
            made = parse(template, HOSTNAME_FIELDS).render(fields, labels).lower().removesuffix(".")
        except (BadTemplate, MissingLabel):
            continue
        if _HOSTNAME.fullmatch(made):
            found.append((made, Claim(rank, created, generator, resource)))
    return tuple(found)


@query
def _origin(read: Read, resource: ResourceId) -> tuple[str, str]:
    """The name it has where it comes from, and the zone that is; this one for what is written for all."""
    if resource.kind == "ZoneService":
        record: ZoneService = read.leaf(resource)
        return record.spec.service, record.spec.zone
    metadata = read.leaf(resource).metadata
    return display_name(metadata), origin_zone(metadata.labels) or zone(read)


def _templates(
    read: Read, resource: ResourceId, labels: dict[str, str]
) -> Iterator[tuple[int, str, ResourceId | None, str]]:
    for template in _BUILT_IN.get(resource.kind, ()):
        yield -1, "", None, template
        for instance in named_instances(read, resource):
            yield -1, "", None, f"{instance.name}.{template}"
    for generator in read.bucket(_GENERATORS, resource.kind):
        written = read.leaf(generator)
        wanted = _selected(written.spec.selector, resource.kind)
        if wanted is not None and wanted.match_labels.items() <= labels.items():
            rank = _ZONE_FIRST.get(written.metadata.labels.get(ORIGIN_LABEL, ""), 0)
            # One that was never stored has no time yet, and comes last.
            yield rank, written.metadata.creation_timestamp or "~", generator, written.spec.template


def _selected(selector: HostnameSelector, kind: str) -> MatchLabels | None:
    return {
        "Service": selector.service,
        "ZoneService": selector.zone_service,
        "MultiZoneService": selector.multi_zone_service,
        "ExternalService": selector.external_service,
    }[kind]


def _has(read: Read, claimant: ResourceId, mesh: str, hostname: str) -> bool:
    """Whether a name is its claimant's: as most, it is nobody else's wish."""
    alone = read.count(_CLAIMED, (mesh, hostname)) == 1
    return alone or _owner(read, mesh, hostname).resource == claimant


@query
def _owner(read: Read, mesh: str, hostname: str) -> Claim:
    """Who has a name that somebody claims."""
    return min(
        claim
        for resource in read.bucket(_CLAIMED, (mesh, hostname))
        for name, claim in _claims(read, resource)
        if name == hostname
    )


def _kinds(read: Read, generator: ResourceId) -> Iterator[str]:
    """Only operators give names: others would take them."""
    if is_system(generator):
        selector: HostnameSelector = read.leaf(generator).spec.selector
        yield from (kind for kind in _BUILT_IN if _selected(selector, kind) is not None)


def _claimed(read: Read, resource: ResourceId) -> Iterator[tuple[str, str]]:
    mesh = mesh_of_called(read, resource)
    for name in {name for name, _ in _claims(read, resource)} if mesh else ():
        yield mesh, name


def _losers(read: Read, key: tuple[str, str]) -> Iterator[ResourceId]:
    mesh, hostname = key
    owner = _owner(read, mesh, hostname).resource
    for resource in read.bucket(_CLAIMED, key):
        for name, claim in _claims(read, resource):
            if name == hostname and resource != owner and claim.generator is not None:
                yield claim.generator


_GENERATORS = index("hostname generators", source="HostnameGenerator", emit=_kinds)
_CLAIMED = index("claimed hostnames", source=CALLED_KINDS, emit=_claimed)
"""(mesh, hostname) → who claims it."""
_LOST = index("lost hostnames", source=_CLAIMED, emit=_losers, when="HostnameGenerator")
"""HostnameGenerator → (mesh, hostname) of the names it made in vain."""
