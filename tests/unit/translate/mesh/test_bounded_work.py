"""In a mesh, too, one change costs what it touches: counted in queries run, never in time."""

from collections import Counter
from collections.abc import Callable

from tests.unit.translate.mesh.mesh import Mesh, application, member, permission, service_route
from tests.unit.translate.world import Document, document

from sekisho.engine import Changes
from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Readiness

WORLDS = 4
PROBE = {"tcpSocket": {"port": 8080}}


def instance(number: int, address: str = "", **spec: object) -> Document:
    """Of the application of this number; those of one namespace see one World."""
    return member(
        f"w{number}", f"s{number}", address or f"10.0.{number // 250}.{number % 250 + 1}",
        namespace=f"ns{number % WORLDS}", readinessProbe=PROBE, **spec,
    )  # fmt: skip


def app(number: int) -> Document:
    vip = f"241.0.{number // 250}.{number % 250 + 1}"
    return application(f"s{number}", vip, namespace=f"ns{number % WORLDS}")


def town(size: int) -> Mesh:
    """`size` applications in four namespaces, each of which admits all four by name: four Worlds."""
    namespaces = [f"ns{number}" for number in range(WORLDS)]
    admissions = [
        permission(name, *[{"namespaces": [one]} for one in namespaces], namespace=name)
        for name in namespaces
    ]
    instances = [one for number in range(size) for one in (app(number), instance(number))]
    return Mesh(*admissions, *instances, open_to_all=False)


def runs(size: int, change: Callable[[Mesh], Changes]) -> tuple[Counter[str], Counter[str]]:
    """The queries a change runs again in a town, and how many values it moves by output."""
    found = town(size)
    before = found.engine.runs.copy()
    changes = change(found)
    moved = Counter({output.name: len(keys) for output, keys in changes.outputs.items()})
    return found.engine.runs - before, moved


def same_at_any_size(change: Callable[[Mesh], Changes]) -> tuple[Counter[str], Counter[str]]:
    few, many = runs(8, change), runs(60, change)
    assert few == many
    return few


def test_an_instance_that_becomes_ready_moves_one_set_of_endpoints_whatever_the_number_of_worlds() -> None:
    ready = {Readiness.of(ResourceId("Workload", "ns3", "w3")): True}
    ran, moved = same_at_any_size(lambda found: found.commit(ready))
    assert moved == {"mesh endpoints": 1}
    assert sum(ran.values()) <= 2


def test_an_instance_that_moves_touches_its_own_sidecar_and_one_set_of_endpoints() -> None:
    ready = {Readiness.of(ResourceId("Workload", "ns3", "w3")): True}

    def change(found: Mesh) -> Changes:
        found.commit(ready)
        return found.apply(instance(3, "10.9.9.9"))

    ran, moved = same_at_any_size(change)
    assert moved == {"mesh endpoints": 1, "inbounds": 1, "agent configurations": 1}
    assert sum(ran.values()) <= 25


def test_a_second_instance_changes_nothing_for_other_services() -> None:
    ran, moved = same_at_any_size(lambda found: found.apply({**instance(3), "metadata": renamed("w3-2", 3)}))
    assert moved["mesh clusters"] == moved["members"] == 0
    assert sum(ran.values()) <= 50


def renamed(name: str, number: int) -> Document:
    return {**instance(number)["metadata"], "name": name}


def test_a_new_service_is_looked_at_once_for_each_world() -> None:
    ran, moved = same_at_any_size(lambda found: found.apply(app(999)))
    names = {"hostnames of the mesh": 3}
    assert moved == {"members": WORLDS, "outbounds": 1, "mesh clusters": 1, "mesh endpoints": 1, **names}
    assert ran["content.membership"] == WORLDS
    assert sum(ran.values()) <= 45 + 8 * WORLDS


def told_within(seconds: str) -> Document:
    """How long calls of the whole mesh may take."""
    said = {"targetRef": {"kind": "Mesh"}, "default": {"http": {"requestTimeout": seconds}}}
    return document("Timeout", "calls", SYSTEM_NAMESPACE, spec={"to": [said]})


def test_a_time_for_requests_runs_one_function_for_each_service() -> None:
    size = 40
    found = town(size)
    found.apply(told_within("5s"))
    before = found.engine.runs.copy()
    changes = found.apply(told_within("6s"))
    moved = {output.name: len(keys) for output, keys in changes.outputs.items()}
    assert moved == {"outbound route tables": size}
    assert sum((found.engine.runs - before).values()) <= size + 15


def test_a_route_changes_one_service() -> None:
    route = service_route("r", "s3", namespace="ns3")
    route["spec"]["parentRefs"][0]["namespace"] = "ns3"
    route["spec"]["rules"][0]["backendRefs"][0]["namespace"] = "ns3"
    _, moved = same_at_any_size(lambda found: found.apply(route))
    assert moved == {
        "outbounds": 1, "outbound route tables": 1, "mesh clusters": 1, "statuses": 1,
    }  # fmt: skip


def test_nothing_is_left_behind_when_everything_has_gone() -> None:
    found, empty = town(8), Mesh(open_to_all=False)
    resources = [key for key in found.engine._leaves if isinstance(key, ResourceId)]
    found.remove(*[one for one in resources if one.kind in ("Service", "Workload", "TrafficPermission")])
    assert found.engine.size == empty.engine.size
