"""Who the members of a mesh are: the SPIFFE identity of each Workload with a sidecar, and of each Gateway."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sekisho.engine import Read, index, query
from sekisho.model.identity import PATH_FIELDS, TRUST_DOMAIN_FIELDS, SpiffeIdTemplates
from sekisho.model.meta import Resource
from sekisho.model.names import ResourceId
from sekisho.model.spiffe import SCHEME, identity_fault
from sekisho.model.templates import BadTemplate, MissingLabel, parse
from sekisho.translate.mesh.meshes import is_system, mesh_of, named_mesh, zone


class Identity(NamedTuple):
    """What a member is called in its certificate, and who issues that."""

    spiffe_id: str
    issuer: ResourceId | None
    """The MeshIdentity; None for the one that every Mesh has built in."""


_BUILT_IN = SpiffeIdTemplates()


@query
def identity(read: Read, member: ResourceId) -> Identity | None:
    """The identity of a Workload or Gateway; None where it has none: then everybody it calls, and everybody
    who calls it over mutual TLS, turns it away."""
    mesh, resource = mesh_of(read, member.namespace), read.leaf(member)
    if not mesh or resource is None:
        return None
    issuer = _issuer(read, mesh, resource.metadata.labels)
    if issuer is None and _is_issued(read, mesh):
        return None
    templates = _BUILT_IN if issuer is None else read.leaf(issuer).spec.spiffe_id
    spiffe_id = _rendered(read, mesh, resource, templates)
    return Identity(spiffe_id, issuer) if spiffe_id else None


@query
def own_domains(read: Read, mesh: str) -> tuple[str, ...]:
    """The trust domains that identities of this mesh are made in, sorted; at least one."""
    templates = [read.leaf(issuer).spec.spiffe_id for issuer in read.bucket(_IDENTITIES, mesh)]
    made = {_domain(read, mesh, one) for one in (templates or [_BUILT_IN])}
    return tuple(sorted(domain for domain in made if domain)) or (_domain(read, mesh, _BUILT_IN),)


def identities(read: Read, mesh: str) -> frozenset[ResourceId]:
    """The MeshIdentities of a mesh."""
    return read.bucket(_IDENTITIES, mesh)


def _issuer(read: Read, mesh: str, labels: Mapping[str, str]) -> ResourceId | None:
    """Of those that pick it, the one with the most labels; then the first by name."""
    found = []
    for candidate in read.bucket(_IDENTITIES, mesh):
        selector = read.leaf(candidate).spec.selector
        wanted = None if selector is None else selector.workload
        if wanted is not None and wanted.match_labels.items() <= labels.items():
            found.append((-len(wanted.match_labels), candidate))
    return min(found)[1] if found else None


def _is_issued(read: Read, mesh: str) -> bool:
    """Whether any MeshIdentity is in force: one that picks nobody yet leaves it to the built-in one."""
    specs = [read.leaf(candidate).spec for candidate in read.bucket(_IDENTITIES, mesh)]
    return any(spec.selector is not None and spec.selector.workload is not None for spec in specs)


def _rendered(read: Read, mesh: str, resource: Resource, templates: SpiffeIdTemplates) -> str:
    """Empty where a label is missing that the template names, or no identity comes out."""
    id_ = resource.id
    fields = {
        "Mesh": mesh,
        "Zone": zone(read),
        "Namespace": id_.namespace,
        "ServiceAccount": id_.name if id_.kind == "Gateway" else resource.spec.service_account_name,  # type: ignore[attr-defined]
        "Workload": id_.name,
    }
    try:
        path = parse(templates.path, PATH_FIELDS).render(fields, resource.metadata.labels)
    except (BadTemplate, MissingLabel):
        return ""
    made = f"{SCHEME}{_domain(read, mesh, templates)}{path}"
    return "" if identity_fault(made) else made


def _domain(read: Read, mesh: str, templates: SpiffeIdTemplates) -> str:
    try:
        template = parse(templates.trust_domain, TRUST_DOMAIN_FIELDS)
        return template.render({"Mesh": mesh, "Zone": zone(read)}, {})
    except (BadTemplate, MissingLabel):
        return ""


def _mesh(read: Read, resource: ResourceId) -> Iterator[str]:
    """Only operators say who is who: an identity of another namespace would be one's own wish."""
    if is_system(resource):
        yield named_mesh(read.leaf(resource))


_IDENTITIES = index("identities by mesh", source="MeshIdentity", emit=_mesh)
