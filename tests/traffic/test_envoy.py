"""The call table on a real Envoy, with all of it served at once."""

import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio
from tests.kit.echo import Echo, serving_echo
from tests.kit.echo_h2c import serving_h2c
from tests.kit.http import Answer, fetch
from tests.kit.names_lead_here import names_may_lead_here
from tests.kit.site import Site
from tests.kit.site_envoy import SiteEnvoy, running_site
from tests.kit.wait import eventually
from tests.traffic.certificate import tls_secret
from tests.traffic.table import ECHOES, H2C, Row, Table, load

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

TOPICS = load()
ROWS = [pytest.param(row, id=f"{topic.name}: {row.send}") for topic in TOPICS for row in topic.rows]


@dataclass
class Rig:
    """Envoy, its backends, and a client that trusts its certificate."""

    sockets: dict[int, int]
    echoes: dict[str, Echo]
    client: ssl.SSLContext

    async def ask(self, row: Row) -> Answer:
        call = row.call
        return await fetch(
            self.sockets.get(call.port, 1),
            call.host,
            call.path,
            method=call.method,
            headers=call.headers,
            tls=self.client if call.scheme == "https" else None,
            server_name=call.server_name,
        )

    def paths(self, backend: str) -> list[str]:
        return [request["path"] for request in self.echoes[backend].received]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        echoes = {name: await stack.enter_async_context(serving_echo(name)) for name in ECHOES}
        h2c = await stack.enter_async_context(serving_h2c(H2C))
        table = Table(TOPICS, {name: echo.port for name, echo in echoes.items()} | {H2C: h2c})
        secret, client = tls_secret(table.tls_hosts)
        stack.enter_context(names_may_lead_here())
        site, served = Site(), SiteEnvoy()
        await served.publish(site.apply(*table.manifests(secret)))
        await stack.enter_async_context(running_site(tmp_path_factory.mktemp("traffic"), served))
        running = Rig(served.sockets, echoes, client)
        for topic in TOPICS:
            await eventually(_serves(running, topic.rows[0]), what=f"{topic.name} is served")
        yield running


def _serves(rig: Rig, row: Row) -> object:
    async def serves() -> bool:
        try:
            return (await rig.ask(row)).status == row.status
        except (OSError, EOFError):
            return False

    return serves


@pytest.mark.parametrize("row", ROWS)
async def test_envoy_gives_the_outcome(rig: Rig, row: Row) -> None:
    if row.refused:
        with pytest.raises((OSError, EOFError)):
            await rig.ask(row)
    elif row.shares:
        await assert_shares(rig, row)
    else:
        before = {name: len(rig.paths(name)) for name in rig.echoes}
        assert_answer(row, await rig.ask(row))
        if row.tried:
            assert len(rig.paths(row.tried)) > before[row.tried]
        await assert_mirrors(rig, row, before)


def assert_answer(row: Row, answer: Answer) -> None:
    assert answer.status == row.status
    assert row.location in (None, answer.header("location"))
    assert {name: answer.header(name) for name in row.answers} == row.answers
    content = answer.json() if answer.body.startswith(b"{") else {}
    assert row.tried or content.get("pod", "") == row.backend
    assert row.path in (None, content.get("path"))
    assert row.host in (None, content.get("host"))
    assert row.protocol in (None, content.get("proto"))
    headers = {name.lower(): ",".join(values) for name, values in content.get("headers", {}).items()}
    assert {name: headers.get(name) for name in row.sees} == row.sees


async def assert_shares(rig: Rig, row: Row) -> None:
    """Within 5 standard deviations of what the weights say."""
    answers = [await rig.ask(row) for _ in range(row.times)]
    seen = Counter(str(one.json()["pod"]) if one.status == 200 else str(one.status) for one in answers)
    total = sum(row.shares.values())
    assert seen.keys() <= row.shares.keys()
    for name, weight in row.shares.items():
        part = weight / total
        deviation = (row.times * part * (1 - part)) ** 0.5
        assert abs(seen[name] - row.times * part) <= 5 * deviation


async def assert_mirrors(rig: Rig, row: Row, before: dict[str, int]) -> None:
    if row.mirrors is None:
        return

    async def copied() -> bool:
        return all(row.call.path in rig.paths(name)[before[name] :] for name in row.mirrors or ())

    await eventually(copied, what="every mirror has a copy")
    others = rig.echoes.keys() - {row.backend, *row.mirrors}
    assert not [name for name in others if row.call.path in rig.paths(name)[before[name] :]]
