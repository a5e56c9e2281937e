"""Agents of single workloads that join with a token: once in, they start again by what they hold."""

import asyncio

import pytest
from tests.kit.mesh import Mesh, running_mesh

from sekisho.app.processes import Ended
from sekisho.client.credentials import TokenAnswer, TokenSpec
from sekisho.client.reviews import ask

pytestmark = pytest.mark.live


async def token_for(mesh: Mesh, workload: str) -> str:
    spec = TokenSpec(action="create", role="join", proxies=(f"workload/{workload}",))
    return (await ask(mesh.system.client, "TokenReview", spec, TokenAnswer)).token


async def test_a_workload_that_has_joined_starts_again_without_its_token() -> None:
    async with running_mesh(agent=False) as mesh:
        await mesh.permit("server", "client")
        token = mesh.system.folder / "token"
        for account in ("server", "client"):
            member = await mesh.join(account)
            token.write_text(await token_for(mesh, member.id))
            await mesh.system.start_sidecar(member.id, "--token-file", str(token))
            token.unlink()
        client, server = (mesh.members[name] for name in ("client-1", "server-1"))
        await mesh.answers(client, "server")
        for member in (server, client):
            await mesh.system.stop(member.id)
        assert await mesh.call(client, "server") is None
        for member in (server, client):
            await mesh.system.start_sidecar(member.id, "--token-file", str(token))
        await mesh.answers(client, "server")


async def test_a_workload_that_never_joined_is_told_to_get_a_token() -> None:
    async with running_mesh(agent=False) as mesh:
        member = await mesh.join("server")
        with pytest.raises(Ended):
            await mesh.system.start_sidecar(member.id, "--token-file", str(mesh.system.folder / "none"))
        said = await asyncio.to_thread(mesh.system.log(member.id).read_text)
        assert "none does not exist; `sekisho token create --join` makes one" in said
