"""Which World each workload sees, and which services are in it."""

from collections.abc import Iterable, Iterator

from sekisho.engine import Read, index, output, query
from sekisho.kit.sets import union
from sekisho.model.names import ResourceId
from sekisho.model.workload import ReachableReference, Sidecar
from sekisho.translate.mesh import effective
from sekisho.translate.mesh.attachment import has_consumer_routes
from sekisho.translate.mesh.audience import admitting, audience
from sekisho.translate.mesh.destinations import CALLED_KINDS, callable_in, resource_labels
from sekisho.translate.mesh.instances import is_meshed
from sekisho.translate.mesh.meshes import mesh_of, mesh_of_called, mesh_spec
from sekisho.translate.mesh.places import place_of
from sekisho.translate.mesh.worlds import Reach, World


@query
def world_of(read: Read, workload: ResourceId) -> World | None:
    """None for a workload without a sidecar, or outside of any mesh."""
    if not is_meshed(read, workload):
        return None
    namespace, sidecar = workload.namespace, read.leaf(workload).spec.sidecar
    own = has_consumer_routes(read, namespace) or effective.has_consumer_policies(read, namespace)
    reach = _reach(read, workload, sidecar)
    on_demand = reach is not None and _fetches(read, namespace, sidecar)
    world = World.of(
        mesh_of(read, namespace),
        namespace=namespace if own else "",
        selected=effective.selected_policies(read, workload),
        audience=audience(read, workload) if reach is None or on_demand else (),
        reach=reach,
        outbound=sidecar.outbound_addresses if sidecar.capture == "None" else "",
    )._replace(on_demand=on_demand)
    place = place_of(read, workload, world.client)
    return world if place is None else world._replace(place=place)


@query
def visible(read: Read, world: World) -> frozenset[ResourceId]:
    """What sidecars of a World can call."""
    admitted = (admitting(read, world.mesh, token) for token in world.audience)
    return union((named(read, world), *admitted))


def named(read: Read, world: World) -> frozenset[ResourceId]:
    """What they say that they call."""
    return frozenset(found for one in world.reach or () for found in _reached(read, world.mesh, one))


def followers(read: Read, world: World) -> frozenset[ResourceId]:
    """The workloads that see a World."""
    return read.bucket(WORLDS, world)


def _fetches(read: Read, namespace: str, sidecar: Sidecar) -> bool:
    """Whether what is not named is fetched at first use."""
    if sidecar.on_demand is not None:
        return sidecar.on_demand
    return mesh_spec(read, mesh_of(read, namespace)).on_demand


def _reach(read: Read, workload: ResourceId, sidecar: Sidecar) -> tuple[Reach, ...] | None:
    if sidecar.reachable is not None:
        return tuple(sorted({_canonical(one, workload.namespace) for one in sidecar.reachable}))
    match mesh_spec(read, mesh_of(read, workload.namespace)).reachable:
        case "Permitted":
            return None
        case "Namespace":
            return tuple(Reach(kind, workload.namespace, "", ()) for kind in sorted(CALLED_KINDS))
        case "Listed":
            return ()


def _canonical(one: ReachableReference, namespace: str) -> Reach:
    return Reach(
        kind=one.kind,
        namespace=one.namespace or (namespace if one.name else ""),
        name=one.name or "",
        labels=tuple(sorted(one.labels.items())),
    )


def _reached(read: Read, mesh: str, wanted: Reach) -> Iterable[ResourceId]:
    if wanted.name:
        named = ResourceId(wanted.kind, wanted.namespace, wanted.name)
        is_there = mesh_of_called(read, named) == mesh and read.leaf(named) is not None
        return (named,) if is_there else ()
    return [
        one
        for one in callable_in(read, mesh, wanted.namespace)
        if one.kind == wanted.kind and set(wanted.labels).issubset(resource_labels(read, one))
    ]


def _world(read: Read, workload: ResourceId) -> Iterator[World]:
    found = world_of(read, workload)
    if found is not None:
        yield found


WORLDS = index("worlds", source="Workload", emit=_world)
"""`World` → the workloads that see it."""

SEEN = output("worlds by workload", source="Workload", build=world_of)
"""Workload → the World its sidecar sees; none without a sidecar."""
