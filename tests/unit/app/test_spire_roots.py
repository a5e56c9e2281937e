"""Roots of SPIRE's trust domains: followed while a MeshIdentity says so, kept while SPIRE is away."""

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.kit.objects import manifest
from tests.kit.spire import WorkloadApi, der, running_workload_api
from tests.kit.wait import eventually

from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.app.identities.spire_roots import SpireRoots
from sekisho.control.inbox import Inbox
from sekisho.control.trust import Trusts
from sekisho.engine import Engine
from sekisho.identity.authorities import MeshAuthorities
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.model.document import check, engine_view
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Authority, AuthorityState

DOMAIN = "spire.test"
ISSUER = ResourceId("MeshIdentity", "sekisho-system", "spire")


class World:
    """A control plane's part in it, and a folder that outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "agent.sock"
        self.engine = Engine([])
        self.inbox = Inbox()
        clock = SystemClock()
        self.trusts = Trusts(MeshAuthorities(folder / "meshes", clock), self.inbox, clock)
        self.roots = SpireRoots(folder / "spire", self.trusts, clock=clock, random=lambda: 1.0)

    def apply(self, *manifests: dict[str, Any], gone: tuple[ResourceId, ...] = ()) -> None:
        leaves: dict[Any, Any] = dict.fromkeys(gone)
        for one in manifests:
            resource = check(one["kind"], one).resource
            leaves[resource.id] = engine_view(resource)
        self.engine.commit(leaves)
        self.roots.committed(leaves, self.engine.read)

    def issue(self) -> None:
        """A Mesh in which SPIRE issues."""
        source = {"socketPath": "/run/spire.sock", "bundleSocketPath": str(self.socket)}
        spec = {
            "selector": {"workload": {}},
            "spiffeID": {"trustDomain": DOMAIN},
            "provider": {"type": "Spire", "spire": source},
        }
        self.apply(
            manifest("Mesh", "default", namespace=""),
            manifest("MeshIdentity", "spire", namespace="sekisho-system", spec=spec),
        )

    def told(self) -> dict[str, bytes]:
        self.engine.commit(self.inbox.take()[0])
        state: AuthorityState | None = self.engine.read.leaf(Authority.of("default"))
        return {} if state is None else dict(state.bundles)

    async def believes(self, roots: bytes) -> None:
        async def believed() -> bool:
            return self.told().get(DOMAIN) == roots

        await eventually(believed, what="the translators have the roots")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sk-") as name:  # a socket's path must be short
        yield Path(name)


def root(folder: Path, name: str) -> bytes:
    return BuiltInAuthority(folder / name, DOMAIN).bundle


async def test_roots_are_told_and_so_are_those_that_follow(folder: Path) -> None:
    world, api = World(folder), WorkloadApi()
    old, new = root(folder, "old"), root(folder, "new")
    world.issue()
    async with running_workload_api(world.socket, api), background(world.roots.run(), name="roots"):
        await api.tell_roots(spire_test=der(old), other_test=der(new))
        await world.believes(old)
        await api.tell_roots(spire_test=der(old + new))
        await world.believes(old + new)
    assert list(world.told()) == [DOMAIN], "of a domain that nobody named, nothing is believed"


async def test_what_is_of_no_use_leaves_the_roots_of_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, api = World(folder), WorkloadApi()
    old, new = root(folder, "old"), root(folder, "new")
    heard: list[bytes] = []
    monkeypatch.setattr(world.trusts, "heard", lambda _mesh, _domain, roots: heard.append(roots))
    world.issue()
    async with running_workload_api(world.socket, api), background(world.roots.run(), name="roots"):
        for roots in ({"spire_test": der(old)}, {"other_test": der(old)}, {"spire_test": b"\x30"}):
            await _tell(api, roots)
        await api.tell_roots(spire_test=der(new))
        await eventually(lambda: _heard(heard, new), what="the next roots")
    assert heard == [old, new]


async def _heard(heard: list[bytes], last: bytes) -> bool:
    return heard[-1:] == [last]


async def _tell(api: WorkloadApi, roots: dict[str, bytes]) -> None:
    before = api.told
    await api.tell_roots(**roots)
    await eventually(lambda: _answers(api, before), what="it was told")


async def _answers(api: WorkloadApi, more_than: int) -> bool:
    return api.told > more_than


async def test_a_control_plane_that_starts_again_believes_what_it_did_before_its_first_commit(
    folder: Path,
) -> None:
    world, api = World(folder), WorkloadApi()
    old = root(folder, "old")
    world.issue()
    async with running_workload_api(world.socket, api), background(world.roots.run(), name="roots"):
        await api.tell_roots(spire_test=der(old))
        await world.believes(old)
    again = World(folder)
    assert again.told() == {DOMAIN: old}
    again.issue()
    assert again.told() == {DOMAIN: old}


async def test_roots_of_an_issuer_that_was_deleted_are_forgotten(folder: Path) -> None:
    world, api = World(folder), WorkloadApi()
    world.issue()
    async with running_workload_api(world.socket, api), background(world.roots.run(), name="roots"):
        await api.tell_roots(spire_test=der(root(folder, "old")))
        await world.believes(root(folder, "old"))
        world.apply(gone=(ISSUER,))
    assert world.told() == {}
    assert World(folder).told() == {}


async def test_why_there_are_none_is_told_once_and_again_after_there_were_some(folder: Path) -> None:
    world, api = World(folder), WorkloadApi()
    roots = root(folder, "old")
    world.issue()
    with capture_logs() as logs:
        async with running_workload_api(world.socket, api), background(world.roots.run(), name="roots"):
            for told in ("other", "another", "other"):
                await _tell(api, {f"{told}_test": der(roots)})
                await _tell(api, {f"{told}_test": der(root(folder, "new"))})
            await _tell(api, {"spire_test": der(roots)})
            await _tell(api, {"other_test": der(roots)})
            await eventually(lambda: _said(logs, 4), what="the last is told of")
    reasons = [line["reason"] for line in logs if line["event"] == "no roots from SPIRE"]
    knows = "it knows those of spiffe://{}.test only"
    assert reasons[-4:] == [knows.format(one) for one in ("other", "another", "other", "other")]


async def _said(logs: list[Any], times: int) -> bool:
    return sum("it knows" in line.get("reason", "") for line in logs) >= times


async def test_a_file_that_cannot_be_removed_stops_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, api = World(folder), WorkloadApi()
    world.issue()
    async with running_workload_api(world.socket, api), background(world.roots.run(), name="roots"):
        await api.tell_roots(spire_test=der(root(folder, "old")))
        await world.believes(root(folder, "old"))
        with monkeypatch.context() as patched, capture_logs() as logs:
            patched.setattr(Path, "unlink", _read_only)
            world.apply(gone=(ISSUER,))
    assert world.told() == {}
    assert [line["event"] for line in logs] == ["roots from SPIRE not removed"]


def _read_only(*_: Any, **__: Any) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))
