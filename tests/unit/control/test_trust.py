"""Authorities that follow the meshes, and rotations that go as far as those they wait for let them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.kit.objects import manifest

from sekisho.aio.clock import SystemClock
from sekisho.control.inbox import Inbox
from sekisho.control.trust import Trusts
from sekisho.control.trust_gates import Member
from sekisho.engine import Engine
from sekisho.identity.authorities import HeldAuthority, MeshAuthorities
from sekisho.identity.ledger import Holder
from sekisho.identity.trust import Stage
from sekisho.model.document import check, engine_view
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Authority, AuthorityState

DOMAIN = "default.default.mesh.local"
CART = "workload/shop/cart-1"


class Clock(SystemClock):
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


class World:
    """An engine with what the trusts say to it, and proxies as a test wishes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.inbox = Inbox()
        self.engine = Engine([])
        self.members: list[Member] = []
        self.registered = {CART}
        self.trusts = self.restart()

    def restart(self) -> Trusts:
        self.trusts = Trusts(MeshAuthorities(self.folder, self.clock), self.inbox, self.clock)
        self.trusts.follow(lambda _: self.members, self.registered.__contains__)
        return self.trusts

    def apply(self, *manifests: dict[str, Any], gone: tuple[ResourceId, ...] = ()) -> None:
        """As the loop does it: what waits in the inbox belongs to the commit."""
        leaves: dict[Any, Any] = dict.fromkeys(gone)
        for one in manifests:
            resource = check(one["kind"], one).resource
            leaves[resource.id] = engine_view(resource)
        leaves |= self.inbox.take()[0]
        self.engine.commit(leaves)
        self.trusts.committed(leaves, self.engine.read)
        self.engine.commit(self.inbox.take()[0])

    def told(self, mesh: str = "default") -> AuthorityState | None:
        self.engine.commit(self.inbox.take()[0])
        state: AuthorityState | None = self.engine.read.leaf(Authority.of(mesh))
        return state

    @property
    def held(self) -> HeldAuthority:
        found = self.trusts.authorities.get("default", DOMAIN)
        assert found
        return found

    @property
    def stage(self) -> Stage:
        return self.held.authority.trust.stage

    def look(self) -> Stage:
        """One look of the running task at each rotation."""
        for held in self.trusts._rotating():
            self.trusts._look(held)
        return self.stage


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "meshes")


def mesh(name: str = "default") -> dict[str, Any]:
    return manifest("Mesh", name, namespace="")


def mesh_identity(name: str, trust_domain: str, provider: dict[str, Any]) -> dict[str, Any]:
    spec = {"selector": {"workload": {}}, "spiffeID": {"trustDomain": trust_domain}, "provider": provider}
    return manifest("MeshIdentity", name, namespace="sekisho-system", spec=spec)


def domains(state: AuthorityState | None) -> list[str]:
    return [] if state is None else [domain for domain, _ in state.bundles]


def test_a_mesh_gets_an_authority_and_the_translators_its_root(world: World) -> None:
    assert world.told() is None
    world.apply(mesh())
    assert domains(world.told()) == [DOMAIN]
    state = world.told()
    assert state
    assert state.bundles[0][1] == world.held.authority.bundle
    assert (state.stage, state.renew_before) == ("", "")


def test_what_is_on_the_disk_is_told_before_the_first_commit(world: World) -> None:
    world.apply(mesh())
    before = world.told()
    world.engine = Engine([])
    world.restart()
    assert world.told() == before


def test_a_mesh_that_is_made_again_has_its_root_again(world: World) -> None:
    world.apply(mesh())
    before = world.told()
    world.apply(gone=(ResourceId("Mesh", "", "default"),))
    world.apply(mesh())
    assert world.told() == before


def test_an_identity_in_another_trust_domain_has_an_authority_and_one_of_spire_has_none(world: World) -> None:
    world.apply(mesh())
    world.apply(mesh_identity("extra", "extra.test", {"type": "Bundled"}))
    assert domains(world.told()) == [DOMAIN, "extra.test"]
    world.apply(mesh_identity("spire", "spire.test", {"type": "Spire", "spire": {"socketPath": "/run/x"}}))
    assert domains(world.told()) == [DOMAIN, "extra.test"]


def test_a_disk_that_takes_nothing_leaves_a_mesh_without_authority_until_it_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("sekisho.identity.files.os.fsync", disk_full)
        world.apply(mesh())
        assert world.told() is None
    world.trusts._provide(world.engine.read)
    assert domains(world.told()) == [DOMAIN]


def member(*, in_sync: bool = True) -> Member:
    return Member(CART, "host-1", in_sync)


def issued(world: World, generation: int, hours: int = 24) -> None:
    world.held.ledger.note(Holder(CART, "", generation, world.clock.time + timedelta(hours=hours)))


async def test_a_rotation_waits_at_each_gate_and_tells_each_stage(world: World) -> None:
    world.apply(mesh())
    old = world.held.authority.bundle
    issued(world, 1)
    world.members = [member(in_sync=False)]
    await world.trusts.begin(world.held)
    told = world.told()
    assert told
    assert (world.stage, told.stage) == (Stage.PUBLISHED, "Published")
    assert told.bundles[0][1].startswith(old)
    assert world.look() is Stage.PUBLISHED
    world.members = [member()]
    world.clock.time += timedelta(minutes=1)
    assert world.look() is Stage.ACTIVE
    told = world.told()
    assert told
    assert told.renew_before == world.clock.time.isoformat()
    assert world.look() is Stage.ACTIVE, "its certificate is of the old root"
    issued(world, 2)
    assert world.look() is Stage.RETIRED
    told = world.told()
    assert told
    assert old not in told.bundles[0][1]
    world.members = [member(in_sync=False)]
    assert world.look() is Stage.RETIRED
    world.members = [member()]
    assert world.look() is Stage.STEADY
    told = world.told()
    assert told
    assert told.stage == ""


@pytest.mark.parametrize("stage", [Stage.PUBLISHED, Stage.ACTIVE, Stage.RETIRED])
async def test_a_restart_at_any_stage_goes_on_waiting_for_the_same(world: World, stage: Stage) -> None:
    world.apply(mesh())
    issued(world, 1)
    world.members = [member()]
    await world.trusts.begin(world.held)
    while world.stage is not stage:
        if world.stage is Stage.ACTIVE:
            issued(world, 2)
        world.look()
    world.members = [member(in_sync=stage is Stage.ACTIVE)]
    before = world.trusts.waiting(world.held)
    assert before
    await world.trusts._save()
    world.restart()
    assert world.trusts.waiting(world.held) == before
    assert world.look() is stage
    told = world.told()
    assert told
    assert told.stage == stage


async def test_one_that_is_not_connected_holds_it_up_until_its_certificate_ends(world: World) -> None:
    world.apply(mesh())
    issued(world, 1)
    await world.trusts.begin(world.held)
    assert world.look() is Stage.PUBLISHED
    world.clock.time += timedelta(hours=24)
    assert world.look() is Stage.ACTIVE


async def test_an_operator_may_go_on_without_it_for_that_stage(world: World) -> None:
    world.apply(mesh())
    issued(world, 1)
    await world.trusts.begin(world.held)
    world.trusts.go_on(world.held)
    assert world.look() is Stage.ACTIVE
    assert world.look() is Stage.ACTIVE
    assert [one.offline for one in world.trusts.waiting(world.held)] == [True]


async def test_a_workload_that_is_removed_is_not_waited_for(world: World) -> None:
    world.apply(mesh())
    issued(world, 1)
    await world.trusts.begin(world.held)
    world.registered.clear()
    assert world.look() is Stage.ACTIVE


async def test_a_full_disk_stops_a_rotation_where_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(mesh())
    await world.trusts.begin(world.held)

    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("sekisho.identity.files.os.fsync", disk_full)
        assert world.look() is Stage.PUBLISHED
    assert world.look() is Stage.ACTIVE


async def test_a_rotation_that_is_taken_back_ends_with_the_old_root(world: World) -> None:
    world.apply(mesh())
    old = world.held.authority.bundle
    await world.trusts.begin(world.held)
    world.look()
    world.trusts.abort(world.held)
    while world.stage is not Stage.STEADY:
        world.look()
    assert world.held.authority.bundle == old
