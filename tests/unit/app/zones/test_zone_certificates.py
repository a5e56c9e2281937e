"""Zones that join by a token and go on by their certificate; who is removed or disabled is sent away."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from tests.kit.objects import manifest
from tests.kit.wait import eventually
from tests.kit.whole import Whole, obtain, running_whole

from sekisho.agent.keys import Purpose
from sekisho.aio.clock import SystemClock
from sekisho.app.host.signer import ApiSigner, JoiningSigner, as_proxy
from sekisho.app.identities.serving import SERVER_NAME
from sekisho.app.zones import inquiries
from sekisho.app.zones.place import Mode, Place
from sekisho.app.zones.signer import ZoneSigner
from sekisho.client import ApiError, Client, Forbidden, Invalid, Unauthorized, Unreachable
from sekisho.client.credentials import TokenAnswer, TokenSpec
from sekisho.client.kubeconfig import Access
from sekisho.client.reviews import ask
from sekisho.client.system_status import SystemStatus
from sekisho.client.transport import Transport
from sekisho.federation.wire import DOWN_PATH, UP_PATH
from sekisho.identity.authority import LEAF_LIFETIME, Refused
from sekisho.identity.keys import Credentials, new_key, signing_request
from sekisho.identity.secret import Secret
from sekisho.identity.spiffe import peer_identity
from sekisho.model.names import ResourceId

pytestmark = pytest.mark.asyncio(loop_scope="module")

GCP, AZURE = "zone/gcp", "zone/azure"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Whole]:
    state = tmp_path_factory.mktemp("global") / "state"
    async with running_whole(state, Place(mode=Mode.GLOBAL)) as running:
        await running.apply(*(manifest("Zone", name, "") for name in ("gcp", "azure")))
        yield running


def signer(whole: Whole, token: Secret[str] | None = None, held: Credentials | None = None) -> JoiningSigner:
    return JoiningSigner(whole.access, lambda: held, clock=SystemClock(), token=token)


async def joined(whole: Whole, zone: str = GCP) -> Credentials:
    return await obtain(signer(whole, await whole.join_token(zone)).sign, zone)


def client(access: Access) -> Client:
    return Client(Transport(access))


async def makes(whole: Whole, zone: str) -> None:
    """A Zone, seen by the loop."""
    await whole.apply(manifest("Zone", zone.removeprefix("zone/"), ""))


async def removes(whole: Whole, zone: str) -> None:
    """Returns when the loop has seen it."""
    name = zone.removeprefix("zone/")
    await whole.client.delete("Zone", name)

    async def gone() -> bool:
        return whole.parts.loop.engine.read.leaf(ResourceId("Zone", "", name)) is None

    await eventually(gone, what="the zone is gone", every=0.01)


async def test_a_zone_token_buys_one_certificate_for_a_day_and_that_buys_the_next(whole: Whole) -> None:
    token = await whole.join_token(GCP)
    held = await obtain(signer(whole, token).sign, GCP)
    leaf = held.issued.leaf()
    assert str(peer_identity(leaf)) == "spiffe://control-plane.global.sekisho.local/zone/gcp"
    assert held.issued.not_after - held.issued.not_before == LEAF_LIFETIME + timedelta(minutes=5)
    following = await obtain(signer(whole, held=held).sign, GCP)
    assert following.issued.leaf().serial_number != leaf.serial_number


async def test_a_token_that_is_sent_again_is_refused_and_told_of(whole: Whole) -> None:
    token = await whole.join_token(GCP)
    await obtain(signer(whole, token).sign, GCP)
    with capture_logs() as logs, pytest.raises(Refused, match="sekisho zone token gcp"):
        await obtain(signer(whole, token).sign, GCP)
    assert [line["name"] for line in logs if "sent again" in line["event"]] == [GCP]
    assert token.reveal() not in str(logs)


async def test_another_token_for_a_zone_ends_the_one_before(whole: Whole) -> None:
    before = await whole.join_token(GCP)
    after = await whole.join_token(GCP)
    with pytest.raises(Refused):
        await obtain(signer(whole, before).sign, GCP)
    assert await obtain(signer(whole, after).sign, GCP)


async def test_a_zone_speaks_for_itself_alone_and_nobody_speaks_for_it(whole: Whole) -> None:
    token, held = await whole.join_token(GCP), await joined(whole, AZURE)
    for asking in (signer(whole, token), signer(whole, held=held)):
        for proxy in ("workload/shop/cart-1", "gateway/shop/web", "zone/gcp/x", "zone/other", "zone/"):
            with pytest.raises(Refused):
                await obtain(asking.sign, proxy)
    with pytest.raises(Refused, match="does not speak for zone/gcp"):
        await obtain(signer(whole, held=held).sign, GCP)
    with pytest.raises(Refused, match="does not speak for zone/gcp"):
        await ApiSigner(whole.client).sign(signing_request(new_key()), GCP)
    spec = TokenSpec(action="create", name="host", role="agent", proxies=("*",))
    made = await ask(whole.client, "TokenReview", spec, TokenAnswer)
    async with client(replace(whole.access, token=made.token)) as host:
        with pytest.raises(Refused, match="does not speak for zone/gcp"):
            await ApiSigner(host).sign(signing_request(new_key()), GCP)
    assert await obtain(signer(whole, token).sign, GCP), "a refusal does not spend it"


async def test_a_zone_s_certificate_opens_the_federation_and_nothing_else(whole: Whole) -> None:
    async with client(as_proxy(whole.access, await joined(whole))) as zone:
        assert await zone.transport.request("GET", UP_PATH) is not None
        for kind in ("Zone", "Secret", "ConfigMap", "Mesh"):
            with pytest.raises(Forbidden):
                await zone.list(kind)
        for kind in ("TokenReview", "SystemStatus", "ConfigDump"):
            with pytest.raises(Forbidden):
                await ask(zone, kind, None, SystemStatus)


async def test_a_token_opens_no_stream_and_neither_does_an_administrator(whole: Whole) -> None:
    token = await whole.join_token(GCP)
    for access in (replace(whole.access, token=token.reveal()), whole.client.transport.access):
        async with client(access) as caller:
            for path in (UP_PATH, DOWN_PATH):
                with pytest.raises(Forbidden, match="with the certificate of their zone"):
                    await caller.transport.request("GET", path)
    async with client(whole.access) as stranger:
        with pytest.raises(Unauthorized):
            await stranger.transport.request("GET", UP_PATH)


async def test_a_disabled_zone_is_sent_away_and_keeps_its_certificate(whole: Whole) -> None:
    held = await joined(whole)
    await whole.client.patch("Zone", "gcp", patch={"spec": {"enabled": False}})
    try:
        async with client(as_proxy(whole.access, held)) as zone:
            with pytest.raises(Forbidden, match="or it is disabled"):
                await zone.transport.request("GET", UP_PATH)
        assert await obtain(signer(whole, held=held).sign, GCP)
    finally:
        await whole.client.patch("Zone", "gcp", patch={"spec": {"enabled": True}})


@pytest.mark.parametrize("by", ["revocation", "removal", "removal and return"])
async def test_a_zone_that_is_gone_does_not_come_back_by_what_it_had(whole: Whole, by: str) -> None:
    zone = f"zone/{by.replace(' ', '-')}"
    await makes(whole, zone)
    token, held = await whole.join_token(zone), await joined(whole, zone)
    await asyncio.sleep(1.0)  # certificates say when they were signed in whole seconds
    if by == "revocation":
        await ask(whole.client, "TokenReview", TokenSpec(action="revoke", id=zone), TokenAnswer)
    else:
        await removes(whole, zone)
    if by == "removal and return":
        await makes(whole, zone)
    async with client(as_proxy(whole.access, held)) as gone:
        with pytest.raises(Unauthorized):
            await gone.transport.request("GET", UP_PATH)
    for asking in (signer(whole, token), signer(whole, held=held)):
        with pytest.raises(Refused):
            await obtain(asking.sign, zone)


async def test_a_token_for_a_zone_that_is_not_there_buys_nothing(whole: Whole) -> None:
    with pytest.raises(Refused, match="there is no zone nowhere here"):
        await obtain(signer(whole, await whole.join_token("zone/nowhere")).sign, "zone/nowhere")


async def test_a_zone_gets_no_certificate_for_traffic(whole: Whole) -> None:
    held = await joined(whole)
    with pytest.raises(Refused, match="expected control"):
        await obtain(signer(whole, held=held).sign, GCP, Purpose.TRAFFIC)


@pytest.mark.parametrize(
    "spec",
    [
        TokenSpec(action="create", role="zone"),
        TokenSpec(action="create", role="zone", proxies=("gcp",)),
        TokenSpec(action="create", role="zone", proxies=("zone/*",)),
        TokenSpec(action="create", role="zone", proxies=(GCP, AZURE)),
        TokenSpec(action="create", role="zone", proxies=(GCP,), days=2),
        TokenSpec(action="create", name="host", role="agent", proxies=(GCP,)),
        TokenSpec(action="create", role="join", proxies=(GCP,)),
        TokenSpec(action="revoke", id="zone/*"),
    ],
)
async def test_a_token_that_would_open_too_much_or_nothing_is_refused(whole: Whole, spec: TokenSpec) -> None:
    with pytest.raises(Invalid):
        await ask(whole.client, "TokenReview", spec, TokenAnswer)


async def test_a_zone_whose_certificate_is_refused_joins_with_the_token_in_its_file(
    whole: Whole, tmp_path: Path
) -> None:
    zone, file = "zone/again", tmp_path / "token"
    await makes(whole, zone)
    held = await joined(whole, zone)
    asking = ZoneSigner(whole.access, lambda: held, file, SystemClock())
    assert await obtain(asking.sign, zone), "by the certificate: there is no token"
    await asyncio.sleep(1.0)  # certificates say when they were signed in whole seconds
    await ask(whole.client, "TokenReview", TokenSpec(action="revoke", id=zone), TokenAnswer)
    with pytest.raises(Refused):
        await obtain(asking.sign, zone)
    await asyncio.sleep(1.0)
    file.write_text((await whole.join_token(zone)).reveal())
    assert await obtain(asking.sign, zone)


async def test_global_is_known_by_its_name_whatever_its_address(whole: Whole) -> None:
    for name, is_known in ((SERVER_NAME, True), ("other.example", False)):
        access = replace(whole.client.transport.access, server_name=name)
        async with client(access) as caller:
            if is_known:
                await caller.version()
            else:
                with pytest.raises(Unreachable, match="verify failed"):
                    await caller.version()


async def test_what_a_zone_is_asked_waits_for_it_and_a_zone_nobody_knows_is_named(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inquiries, "PATIENCE", 0.1)

    async def asks(zone: str) -> None:
        await whole.client.review("explanations", "Explanation", {"url": "http://cart", "zone": zone})

    with pytest.raises(Invalid, match="there is no zone nowhere"):
        await asks("nowhere")
    with pytest.raises(ApiError, match="the zone azure does not answer"):
        await asks("azure")
