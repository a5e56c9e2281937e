"""Changes of the mesh under load: a new root, permissive to strict, policies at once, a patch refused."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.kit.http import fetch
from tests.kit.load import Load
from tests.kit.mesh import Mesh, Record, goes_on, permission, running_mesh
from tests.kit.objects import manifest
from tests.kit.system import PATIENCE, log_lines, promised

from sekisho.app.processes import own
from sekisho.client.credentials import TrustAnswer, TrustSpec
from sekisho.client.reviews import ask

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

SERVERS = ("inspected", "plain")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    async with running_mesh() as mesh:
        for account in ("client", *SERVERS):
            await mesh.join(account)
        await as_at_first(mesh)
        yield mesh


async def as_at_first(mesh: Mesh) -> None:
    """The client may read from both servers, and only the one by which that is asked reads requests."""
    await mesh.permit("inspected", "client", methods=["GET"])
    await mesh.permit("plain", "client")
    await mesh.answers(mesh.members["client-1"], "plain")
    await mesh.at_rest(mesh.members["client-1"])


@contextlib.asynccontextmanager
async def load_on_both(mesh: Mesh) -> AsyncIterator[tuple[Load, Load]]:
    client = mesh.members["client-1"]
    async with mesh.load(client, "inspected") as inspected, mesh.load(client, "plain") as plain:
        yield inspected, plain
        await goes_on(inspected, plain)
    assert inspected.failures == plain.failures == []


async def sekisho(mesh: Mesh, *arguments: str) -> str:
    """What the command prints; fails when it fails."""
    pipe = asyncio.subprocess.PIPE
    command = own(*arguments, "--kubeconfig", str(mesh.system.folder / "kubeconfig"))
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    said, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return said.decode()


async def test_a_root_is_replaced_by_command_through_all_stages_and_no_call_is_lost(
    mesh: Mesh, record_property: Record
) -> None:
    stages: list[str] = []

    async def steady() -> bool:
        answer = await ask(mesh.system.client, "TrustReview", TrustSpec(action="status"), TrustAnswer)
        [domain] = answer.domains
        if domain.stage not in stages[-1:]:
            stages.append(domain.stage)
        return domain.stage == "Steady"

    before = await sekisho(mesh, "trust", "status")
    async with load_on_both(mesh) as loads:
        assert "Published" in await sekisho(mesh, "trust", "rotate")
        took = await mesh.system.until(steady, "the rotation ends", within=2 * PATIENCE)
    after = await sekisho(mesh, "trust", "status")
    assert "Active" in stages
    assert root_of(after) != root_of(before)
    record_property("seconds", round(took, 1))
    record_property("stages", stages)
    record_property("calls", sum(load.answered for load in loads))


def root_of(shown: str) -> str:
    """The fingerprint of the one root there is."""
    lines = shown.splitlines()
    [row] = lines[next(n for n, line in enumerate(lines) if line.startswith("ROOT")) + 1 :]
    return row.split()[0]


def mesh_tls(mode: str) -> dict[str, Any]:
    return manifest("MeshTLS", "mode", spec={"rules": [{"default": {"mode": mode}}]})


async def by_plaintext(mesh: Mesh, server: str) -> int | None:
    """The status somebody without an identity gets at the port of the server's sidecar."""
    member = mesh.members[f"{server}-1"]
    try:
        return (await fetch(member.port, server, address=member.address)).status
    except (OSError, EOFError, TimeoutError):
        return None


async def test_who_keeps_a_connection_through_a_new_listener_is_asked_to_leave_and_loses_no_call(
    mesh: Mesh,
) -> None:
    """Times of the sidecar's own listener change: Envoy ends what is open on the old one after the drain."""
    client = mesh.members["client-1"]
    try:
        async with mesh.load(client, "inspected", clients=4) as load:
            for seconds in (50, 60):
                times = {"http": {"streamIdleTimeout": f"{seconds}s"}}
                to = {"targetRef": {"kind": "Service", "name": "inspected"}, "default": times}
                await mesh.system.apply(manifest("Timeout", "idle", spec={"to": [to]}))
                await mesh.at_rest(client)  # nothing drains any more
            await goes_on(load)
        assert load.failures == []
        assert load.asked_to_leave >= 2 * 4
    finally:
        await mesh.system.client.delete("Timeout", "idle", "shop")
        await mesh.at_rest(client)


async def test_from_permissive_to_strict_and_back_members_lose_no_call(
    mesh: Mesh, record_property: Record
) -> None:
    """And who has no identity is refused in the strict mode alone, where that is written down."""
    everybody = {"allow": [{}]}
    await mesh.system.apply(*(permission(server, everybody) for server in SERVERS))
    await mesh.at_rest(mesh.members["client-1"])  # what was read is passed on now
    changes, got, before = 0, list[int | None](), refused_by_tls(mesh)
    try:
        async with load_on_both(mesh) as loads:
            for mode, status in (("Permissive", 200), ("Strict", None)) * 2:
                await mesh.system.apply(mesh_tls(mode))

                async def as_expected(status: int | None = status) -> bool:
                    got.extend([await by_plaintext(mesh, server) for server in SERVERS])
                    return got[-2:] == [status, status]

                await mesh.system.until(as_expected, f"{mode} holds")
                for _ in range(10):
                    await as_expected()
                changes += 1

            async def written_down() -> bool:
                return refused_by_tls(mesh) > before

            await mesh.system.until(written_down, "refusals are written down")
    finally:
        await as_at_first(mesh)
    assert refused_by_tls(mesh) - before <= got.count(None), "who is let in is no refusal"
    record_property("changes", changes)
    record_property("calls", sum(load.answered for load in loads))


def refused_by_tls(mesh: Mesh) -> int:
    """Connections that sidecars refused, as their agent told: some of a flood, with the next."""
    lines = [one for one in log_lines(mesh.system.log("agent")) if one["event"] == "a connection was refused"]
    return sum(1 + line.get("not_written_before", 0) for line in lines)


@pytest.mark.parametrize("server", SERVERS)
async def test_a_permission_withdrawn_holds_at_once_on_open_connections_too(
    mesh: Mesh, server: str, record_property: Record
) -> None:
    client, reached = mesh.members["client-1"], mesh.members[f"{server}-1"].echo.received
    async with mesh.load(client, server) as load:
        await mesh.permit(server, "nobody")
        withdrawn = await mesh.system.until(lambda: refused(mesh, server), "a call is refused")
        await asyncio.sleep(promised(1))
        before, failures = len(reached), len(load.failures)
        await mesh.system.until(lambda: at_least(load, failures + 20), "calls fail")
        assert len(reached) == before
    await mesh.permit(server, "client")
    granted = await mesh.answers(client, server)
    record_property("seconds", (round(withdrawn, 2), round(granted, 2)))
    assert withdrawn < promised(1)
    assert granted < promised(1)
    await as_at_first(mesh)


async def refused(mesh: Mesh, server: str) -> bool:
    answer = await mesh.call(mesh.members["client-1"], server)
    return answer is None or answer.status != 200


async def at_least(load: Load, failures: int) -> bool:
    return len(load.failures) >= failures


async def test_a_policy_takes_effect_at_once_and_makes_a_port_be_read_that_was_not_without_a_loss(
    mesh: Mesh, record_property: Record
) -> None:
    client = mesh.members["client-1"]
    # Long, for the load has it as well, and a machine that pauses for a tenth of a second loses nothing.
    to = {"targetRef": {"kind": "Service", "name": "plain"}, "default": {"http": {"requestTimeout": "500ms"}}}
    async with load_on_both(mesh) as loads:
        # What is passed on unread has no words by which to ask for the end of a connection that is kept.
        loads[1].asks_again = True
        await mesh.answers(client, "plain", 200, "/?delay=0.8s")
        await mesh.system.apply(manifest("Timeout", "brief", spec={"to": [to]}))
        took = await mesh.answers(client, "plain", 504, "/?delay=0.8s")
        await goes_on(*loads)
        await mesh.system.client.delete("Timeout", "brief", "shop")
        back = await mesh.answers(client, "plain", 200, "/?delay=0.8s")
    record_property("seconds", (round(took, 2), round(back, 2)))
    record_property("connections ended", loads[1].repeated)
    assert took < promised(2)


def patch(name: str, cluster: dict[str, Any]) -> dict[str, Any]:
    """Of the client's clusters towards the plain server."""
    match = {"origin": "outbound", "name": cluster.pop("name")}
    modification = {"cluster": {"operation": "Patch", "match": match, "value": cluster}}
    target = {"kind": "Workload", "labels": {"app": "client"}}
    spec = {"targetRef": target, "default": {"appendModifications": [modification]}}
    return manifest("ProxyPatch", name, spec=spec)


async def test_a_patch_that_envoy_refuses_is_its_authors_alone(mesh: Mesh, record_property: Record) -> None:
    """The cluster it spoils serves on as it was, and everybody else's changes arrive."""
    client, plain = mesh.members["client-1"], f"shop/plain/{mesh.members['plain-1'].port}"
    # Envoy wants at least a millisecond.
    spoiling = patch("spoiling", {"name": plain, "dnsRefreshRate": "0.0005s"})
    async with load_on_both(mesh):
        await mesh.system.apply(spoiling)
        took = await mesh.system.until(lambda: told(mesh), "its author is told")
        await mesh.permit("inspected", "client", "another", methods=["GET"])
        to = {
            "targetRef": {"kind": "Service", "name": "inspected"},
            "default": {"http": {"requestTimeout": "500ms"}},
        }
        await mesh.system.apply(manifest("Timeout", "brief", spec={"to": [to]}))
        await mesh.answers(client, "inspected", 504, "/?delay=0.8s")
        troubles = [one["resource"] for one in (await mesh.system.review())["troubles"]]
        assert troubles == ["ProxyPatch/shop/spoiling"]
        await mesh.system.client.delete("Timeout", "brief", "shop")
        await mesh.system.client.delete("ProxyPatch", "spoiling", "shop")
        await mesh.system.in_sync()
    record_property("seconds until told", round(took, 2))
    assert took < promised(2)
    assert (await mesh.system.review())["troubles"] == []


async def told(mesh: Mesh) -> bool:
    return (await mesh.system.condition("ProxyPatch", "spoiling", "Programmed")).get("status") == "False"
