"""The status a MeshTLS should have: where operators decide otherwise than it asks for, and who of them."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sekisho.engine import Read, index, query
from sekisho.model.mesh import EFFECT_LABEL
from sekisho.model.mesh_tls import MeshTLS, MeshTlsDefault
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.conditions import condition
from sekisho.translate.mesh.inbounds import inbound_ports
from sekisho.translate.mesh.instances import is_meshed
from sekisho.translate.mesh.meshes import is_system, mesh_of
from sekisho.translate.mesh.mutual_tls import defaults, is_told
from sekisho.translate.mesh.mutual_tls import mutual_tls as decided

_MOST_NAMED = 4
_OLDEST = {"TLS12": "1.2", "TLS13": "1.3"}

Said = tuple[ResourceId, MeshTlsDefault]


class Overruling(NamedTuple):
    """Something a MeshTLS asks for that does not hold at a port."""

    policy: ResourceId
    asked: str
    winner: ResourceId
    """The MeshTLS of the operators that has the last word."""


@query
def mesh_tls_status(read: Read, policy: ResourceId) -> dict[str, Any]:
    """Accepted, as it was checked when it was written; and Overruled where that is so."""
    resource: MeshTLS = read.leaf(policy)
    generation = resource.metadata.generation
    if resource.metadata.labels.get(EFFECT_LABEL) == "shadow":
        told = "In shadow: it changes nothing."
        return {"conditions": [condition("Accepted", "True", "Shadow", told, generation)]}
    accepted = condition("Accepted", "True", "Accepted", "", generation)
    concerned = sorted(read.bucket(_OVERRULED, policy))
    if not concerned:
        return {"conditions": [accepted]}
    told = _sentence(
        concerned,
        sorted({one for each in concerned for one in overrulings(read, each) if one.policy == policy}),
    )
    return {"conditions": [accepted, condition("Overruled", "True", "ByOperators", told, generation)]}


def _sentence(concerned: list[ResourceId], found: Iterable[Overruling]) -> str:
    names = ", ".join(one.name for one in concerned[:_MOST_NAMED])
    more = f" and {len(concerned) - _MOST_NAMED} more" if len(concerned) > _MOST_NAMED else ""
    said = "; ".join(f"{one.asked} is overruled by {one.winner}" for one in found)
    return f"{said} (at {names}{more})."


@query
def overrulings(read: Read, workload: ResourceId) -> frozenset[Overruling]:
    """Of all ports of a workload."""
    if not is_meshed(read, workload) or not is_told(
        read, mesh_of(read, workload.namespace), workload.namespace
    ):
        return frozenset()
    names = {port.port: port.name or "" for port in read.leaf(workload).spec.ports if port.protocol == "TCP"}
    return frozenset(
        found
        for port in inbound_ports(read, workload)
        for found in _at_port(read, workload, port, names.get(port, ""))
    )


def _at_port(read: Read, workload: ResourceId, port: int, name: str) -> Iterator[Overruling]:
    """Of each field the namespace's last word, beside what became of it."""
    said = defaults(read, workload, port, name)
    holds = decided(read, workload, port, name)
    if (found := _contested(said, "mode")) and found[0][1].mode != holds.mode.value:
        yield Overruling(found[0][0], f"mode {found[0][1].mode}", found[1][0])
    if found := _contested(said, "tls_version"):
        versions = found[0][1].tls_version
        oldest = _OLDEST.get(versions.min, "1.3") if versions is not None else "1.3"
        if oldest != holds.min_version:
            yield Overruling(found[0][0], f"TLS {oldest}", found[1][0])
    if found := _contested(said, "tls_ciphers"):
        lost = [one for one in found[0][1].tls_ciphers or () if one not in holds.ciphers]
        if lost:
            yield Overruling(found[0][0], f"cipher {', '.join(lost)}", found[1][0])


def _contested(said: list[Said], field: str) -> tuple[Said, Said] | None:
    """Who of the namespace has the last word on a field, and who of the operators; None where either says
    nothing."""
    about = [one for one in said if getattr(one[1], field) is not None]
    own = [one for one in about if not is_system(one[0])]
    of_operators = [one for one in about if is_system(one[0])]
    return (own[-1], of_operators[-1]) if own and of_operators else None


def _overruled(read: Read, workload: ResourceId) -> Iterator[ResourceId]:
    yield from {one.policy for one in overrulings(read, workload)}


_OVERRULED = index("workloads by overruled mutual TLS policy", source="Workload", emit=_overruled)
