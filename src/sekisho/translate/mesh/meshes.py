"""Which mesh a namespace belongs to, and what that mesh is like."""

from sekisho.engine import Read, query
from sekisho.model.mesh import DEFAULT_MESH, MESH_LABEL, SYSTEM_NAMESPACE, Mesh, MeshSpec
from sekisho.model.meta import Resource
from sekisho.model.names import ResourceId
from sekisho.model.zone_service import ZoneService
from sekisho.translate.facts import Settings, SettingsKey
from sekisho.translate.mesh.names import trust_domain


@query
def mesh_of(read: Read, namespace: str) -> str:
    """The mesh of a namespace; empty where there is no Mesh of that name: then nothing in it is meshed."""
    resource = read.leaf(ResourceId("Namespace", "", namespace))
    name = DEFAULT_MESH if resource is None else resource.metadata.labels.get(MESH_LABEL, DEFAULT_MESH)
    return name if read.leaf(ResourceId("Mesh", "", name)) is not None else ""


@query
def mesh_of_called(read: Read, called: ResourceId) -> str:
    """The mesh in which something can be called; empty for none.

    A record of another zone names it itself. That of this zone is for others: the Service is here.
    """
    if called.kind != "ZoneService":
        return mesh_of(read, called.namespace)
    resource: ZoneService | None = read.leaf(called)
    if resource is None or resource.spec.zone == zone(read):
        return ""
    name = resource.spec.mesh
    return name if read.leaf(ResourceId("Mesh", "", name)) is not None else ""


@query
def mesh_spec(read: Read, mesh: str) -> MeshSpec:
    """How a mesh works; the defaults where there is none of that name."""
    resource: Mesh | None = read.leaf(ResourceId("Mesh", "", mesh))
    return MeshSpec() if resource is None else resource.spec


@query
def zone(read: Read) -> str:
    """The zone of this control plane."""
    return (read.leaf(SettingsKey()) or Settings()).zone


@query
def has_proxies(read: Read) -> bool:
    """Whether there are proxies here; a global control plane leaves them to its zones."""
    return (read.leaf(SettingsKey()) or Settings()).serves


def own_domain(read: Read, mesh: str) -> str:
    """The trust domain of a mesh in this zone."""
    return trust_domain(mesh, zone(read))


def named_mesh(resource: Resource) -> str:
    """The mesh that a resource of the system namespace is for."""
    return resource.metadata.labels.get(MESH_LABEL, DEFAULT_MESH)


def is_system(resource: ResourceId) -> bool:
    """Whether operators of the mesh wrote it."""
    return resource.namespace == SYSTEM_NAMESPACE
