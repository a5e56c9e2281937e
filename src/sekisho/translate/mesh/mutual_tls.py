"""How a port of a workload takes connections: MeshTLS, the widest first, the most particular last."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from msgspec.structs import replace

from sekisho.engine import Read, index
from sekisho.ir.transport import MutualTls, MutualTlsMode, TlsVersion
from sekisho.model.mesh import EFFECT_LABEL
from sekisho.model.mesh_tls import MeshTLS, MeshTlsDefault
from sekisho.model.names import ResourceId
from sekisho.model.targets import EVERYTHING, TargetRef
from sekisho.translate.mesh.destinations import resource_labels
from sekisho.translate.mesh.instances import labels, services
from sekisho.translate.mesh.meshes import is_system, mesh_of, named_mesh
from sekisho.translate.mesh.trust import trust_domains

_VERSIONS: dict[str, TlsVersion] = {"TLS12": "1.2", "TLS13": "1.3"}
_SHADOW = "shadow"


def mutual_tls(read: Read, workload: ResourceId, port: int, name: str) -> MutualTls:
    """Of one port, by number and name: strict, TLS 1.3, unless a MeshTLS says otherwise.

    What operators say is the least that holds: owners of workloads make it stricter, never weaker.
    """
    mesh = mesh_of(read, workload.namespace)
    said = defaults(read, workload, port, name)
    of_operators = [default for policy, default in said if is_system(policy)]
    found = _told(MutualTls(trust_domains=trust_domains(read, mesh)), [default for _, default in said])
    return _no_weaker(found, of_operators)


def defaults(
    read: Read, workload: ResourceId, port: int, name: str
) -> list[tuple[ResourceId, MeshTlsDefault]]:
    """What is said about a port, and by which MeshTLS; the last word comes last."""
    mesh = mesh_of(read, workload.namespace)
    return [
        (policy, rule.default)
        for policy in _policies(read, workload, mesh, port, name)
        for rule in read.leaf(policy).spec.rules
    ]


def is_told(read: Read, mesh: str, namespace: str) -> bool:
    """Whether any MeshTLS may be about workloads of a namespace."""
    return read.count(_MESH_TLS, mesh) > 0 or read.count(_MESH_TLS, (namespace,)) > 0


def _told(found: MutualTls, said: Sequence[MeshTlsDefault]) -> MutualTls:
    for default in said:
        found = _with(found, default)
    return found


def _no_weaker(found: MutualTls, said: Sequence[MeshTlsDefault]) -> MutualTls:
    """`found`, as strict at least as `said`, in what that speaks about."""
    least = _told(MutualTls(trust_domains=found.trust_domains), said)
    if any(default.mode is not None for default in said) and least.mode is MutualTlsMode.STRICT:
        found = replace(found, mode=MutualTlsMode.STRICT)
    if any(default.tls_version is not None for default in said):
        oldest = max(found.min_version, least.min_version)
        found = replace(found, min_version=oldest, max_version=max(oldest, found.max_version))
    if least.ciphers:
        kept = tuple(cipher for cipher in found.ciphers if cipher in least.ciphers)
        found = replace(found, ciphers=kept or least.ciphers)
    return found


def _with(found: MutualTls, said: MeshTlsDefault) -> MutualTls:
    if said.mode is not None:
        found = replace(found, mode=MutualTlsMode(said.mode))
    if said.tls_version is not None:
        least = _VERSIONS.get(said.tls_version.min, "1.3")
        found = replace(
            found, min_version=least, max_version=max(least, _VERSIONS.get(said.tls_version.max, "1.3"))
        )
    if said.tls_ciphers is not None:
        found = replace(found, ciphers=said.tls_ciphers)
    return found


class _Rank(NamedTuple):
    """Later ones override earlier ones."""

    particular: bool
    """It picks some workloads and not all."""
    sectioned: bool
    owned: bool
    """It is of the workload's own namespace and not of the operators."""


def _policies(read: Read, workload: ResourceId, mesh: str, port: int, name: str) -> list[ResourceId]:
    """Those that pick this port; of two alike, the one whose name is first in the alphabet comes last."""
    ranked = []
    for policy in read.bucket(_MESH_TLS, mesh) | read.bucket(_MESH_TLS, (workload.namespace,)):
        target = read.leaf(policy).spec.target_ref or EVERYTHING
        section = target.section_name
        if section in (None, str(port), name) and _picks(read, policy, target, workload):
            rank = _Rank(target.kind != "Mesh", section is not None, not is_system(policy))
            ranked.append((rank, policy))
    ranked.sort(key=lambda one: one[1].name, reverse=True)
    ranked.sort(key=itemgetter(0))
    return [policy for _, policy in ranked]


def _picks(read: Read, policy: ResourceId, target: TargetRef, workload: ResourceId) -> bool:
    namespace = target.namespace or ("" if is_system(policy) else policy.namespace)
    if namespace not in ("", workload.namespace):
        return False
    wanted = target.labels.items()
    match target.kind:
        case "Mesh":
            return True
        case "Workload":
            return target.name in (None, workload.name) and wanted <= dict(labels(read, workload)).items()
        case "Service":
            return any(
                target.name in (None, service.name) and wanted <= dict(resource_labels(read, service)).items()
                for service in services(read, workload)
            )
        case _:
            return False


def _places(read: Read, policy: ResourceId) -> Iterator[str | tuple[str]]:
    """By mesh those of the system namespace, by namespace (in a tuple) all others."""
    resource: MeshTLS = read.leaf(policy)
    if resource.metadata.labels.get(EFFECT_LABEL) != _SHADOW:
        yield named_mesh(resource) if is_system(policy) else (policy.namespace,)


_MESH_TLS = index("mutual TLS policies", source="MeshTLS", emit=_places)
