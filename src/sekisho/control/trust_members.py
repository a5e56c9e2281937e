"""Which proxies follow the trust of a mesh, and whether they have acknowledged what it is now."""

from collections.abc import Iterable, Iterator

from sekisho.control.proxies import Proxies
from sekisho.control.trust_gates import Member
from sekisho.engine import Read
from sekisho.identity.authorities import HeldAuthority
from sekisho.ir.transport import TRUST_SECRET
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.meshes import mesh_of
from sekisho.xds.types import SECRET, Name
from sekisho.xds.view import View

_TRUST = Name(SECRET, TRUST_SECRET)
_KINDS = {"gateway": "Gateway", "workload": "Workload"}


class TrustMembers:
    """Looks at what is connected and published; keeps nothing itself."""

    def __init__(self, read: Read, proxies: Proxies) -> None:
        self._read = read
        self._proxies = proxies

    def members(self, held: HeldAuthority) -> Iterator[Member]:
        """The connected proxies of its mesh that are told whom to believe."""
        for proxy in self._proxies.connected_now.values():
            owner = proxy.owner
            if mesh_of(self._read, owner.namespace) != held.mesh:
                continue
            for view, acknowledged in proxy.following():
                if view.get(_TRUST) is not None:
                    role, namespace, name, *rest = proxy.id.split("/")
                    in_sync = _TRUST not in proxy.rejected and holds(
                        view, acknowledged, held.authority.believed, held.authority.not_believed
                    )
                    yield Member(f"{role}/{namespace}/{name}", "/".join(rest), in_sync)

    def is_registered(self, proxy: str) -> bool:
        """Whether the Gateway or Workload a proxy stands for exists."""
        role, namespace, name = proxy.split("/")
        return self._read.leaf(ResourceId(_KINDS[role], namespace, name)) is not None


def acknowledged(view: View, position: int) -> bool:
    """Whether a proxy that has answered everything up to commit `position` of a view has the newest trust."""
    log = view.log(SECRET)
    return log is not None and position >= log.changed_at(TRUST_SECRET)


def holds(view: View, position: int, believed: Iterable[bytes], others: Iterable[bytes]) -> bool:
    """Whether it has taken a trust with all of the first roots (PEM) and none of the second."""
    resource = view.get(_TRUST)
    if resource is None or not acknowledged(view, position):
        return False
    body = resource.body
    return all(root in body for root in believed) and not any(root in body for root in others)
