"""SPIRE itself issues: workloads of a host call each other, whatever becomes of certificates and roots."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from tests.kit.mesh import Member, Mesh, goes_on, permission, running_mesh
from tests.kit.objects import manifest
from tests.kit.real_spire import TRUST_DOMAIN, Spire, needs_spire, running_spire
from tests.kit.system import log_lines

from sekisho.agent.admin import Admin
from sekisho.agent.options import directory_name
from sekisho.ir.transport import TRUST_SECRET

pytestmark = [
    pytest.mark.live, needs_spire, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600),
]  # fmt: skip

BRIEF = 20
"""Seconds a certificate is good for; SPIRE dates it back by 10 and renews it at half of that."""
ACCOUNTS = ("client", "server")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def spire() -> AsyncIterator[Spire]:
    async with running_spire() as spire:
        yield spire


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(spire: Spire) -> AsyncIterator[Mesh]:
    """Both sidecars are run by one agent, which SPIRE takes for one process with two identities."""
    async with running_mesh() as mesh:
        source = {"socketPath": str(spire.socket), "bundleSocketPath": str(spire.socket)}
        spec = {
            "selector": {"workload": {}},
            "spiffeID": {"trustDomain": TRUST_DOMAIN},
            "provider": {"type": "Spire", "spire": source},
        }
        await mesh.system.apply(
            manifest("Namespace", "sekisho-system"),
            manifest("MeshIdentity", "spire", "sekisho-system", spec=spec),
            permission("server", {"allow": [{"spiffeID": {"type": "Exact", "value": identity("client")}}]}),
        )
        for account in ACCOUNTS:
            await mesh.join(account)
        yield mesh


def path(account: str) -> str:
    return f"/ns/shop/sa/{account}"


def identity(account: str) -> str:
    return f"spiffe://{TRUST_DOMAIN}{path(account)}"


def admin(mesh: Mesh, member: Member) -> Admin:
    folder = mesh.system.folder / "agent" / "run" / directory_name(f"workload/{member.id}")
    return Admin(folder / "admin.sock")


async def certificate(mesh: Mesh, member: Member) -> dict[str, Any]:
    """The one that its Envoy shows, as Envoy says; empty while it has none."""
    _, text = await admin(mesh, member)._ask("GET", "/certs")
    chains = [chain for each in json.loads(text)["certificates"] for chain in each.get("cert_chain", ())]
    return chains[0] if chains else {}


async def roots(mesh: Mesh, member: Member) -> int:
    """How many of SPIRE's trust domain its Envoy believes."""
    _, text = await admin(mesh, member)._ask("GET", "/config_dump?resource=dynamic_active_secrets")
    secrets = [one["secret"] for one in json.loads(text)["configs"]]
    domains = [
        domain
        for secret in secrets
        if secret["name"] == TRUST_SECRET
        for domain in secret["validation_context"]["custom_validator_config"]["typed_config"]["trust_domains"]
    ]
    [bundle] = [domain["trust_bundle"] for domain in domains if domain["name"] == TRUST_DOMAIN]
    return b64decode(bundle["inline_bytes"]).count(b"BEGIN CERTIFICATE")


async def have_roots(mesh: Mesh, number: int) -> None:
    """Returns when the Envoys of both do."""

    async def so_many() -> bool:
        return {await roots(mesh, member) for member in mesh.members.values()} == {number}

    await mesh.system.until(so_many, f"{number} roots")


async def logged(mesh: Mesh, event: str, **fields: object) -> list[dict[str, Any]]:
    """Lines of the agent's log."""
    lines = await asyncio.to_thread(log_lines, mesh.system.log("agent"))
    return [line for line in lines if line["event"] == event and fields.items() <= line.items()]


def some(mesh: Mesh, event: str, told: Callable[[dict[str, Any]], bool] = bool) -> Any:
    """A condition: there is such a line."""

    async def found() -> bool:
        return any(told(line) for line in await logged(mesh, event))

    return found


async def is_answered(mesh: Mesh) -> bool:
    answer = await mesh.call(mesh.members["client-1"], "server")
    return answer is not None and answer.status == 200


async def test_without_entries_nobody_calls_and_the_agent_says_why(mesh: Mesh) -> None:
    await mesh.system.until(
        some(mesh, "no identity from SPIRE", lambda line: "no identity issued" in line["reason"]),
        "SPIRE's own words are in the log",
    )
    assert not await is_answered(mesh)


async def test_an_entry_for_another_workload_of_the_host_is_no_identity_of_this_one(
    mesh: Mesh, spire: Spire
) -> None:
    await spire.register(path("server"), BRIEF)

    def names_it(line: dict[str, Any]) -> bool:
        return line["wanted"] == identity("client") and identity("server") in line["reason"]

    await mesh.system.until(some(mesh, "no identity from SPIRE", names_it), "the missing one is named")
    assert not await is_answered(mesh)


async def test_each_workload_shows_the_identity_of_its_own_entry(mesh: Mesh, spire: Spire) -> None:
    await spire.register(path("client"), BRIEF)
    await mesh.answers(mesh.members["client-1"], "server")
    for account in ACCOUNTS:
        shown = await certificate(mesh, mesh.members[f"{account}-1"])
        assert shown["subject_alt_names"] == [{"uri": identity(account)}]


async def test_certificates_that_are_renewed_all_the_time_cost_no_call(mesh: Mesh) -> None:
    client = mesh.members["client-1"]
    before = await certificate(mesh, client)
    async with mesh.load(client, "server") as load:
        for _ in range(3):
            told = len(await logged(mesh, "identity from SPIRE", identity=identity("server")))

            async def renewed(told: int = told) -> bool:
                return len(await logged(mesh, "identity from SPIRE", identity=identity("server"))) > told

            await mesh.system.until(renewed, "the next certificate")
            await goes_on(load)
    assert load.failures == []
    assert (await certificate(mesh, client))["serial_number"] != before["serial_number"]


async def test_a_root_that_is_replaced_is_followed_and_costs_no_call(mesh: Mesh, spire: Spire) -> None:
    client = mesh.members["client-1"]
    await have_roots(mesh, 1)
    async with mesh.load(client, "server") as load:
        old = await authority(spire, "show", "active")
        new = await authority(spire, "prepare", "prepared_authority")
        await have_roots(mesh, 2)
        await authority(spire, "activate", "activated_authority", "-authorityID", new)
        serials = {member.name: await serial(mesh, member) for member in mesh.members.values()}
        await authority(spire, "taint", "tainted_authority", "-authorityID", old)

        async def others() -> bool:
            now = {member.name: await serial(mesh, member) for member in mesh.members.values()}
            return not now.items() & serials.items()

        await mesh.system.until(others, "certificates of the new root")
        await authority(spire, "revoke", "revoked_authority", "-authorityID", old)
        await have_roots(mesh, 1)
        await goes_on(load)
    assert load.failures == []


async def serial(mesh: Mesh, member: Member) -> str:
    return str((await certificate(mesh, member))["serial_number"])


async def authority(spire: Spire, verb: str, which: str, *flags: str) -> str:
    """Does this to SPIRE's own authorities; the id of the one it then tells of."""
    said = await spire.server(f"localauthority x509 {verb}", "-output", "json", *flags)
    return str(json.loads(said)[which]["authority_id"])


async def test_without_its_agent_the_last_certificate_stays_and_its_end_is_told(
    mesh: Mesh, spire: Spire
) -> None:
    client = mesh.members["client-1"]
    before = await serial(mesh, client)
    await spire.stop("agent")

    def is_away(line: dict[str, Any]) -> bool:
        return line["wanted"] == identity("client") and str(line["reason"]).startswith("UNAVAILABLE")

    await mesh.system.until(some(mesh, "no identity from SPIRE", is_away), "it is told that nobody answers")
    async with mesh.load(client, "server") as load:
        await goes_on(load)
        assert load.failures == []

    def of_the_client(line: dict[str, Any]) -> bool:
        return identity("client") in str(line["certificate"])

    await mesh.system.until(some(mesh, "certificate comes to its end", of_the_client), "its end is told")
    await spire.start("agent")

    async def another() -> bool:
        return await serial(mesh, client) != before

    await mesh.system.until(another, "the next certificate")
    await mesh.answers(client, "server")


async def test_roots_outlive_a_restart_of_the_control_plane_while_spire_is_away(
    mesh: Mesh, spire: Spire
) -> None:
    await spire.stop("agent")
    await mesh.system.stop("control plane")
    await mesh.system.start_control_plane()
    await mesh.system.in_sync(at_least=len(ACCOUNTS))
    await have_roots(mesh, 1)
    await spire.start("agent")
    await mesh.answers(mesh.members["client-1"], "server")
