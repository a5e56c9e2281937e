"""Who calls, for explanations: a Workload or Gateway with its identity, address and view of others."""

from ipaddress import ip_address
from typing import NamedTuple

from sekisho.engine import Read
from sekisho.ir.admittance import Peer
from sekisho.model.names import ResourceId
from sekisho.model.spiffe import SCHEME
from sekisho.translate.mesh.identities import identity
from sekisho.translate.mesh.instances import instances, is_meshed
from sekisho.translate.mesh.meshes import mesh_of
from sekisho.translate.mesh.sight import world_of
from sekisho.translate.mesh.worlds import World

_ANYWHERE = "127.0.0.1"
"""Where a caller is thought to be that has no address yet."""


class Client(NamedTuple):
    """One caller."""

    resource: ResourceId
    policies: World | ResourceId | None
    """As policies know it; None for a workload without a sidecar."""
    identity: str
    """SPIFFE ID; empty for none."""
    address: str
    claims: tuple[tuple[str, str], ...] = ()
    """Of the token it shows."""

    @property
    def is_member(self) -> bool:
        """Whether it calls by mutual TLS."""
        return self.policies is not None and bool(self.identity)

    def peer(self, server_name: str = "") -> Peer:
        """As the other side of a connection sees it."""
        if not self.is_member:
            return Peer(address=self.address, claims=self.claims)
        return Peer(identity=self.identity, address=self.address, server_name=server_name, claims=self.claims)


def find_client(read: Read, named: str) -> Client | None:
    """The Workload of this name (`namespace/name`), else the Gateway, else the first instance of the Service;
    or whoever has this SPIFFE ID, wherever that is. None when there is none of them."""
    if named.startswith(SCHEME):
        return _far(named)
    namespace, _, name = named.partition("/")
    for kind in ("Workload", "Gateway"):
        resource = ResourceId(kind, namespace, name)
        if read.leaf(resource) is not None:
            return client_of(read, resource)
    members = instances(read, ResourceId("Service", namespace, name))
    return client_of(read, members[0]) if members else None


def _far(spiffe_id: str) -> Client:
    """A member of the mesh in another zone, of whom no more is known here."""
    resource = ResourceId("Identity", "", spiffe_id)
    return Client(resource=resource, policies=resource, identity=spiffe_id, address=_ANYWHERE)


def client_of(read: Read, resource: ResourceId) -> Client:
    """A Workload or Gateway that exists."""
    member = mesh_of(read, resource.namespace) != ""
    if resource.kind == "Workload":
        member = is_meshed(read, resource)
    found = identity(read, resource) if member else None
    policies: World | ResourceId | None = resource if member else None
    if member and resource.kind == "Workload":
        policies = world_of(read, resource)
    return Client(
        resource=resource,
        policies=policies,
        identity=found.spiffe_id if found else "",
        address=_address(read, resource),
    )


def _address(read: Read, resource: ResourceId) -> str:
    written = getattr(getattr(read.leaf(resource), "spec"), "address", _ANYWHERE)  # noqa: B009 - a Gateway has none
    try:
        return str(ip_address(written))
    except ValueError:
        return _ANYWHERE
