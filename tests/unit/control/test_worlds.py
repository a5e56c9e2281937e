"""What Worlds share, joined: after any change a World has what it would have from scratch, and no more."""

from typing import Any

from tests.unit.translate.mesh.mesh import application, member, mesh, permission, service_route
from tests.unit.translate.world import Document, leaves

from sekisho.control.worlds import Worlds
from sekisho.engine import Engine
from sekisho.envoy.outputs import EMISSIONS
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.sight import world_of
from sekisho.translate.mesh.worlds import World
from sekisho.translate.outputs import MEMBERS
from sekisho.xds.types import Name


class Site:
    """An engine with what is published, and the views of Worlds as they are kept by applying changes."""

    def __init__(self, *documents: Document) -> None:
        self.engine = Engine([MEMBERS, *(emission.output for emission in EMISSIONS)])
        self.worlds = Worlds()
        self.views: dict[World, dict[Name, str]] = {}
        self.apply(mesh(), *documents)

    def apply(self, *documents: Document) -> dict[World, set[str]]:
        return self.commit(leaves(documents))

    def commit(self, changed: Any) -> dict[World, set[str]]:
        """Names that changed, by World."""
        changes = self.engine.commit(changed)
        assert not changes.failures, changes.failures
        told = self.worlds.changes(changes.outputs)
        for world, difference in told.items():
            view = self.views.setdefault(world, {})
            for name, resource in difference.items():
                view.pop(name, None)
                if resource is not None:
                    view[name] = resource.version
        for world in set(self.views) - set(self.engine.keys(MEMBERS)):
            del self.views[world]
        self.check()
        return {world: {name.name for name in difference} for world, difference in told.items()}

    def check(self) -> None:
        for world in self.engine.keys(MEMBERS):
            assert self.views.get(world, {}) == self.expected(world)

    def expected(self, world: World) -> dict[Name, str]:
        members, parts = self.engine.value(MEMBERS, world), world.parts
        found = {}
        for emission in EMISSIONS:
            for key in self.engine.keys(emission.output) if emission.is_shared else ():
                part, item = key
                reached = item in members.backends and emission.name(key).count("/") == 2
                if part in parts and (item.resource in members.services or reached):
                    made = self.engine.value(emission.output, key)
                    found[Name(emission.type_url, emission.name(key))] = made.version
        return found

    def world(self, workload: str) -> World:
        found = world_of(self.engine.read, ResourceId("Workload", "shop", workload))
        assert found is not None
        return found


def admitting(app: str, *callers: str) -> Document:
    """Lets the workloads of some applications call one."""
    ids = [
        {"spiffeID": {"value": f"spiffe://default.default.mesh.local/ns/shop/sa/{one}"}} for one in callers
    ]
    policy = permission(f"to-{app}", *ids, namespace="shop")
    policy["spec"]["targetRef"] = {"kind": "Workload", "labels": {"app": app}}
    return policy


def site(*documents: Document) -> Site:
    """`a` may call `b` and `c`, `b` may call `c`."""
    apps = [
        one
        for number, name in enumerate("abc", 1)
        for one in (application(name, f"241.0.0.{number}"), member(f"{name}1", name, f"10.0.0.{number}"))
    ]
    return Site(*apps, admitting("b", "a"), admitting("c", "a", "b"), *documents)


def test_every_world_has_what_its_members_may_call() -> None:
    found = site()
    assert {name.name for name in found.views[found.world("b1")]} == {
        "shop/c/80", "outbound/shop/c/80",
        "c.shop.svc.mesh.local", "c.shop.svc.cluster.local", "c.shop.svc.default.mesh.local",
    }  # fmt: skip
    assert len({found.world(name) for name in ("a1", "b1", "c1")}) == 3


def test_an_endpoint_that_comes_changes_one_name_where_it_is_seen() -> None:
    found = site()
    told = found.apply(member("c2", "c", "10.0.0.9"))
    seen = {found.world("a1"): {"shop/c/80"}, found.world("b1"): {"shop/c/80"}}
    assert {world: names for world, names in told.items() if names} == seen


def test_a_service_that_is_not_admitted_any_more_goes_with_all_its_names() -> None:
    found = site()
    before = found.world("b1")
    found.apply(admitting("c", "a"))
    assert found.world("b1") != before, "the way in is gone, so the World is another"
    assert found.views[found.world("b1")] == {}


def test_a_backend_stays_when_its_service_is_not_seen_any_more() -> None:
    found = site(service_route("r", "c", to="b"))
    found.apply(admitting("b", "c"))
    names = {name.name for name in found.views[found.world("a1")]}
    assert "shop/b/80" in names
    assert "outbound/shop/b/80" not in names


def test_a_backend_goes_with_the_route_that_led_there() -> None:
    found = site(service_route("r", "c", to="a"))
    assert "shop/a/80" in {name.name for name in found.views[found.world("b1")]}
    found.commit({ResourceId("HTTPRoute", "shop", "r"): None})
    assert "shop/a/80" not in {name.name for name in found.views[found.world("b1")]}


def test_a_name_that_passes_to_another_service_is_not_lost() -> None:
    def named(service: str) -> Document:
        one = application(service, f"241.0.0.{'abc'.index(service) + 1}")
        one["metadata"]["labels"] = {"public": "yes"}
        return one

    generator = {
        "apiVersion": "sekisho.dev/v1alpha1", "kind": "HostnameGenerator",
        "metadata": {"name": "g", "namespace": "sekisho-system"},
        "spec": {"selector": {"service": {"matchLabels": {"public": "yes"}}}, "template": "the.shop"},
    }  # fmt: skip
    found = site(generator, named("b"))
    for old, new in (("b", "c"), ("c", "b")):
        found.apply(named(new), application(old, f"241.0.0.{'abc'.index(old) + 1}"))
        assert "the.shop" in {name.name for name in found.views[found.world("a1")]}


def test_what_is_in_a_world_can_be_listed() -> None:
    found = site(service_route("r", "c", to="b"))
    world = found.world("b1")
    assert {name: made.version for name, made in found.worlds.resources(world)} == found.views[world]


def test_a_world_nobody_sees_any_more_is_told_nothing() -> None:
    found = site()
    world = found.world("b1")
    assert world not in found.commit({ResourceId("Workload", "shop", "b1"): None})
    assert list(found.worlds.resources(world)) == []


def test_nothing_is_kept_of_what_has_gone() -> None:
    found = site()
    kinds = ("Service", "Workload", "TrafficPermission")
    found.commit({key: None for key in list(found.engine._leaves) if key[0] in kinds})
    assert not found.worlds._content
    assert not found.worlds._whole
    assert not found.worlds._members
