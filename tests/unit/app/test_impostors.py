"""Wrong certificates of every kind, against the two ports of the control plane that take certificates."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from tests.kit.ads_client import CallFailed
from tests.kit.impostors import IMPOSTORS, Signer, Victim, good
from tests.kit.objects import gateway, manifest
from tests.kit.pki import Leaf
from tests.kit.whole import Whole, hello, running_whole, workload

from sekisho.app.zones.place import Place
from sekisho.client import Client, Unauthorized, Unreachable
from sekisho.client.kubeconfig import Access
from sekisho.client.transport import Transport
from sekisho.control.tally import Refused
from sekisho.identity import pairs
from sekisho.identity.authority import PROXY_LIFETIME, Registration, new_credentials
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.spiffe import SpiffeId

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEB = "gateway/shop/web"
NODE = f"{WEB}/host-1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Whole]:
    async with running_whole(tmp_path_factory.mktemp("whole") / "state") as running:
        await running.apply(manifest("Mesh", "default"), gateway("web"), workload("cart-1"))
        yield running


def issuer(folder: Path) -> Signer:
    """The real issuing certificate with its key: nobody has a better place to deceive from."""
    pair = pairs.load(folder, "issuer")
    assert pair
    return Signer(pair.certificate, pair.key)


@pytest.fixture(scope="module")
def victim(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> Victim:
    earlier = tmp_path_factory.mktemp("earlier")
    BuiltInAuthority(earlier, Place().trust_domain)
    state = whole.parts.settings.state
    return Victim(issuer(state / "authority"), f"spiffe://{Place().trust_domain}/{WEB}", issuer(earlier))


async def xds_says(whole: Whole, held: Leaf, node: str = NODE) -> str:
    """How xDS answers: `let in`, or why not."""
    async with asyncio.timeout(60), whole.stream(held) as stream:
        try:
            await stream.send(hello(node))
            await anext(aiter(stream))
        except CallFailed as failure:
            return failure.details or failure.code.name
    return "let in"


async def api_says(whole: Whole, held: Leaf) -> str:
    """How the API answers: `let in`, or why not."""
    access = Access(
        server=whole.access.server,
        authority=whole.access.authority,
        certificate=(held.certificate.decode(), held.key.decode()),
    )
    try:
        async with Client(Transport(access)) as client:
            await client.version()
    except (Unauthorized, Unreachable) as failure:
        return str(failure)
    return "let in"


async def test_the_certificate_they_all_imitate_is_let_in(whole: Whole, victim: Victim) -> None:
    held = good(victim).sign()
    assert await xds_says(whole, held) == "let in"
    assert await api_says(whole, held) == "let in"


@pytest.mark.parametrize("kind", IMPOSTORS)
async def test_an_impostor_is_refused_by_xds_and_by_the_api(whole: Whole, victim: Victim, kind: str) -> None:
    held = IMPOSTORS[kind](victim).sign()
    assert await xds_says(whole, held) != "let in"
    assert await api_says(whole, held) != "let in"


async def test_a_certificate_for_traffic_opens_neither_port(whole: Whole) -> None:
    """Wrong mesh, wrong purpose: signed by an authority of this very control plane."""
    trusts = whole.parts.identities.trusts
    [held] = trusts.authorities.of("default")
    registration = Registration(SpiffeId.make(held.domain, WEB))
    made = await new_credentials(held.authority, registration, PROXY_LIFETIME)
    leaf = Leaf(made.issued.chain, made.key.reveal())
    assert await xds_says(whole, leaf) != "let in"
    assert await api_says(whole, leaf) != "let in"


async def test_who_was_refused_is_counted_and_logged_but_not_each_time(whole: Whole, victim: Victim) -> None:
    def counted(what: Refused) -> int:
        return sum(one.count for one in whole.parts.loop.tally.told() if one.what == what)

    connections, streams = counted(Refused.CONNECTION), counted(Refused.STREAM)
    assert await xds_says(whole, IMPOSTORS["signed by itself"](victim).sign()) != "let in"
    assert counted(Refused.CONNECTION) > connections
    held = good(victim).sign()
    with capture_logs() as logs:
        for _ in range(3):
            assert await xds_says(whole, held, "gateway/shop/other/host-1") != "let in"
    assert counted(Refused.STREAM) >= streams + 3
    told = [line for line in logs if line["event"] == "a proxy was refused"]
    assert [line["reason"] for line in told] == ["the certificate is not for gateway/shop/other/host-1"]
