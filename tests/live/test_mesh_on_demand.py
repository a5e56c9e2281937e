"""Ways that real sidecars fetch at first use: for requests, for bytes, with and without a control plane."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from tests.kit.mesh import Member, Mesh, goes_on, running_mesh, workload
from tests.kit.objects import manifest
from tests.kit.remembered import remembered
from tests.kit.system import PATIENCE

from sekisho.agent.admin import Admin
from sekisho.agent.options import directory_name
from sekisho.envoy.filters.on_demand import FETCHED_WITHIN_SECONDS

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

REQUESTS = ("named", "first", "crowd", "lost", "kept", "later", "never")
CALLED = dict.fromkeys(REQUESTS, "http") | dict.fromkeys(("bytes", "silent"), "tcp")
"""What the client may call, with its protocol: each test has its own, so that it is the first to use it; all
may call `kept`, and none calls `never`."""
MESH = {"reachable": "Listed", "onDemand": True, "inspection": "Always"}
_KNOWN = re.compile(r'envoy_cluster_membership_total\{[^}]*cluster_name="shop/([a-z]+)/')


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    async with running_mesh() as mesh:
        await mesh.system.apply(manifest("Mesh", "default", spec=MESH))
        for account, protocol in CALLED.items():
            await mesh.join(account, protocol)
            await mesh.permit(account, "client")
        await mesh.join("forbidden")
        await mesh.permit("forbidden", "named")
        member = await mesh.join("client")
        named = {"outboundAddresses": member.outbounds, "reachable": [{"name": "named"}]}
        await mesh.system.apply(workload(member, sidecar=named))
        await mesh.answers(member, "named")
        await mesh.at_rest(member)
        yield mesh


def client(mesh: Mesh) -> Member:
    return mesh.members["client-1"]


async def known(mesh: Mesh) -> set[str]:
    """Services that the client's Envoy has clusters of."""
    folder = mesh.system.folder / "agent" / "run" / directory_name(f"workload/{client(mesh).id}")
    return set(_KNOWN.findall(await Admin(folder / "admin.sock").prometheus(used_only=False)))


async def call(mesh: Mesh, server: str) -> tuple[int | None, float]:
    """One call: its status, None for no answer, and the seconds it took."""
    await mesh.place(client(mesh), server)  # asks the control plane, the first time
    began = time.monotonic()
    answer = await mesh.call(client(mesh), server)
    return answer.status if answer else None, time.monotonic() - began


@asynccontextmanager
async def control_plane_away(mesh: Mesh) -> AsyncIterator[None]:
    """For the time of the block; what was fetched until then is in the last known good."""
    await mesh.system.in_sync()
    unused = {*CALLED, "forbidden"} - await known(mesh)

    def is_not_fetched(name: str) -> bool:
        # Who takes bytes asks for no routes of its inbound.
        return name.startswith("inbound/") or any(f"/{one}/" in f"/{name}/" for one in unused)

    await remembered(mesh.system, but=is_not_fetched)
    await mesh.system.kill("control plane")
    try:
        yield
    finally:
        await mesh.system.start_control_plane()


async def kill_envoy(mesh: Mesh) -> None:
    """Of the client; its agent starts another one."""
    envoy = mesh.envoy(client(mesh))
    envoy.kill()
    await asyncio.to_thread(envoy.wait, PATIENCE)


async def test_what_is_named_is_known_from_the_start_and_what_nobody_called_is_not(mesh: Mesh) -> None:
    assert "named" in await known(mesh)
    assert "never" not in await known(mesh)


async def test_the_first_request_is_answered_and_brings_this_way_and_no_other(mesh: Mesh) -> None:
    before = await known(mesh)
    status, _ = await call(mesh, "first")
    assert status == 200
    assert await known(mesh) == before | {"first"}


async def test_the_first_connection_of_bytes_gets_through(mesh: Mesh) -> None:
    assert "bytes" not in await known(mesh)
    assert (await call(mesh, "bytes"))[0] == 200
    assert "bytes" in await known(mesh)


async def test_many_first_requests_at_once_are_all_answered(mesh: Mesh) -> None:
    assert "crowd" not in await known(mesh)
    answers = await asyncio.gather(*(call(mesh, "crowd") for _ in range(16)))
    assert {status for status, _ in answers} == {200}


async def test_what_may_not_be_called_is_refused_at_once(mesh: Mesh) -> None:
    status, seconds = await call(mesh, "forbidden")
    assert status is None
    assert seconds < FETCHED_WITHIN_SECONDS
    assert "forbidden" not in await known(mesh)


async def test_what_was_fetched_goes_with_the_permission_and_comes_back_with_it(mesh: Mesh) -> None:
    assert (await call(mesh, "lost"))[0] == 200
    await mesh.answers(client(mesh), "kept")
    await mesh.permit("lost", "nobody")

    async def gone() -> bool:
        return "lost" not in await known(mesh)

    await mesh.system.until(gone, "the way is gone")
    assert (await call(mesh, "lost"))[0] is None
    await mesh.permit("lost", "client")
    await mesh.answers(client(mesh), "lost")
    assert "kept" in await known(mesh), "what else was fetched has stayed"


async def test_a_new_instance_of_what_was_fetched_is_called(mesh: Mesh) -> None:
    await mesh.answers(client(mesh), "first")
    await mesh.join("first")

    async def answers_too() -> bool:
        answer = await mesh.call(client(mesh), "first")
        return answer is not None and b'"first-2"' in answer.body

    await mesh.system.until(answers_too, "the second instance answers")


async def test_without_control_plane_used_ways_go_on_and_unused_ones_are_refused_at_once(mesh: Mesh) -> None:
    assert (await call(mesh, "kept"))[0] == 200
    for server in ("later", "silent"):  # whose addresses are to be known while nobody can be asked
        await mesh.place(client(mesh), server)
    async with control_plane_away(mesh):
        async with mesh.load(client(mesh), "kept") as load:
            for server, expected in (("later", 503), ("silent", None)) * 3:
                status, seconds = await call(mesh, server)
                assert (status, seconds < FETCHED_WITHIN_SECONDS) == (expected, True)
            await goes_on(load)
        assert load.failures == []
        await kill_envoy(mesh)
        await mesh.answers(client(mesh), "kept")
        await mesh.answers(client(mesh), "later", 503)
    for server in ("later", "silent", "kept"):  # what led nowhere leads there now
        await mesh.answers(client(mesh), server)


async def test_a_control_plane_that_starts_again_sends_no_way_twice(mesh: Mesh) -> None:
    await mesh.answers(client(mesh), "kept")
    await mesh.at_rest(client(mesh))
    before = await known(mesh)
    await mesh.system.stop("control plane")
    await mesh.system.start_control_plane()
    async with mesh.load(client(mesh), "kept") as load:
        await mesh.system.in_sync()
        await goes_on(load)
    assert load.failures == []
    assert await known(mesh) == before
    figures = await mesh.system.metrics()
    sent = {name: count for name, count in figures.items() if "sent_resources_total" in name and count}
    assert not [name for name in sent if '"Cluster"' in name or '"ClusterLoadAssignment"' in name], sent


async def test_what_came_from_a_last_known_good_is_still_told_of_changes(mesh: Mesh) -> None:
    """An Envoy that began meanwhile asked for nothing by name, and has it all the same."""
    await mesh.answers(client(mesh), "kept")
    async with control_plane_away(mesh):
        await kill_envoy(mesh)
        await mesh.answers(client(mesh), "kept")
    assert "kept" in await known(mesh)
    await mesh.join("kept")

    async def answers_too() -> bool:
        answer = await mesh.call(client(mesh), "kept")
        return answer is not None and b'"kept-2"' in answer.body

    await mesh.system.until(answers_too, "the second instance answers")
