"""Proxies that join by a token, go on by their certificate, and are sent away; over real sockets."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from tests.kit.ads_client import CallFailed
from tests.kit.objects import gateway, manifest
from tests.kit.wait import eventually
from tests.kit.whole import Whole, hello, leaf, obtain, running_whole, workload

from sekisho.agent.keys import Purpose
from sekisho.agent.sidecar import SERVING
from sekisho.aio.clock import SystemClock
from sekisho.app.host.reporting import ApiReporter
from sekisho.app.host.signer import ApiSigner, JoiningSigner, as_proxy
from sekisho.app.zones.place import Place
from sekisho.client import Client, Forbidden, Invalid, Unauthorized
from sekisho.client.credentials import TokenAnswer, TokenSpec, TrustAnswer, TrustSpec
from sekisho.client.kubeconfig import Access
from sekisho.client.reviews import ask
from sekisho.client.transport import Transport
from sekisho.identity.authority import LEAF_LIFETIME, PROXY_LIFETIME, Refused
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import Credentials, new_key, signing_request
from sekisho.identity.rotation import Unavailable
from sekisho.identity.secret import Secret
from sekisho.identity.spiffe import peer_identity, svid_faults
from sekisho.identity.trust import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

CART, STOCK, WEB = "workload/shop/cart-1", "workload/shop/stock-1", "gateway/shop/web"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Whole]:
    async with running_whole(tmp_path_factory.mktemp("whole") / "state") as running:
        await running.apply(
            manifest("Mesh", "default"), gateway("web"), workload("cart-1", "cart"),
            workload("stock-1", "stock"), manifest("Workload", "bare-1", spec={"address": "10.0.0.3"}),
        )  # fmt: skip
        yield running


def signer(whole: Whole, token: Secret[str] | None = None, held: Credentials | None = None) -> JoiningSigner:
    return JoiningSigner(whole.access, lambda: held, clock=SystemClock(), token=token)


async def joined(whole: Whole, proxy: str = CART) -> Credentials:
    return await obtain(signer(whole, await whole.join_token(proxy)).sign, proxy)


def client(access: Access) -> Client:
    return Client(Transport(access))


async def test_a_join_token_buys_one_certificate_of_its_proxy_and_that_buys_the_next(whole: Whole) -> None:
    token = await whole.join_token(CART)
    held = await obtain(signer(whole, token).sign, CART)
    assert str(peer_identity(held.issued.leaf())) == f"spiffe://{Place().trust_domain}/{CART}"
    with capture_logs() as logs, pytest.raises(Refused):
        await obtain(signer(whole, token).sign, CART)
    assert [line["name"] for line in logs if "sent again" in line["event"]] == [CART]
    following = await obtain(signer(whole, held=held).sign, CART)
    assert following.issued.leaf().serial_number != held.issued.leaf().serial_number


async def test_what_was_issued_and_what_was_refused_is_written_down(whole: Whole) -> None:
    token = await whole.join_token(CART)
    with capture_logs() as logs:
        held = await obtain(signer(whole, token).sign, CART)
        for proxy in (CART, STOCK, STOCK, STOCK):
            with pytest.raises(Refused):
                await obtain(signer(whole, token if proxy == CART else None, held).sign, STOCK)
    assert sum(line["event"] == "certificate refused" for line in logs) == 1, "the second and third is not"
    audit = {line["event"]: line for line in logs}
    serial = f"{held.issued.leaf().serial_number:x}"
    assert audit["certificate issued"]["serial"] == serial
    assert {audit[event]["proxy"] for event in ("proxy joined", "certificate issued")} == {CART}
    assert audit["proxy joined"]["token"] == token.reveal().split("_")[1]
    assert audit["certificate refused"]["proxy"] == STOCK
    assert "does not speak for" in audit["certificate refused"]["reason"]
    assert token.reveal() not in str(logs)


async def test_a_captured_join_with_its_signing_request_is_refused_the_second_time(whole: Whole) -> None:
    token, request = await whole.join_token(CART), signing_request(new_key())
    await signer(whole, token).sign(request, CART)
    with pytest.raises(Refused):
        await signer(whole, token).sign(request, CART)


async def test_of_two_who_use_a_join_token_at_once_one_gets_a_certificate(whole: Whole) -> None:
    token = await whole.join_token(CART)
    attempts = (obtain(signer(whole, token).sign, CART) for _ in range(5))
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert [type(one) for one in outcomes].count(Credentials) == 1
    assert [type(one) for one in outcomes].count(Refused) == 4


@pytest.mark.parametrize(
    "proxy", [STOCK, WEB, "control-plane", "workload/shop/cart-10", "workload/shop/../x"]
)
async def test_neither_token_nor_certificate_buys_one_for_another_proxy(whole: Whole, proxy: str) -> None:
    token, held = await whole.join_token(CART), await joined(whole)
    for asking in (signer(whole, token), signer(whole, held=held)):
        for purpose in Purpose:
            with pytest.raises((Refused, Unavailable)):
                await obtain(asking.sign, proxy, purpose)
    assert await obtain(signer(whole, token).sign, CART), "a refusal does not spend it"


async def test_a_join_token_buys_nothing_but_the_certificate_for_the_control_plane(whole: Whole) -> None:
    token = await whole.join_token(CART)
    access = Access(server=whole.access.server, authority=whole.access.authority, token=token.reveal())
    async with client(access) as holder:
        with pytest.raises(Refused, match="join token"):
            await ApiSigner(holder).sign(signing_request(new_key()), CART, Purpose.TRAFFIC)
        for path in (
            "/api/v1/secrets",
            "/api",
            "/apis/sekisho.dev/v1alpha1/namespaces/shop/workloads/cart-1",
        ):
            with pytest.raises(Forbidden):
                await holder.transport.request("GET", path)
    assert await obtain(signer(whole, token).sign, CART)


async def test_an_identity_is_named_by_the_registration_and_lasts_a_day(whole: Whole) -> None:
    held = await joined(whole)
    traffic = await obtain(signer(whole, held=held).sign, CART, Purpose.TRAFFIC)
    certificate = traffic.issued.leaf()
    assert str(peer_identity(certificate)) == "spiffe://default.default.mesh.local/ns/shop/sa/cart"
    assert svid_faults(certificate) == ()
    assert traffic.issued.not_after - traffic.issued.not_before == LEAF_LIFETIME + timedelta(minutes=5)
    assert held.issued.not_after - held.issued.not_before == PROXY_LIFETIME + timedelta(minutes=5)


async def test_the_account_of_a_workload_decides_at_the_next_renewal(whole: Whole) -> None:
    await whole.apply(workload("moves-1", "before"))
    held = await joined(whole, "workload/shop/moves-1")
    asking = signer(whole, held=held)
    await whole.client.patch("Workload", "moves-1", "shop", patch={"spec": {"serviceAccountName": "after"}})

    async def named_anew() -> bool:
        made = await obtain(asking.sign, "workload/shop/moves-1", Purpose.TRAFFIC)
        return peer_identity(made.issued.leaf()).path == "ns/shop/sa/after"

    await eventually(named_anew, what="the new account is in the identity")
    await whole.client.delete("Workload", "moves-1", "shop")

    async def refused() -> bool:
        try:
            await obtain(asking.sign, "workload/shop/moves-1", Purpose.TRAFFIC)
        except Refused:
            return True
        return False

    await eventually(refused, what="who is not registered gets no identity")


@pytest.mark.parametrize(
    ("provider", "reason"),
    [
        (
            {"type": "Spire", "spire": {"socketPath": "/run/spire.sock"}},
            "issued by the SPIRE agent at /run/spire",
        ),
        ({"type": "Bundled", "bundled": {"ca": {"secretRef": {"name": "own"}}}}, "which does not exist"),
    ],
)
async def test_an_identity_that_somebody_else_is_to_issue_is_not_issued_here(
    whole: Whole, provider: dict[str, Any], reason: str
) -> None:
    await whole.apply(manifest("Namespace", "sekisho-system"), workload("else-1", labels={"issuer": "else"}))
    selector = {"workload": {"matchLabels": {"issuer": "else"}}}
    identities = [
        manifest("MeshIdentity", "all", namespace="sekisho-system", spec={"selector": {"workload": {}}}),
        manifest("MeshIdentity", "else", namespace="sekisho-system",
                 spec={"selector": selector, "provider": provider}),
    ]  # fmt: skip
    await whole.apply(*identities)
    try:
        held = await joined(whole, "workload/shop/else-1")
        with pytest.raises(Refused, match=reason):
            await obtain(signer(whole, held=held).sign, "workload/shop/else-1", Purpose.TRAFFIC)
    finally:
        for name in ("all", "else"):
            await whole.client.delete("MeshIdentity", name, "sekisho-system")


async def test_an_authority_that_was_brought_along_issues(whole: Whole, tmp_path: Path) -> None:
    domain = "default.default.mesh.local"
    BuiltInAuthority(tmp_path / "pki", domain)
    files = {"tls.crt": "issuer.crt", "tls.key": "issuer.key", "ca.crt": "root.crt"}
    data = {key: b64encode((tmp_path / "pki" / name).read_bytes()).decode() for key, name in files.items()}
    secret = {
        **manifest("Secret", "pki", namespace="sekisho-system"),
        "type": "kubernetes.io/tls",
        "data": data,
    }
    provider = {"type": "Bundled", "bundled": {"ca": {"secretRef": {"name": "pki"}}}}
    spec = {"selector": {"workload": {}}, "provider": provider}
    await whole.apply(secret, manifest("MeshIdentity", "own", namespace="sekisho-system", spec=spec))
    asking, root = signer(whole, held=await joined(whole)), (tmp_path / "pki" / "root.crt").read_bytes()

    async def issued() -> bool:
        made = await obtain(asking.sign, CART, Purpose.TRAFFIC)
        return made.issued.bundle == root

    try:
        await eventually(issued, what="what was brought issues")
        made = await obtain(asking.sign, CART, Purpose.TRAFFIC)
        assert str(peer_identity(made.issued.leaf())) == f"spiffe://{domain}/ns/shop/sa/cart"
        assert svid_faults(made.issued.leaf()) == ()
    finally:
        await whole.client.delete("MeshIdentity", "own", "sekisho-system")


async def test_a_workload_without_a_sidecar_has_no_proxy_and_no_certificate(whole: Whole) -> None:
    with pytest.raises(Refused, match="no Workload with a sidecar"):
        await joined(whole, "workload/shop/bare-1")


async def test_a_proxy_s_certificate_opens_what_is_its_own_and_nothing_else(whole: Whole) -> None:
    async with client(as_proxy(whole.access, await joined(whole))) as proxy:
        assert (await proxy.get("Workload", "cart-1", "shop"))["spec"]["serviceAccountName"] == "cart"
        await ApiReporter(lambda: proxy).report("workload/shop/cart-1", SERVING)
        patch = {"status": {"spiffeID": "spiffe://default.default.mesh.local/ns/shop/sa/root"}}
        with pytest.raises(Forbidden):
            await proxy.patch("Workload", "cart-1", "shop", patch=patch, subresource="status")
        for kind, name in (("Workload", "stock-1"), ("Gateway", "web")):
            with pytest.raises(Forbidden):
                await proxy.get(kind, name, "shop")
        for kind in ("Workload", "Secret", "Gateway", "Mesh"):
            with pytest.raises(Forbidden):
                await proxy.list(kind)
        for spec, kind in ((TokenSpec(action="list"), "TokenReview"), (TrustSpec(), "TrustReview")):
            with pytest.raises(Forbidden):
                await ask(proxy, kind, spec, TokenAnswer)


async def test_an_agent_s_token_speaks_for_its_proxies_only(whole: Whole) -> None:
    spec = TokenSpec(action="create", name="host-2", role="agent", proxies=("workload/shop/*",))
    token = (await ask(whole.client, "TokenReview", spec, TokenAnswer)).token
    access = Access(server=whole.access.server, authority=whole.access.authority, token=token)
    async with client(access) as host:
        await obtain(ApiSigner(host).sign, CART)
        await obtain(ApiSigner(host).sign, STOCK, Purpose.TRAFFIC)
        with pytest.raises(Refused, match="does not speak for"):
            await obtain(ApiSigner(host).sign, WEB)
        with pytest.raises(Forbidden):
            await host.list("Gateway")


@pytest.mark.parametrize(
    "spec",
    [
        TokenSpec(action="create", name="host", role="agent"),
        TokenSpec(action="create", role="join"),
        TokenSpec(action="create", role="join", proxies=("workload/shop/*",)),
        TokenSpec(action="create", role="join", proxies=(CART, STOCK)),
        TokenSpec(action="create", role="join", proxies=(CART,), days=2),
        TokenSpec(action="create", name="ada", role="reader", proxies=(CART,)),
        TokenSpec(action="create", name="host", role="agent", proxies=("shop/cart",)),
        TokenSpec(action="revoke", id="workload/shop/*"),
    ],
)
async def test_a_token_that_would_open_too_much_or_nothing_is_refused(whole: Whole, spec: TokenSpec) -> None:
    with pytest.raises(Invalid):
        await ask(whole.client, "TokenReview", spec, TokenAnswer)


async def until_closed(stream: AsyncIterator[bytes]) -> str:
    try:
        while True:
            await anext(stream)
    except CallFailed as failure:
        return failure.details


async def revoke(whole: Whole, what: str) -> None:
    answer = await ask(whole.client, "TokenReview", TokenSpec(action="revoke", id=what), TokenAnswer)
    assert answer.revoked
    assert what in {one.what.removeprefix("token ") for one in answer.revocations}


@pytest.mark.parametrize("by", ["token", "proxy"])
async def test_revocation_ends_the_live_stream_and_refuses_the_next_and_the_api(
    whole: Whole, by: str
) -> None:
    """G3 of reliability.md: within 5 s; here at once."""
    name = f"host-by-{by}"
    spec = TokenSpec(action="create", name=name, role="agent", proxies=(WEB,))
    made = await ask(whole.client, "TokenReview", spec, TokenAnswer)
    id_ = next(token.id for token in made.tokens if token.name == name)
    access = Access(server=whole.access.server, authority=whole.access.authority, token=made.token)
    async with client(access) as host:
        held = await obtain(ApiSigner(host).sign, WEB)
    async with whole.stream(leaf(held)) as live:
        await live.send(hello(f"{WEB}/host-3"))
        messages = aiter(live)
        await anext(messages)
        await revoke(whole, id_ if by == "token" else WEB)
        async with asyncio.timeout(60):
            assert "revoked" in await until_closed(messages)
    async with whole.stream(leaf(held)) as again, asyncio.timeout(60):
        await again.send(hello(f"{WEB}/host-3"))
        assert "revoked" in await until_closed(aiter(again))
    async with client(as_proxy(whole.access, held)) as proxy:
        with pytest.raises(Unauthorized):
            await proxy.version()


async def test_a_proxy_that_was_revoked_joins_anew(whole: Whole) -> None:
    held = await joined(whole, STOCK)
    await revoke(whole, STOCK)
    with pytest.raises(Refused):
        await obtain(signer(whole, held=held).sign, STOCK)
    await asyncio.sleep(1.0)  # certificates say when they were signed in whole seconds
    again = await joined(whole, STOCK)
    await obtain(signer(whole, held=again).sign, STOCK)


async def test_a_rotation_over_the_api_goes_through_while_nobody_has_to_be_waited_for(whole: Whole) -> None:
    async def trust(action: str = "status") -> TrustAnswer:
        return await ask(whole.client, "TrustReview", TrustSpec(action=action), TrustAnswer)

    before = (await trust()).domains[0]
    assert (before.domain, before.stage, len(before.roots)) == ("default.default.mesh.local", "Steady", 1)
    began = (await trust("rotate")).domains[0]
    assert (began.stage, len(began.roots)) == ("Published", 2)
    offline = {one.proxy for one in began.waiting}
    assert offline <= {CART, STOCK, "workload/shop/moves-1"}

    async def ended() -> bool:
        await trust("continue")
        return (await trust()).domains[0].stage == Stage.STEADY

    await eventually(ended, what="the rotation ends")
    after = (await trust()).domains[0]
    assert [root.signing for root in after.roots] == [True]
    assert after.roots[0].fingerprint != before.roots[0].fingerprint


async def test_without_such_a_mesh_there_is_nothing_to_rotate(whole: Whole) -> None:
    for spec in (TrustSpec(mesh="other"), TrustSpec(action="restart")):
        with pytest.raises(Invalid):
            await ask(whole.client, "TrustReview", spec, TrustAnswer)


async def test_what_was_revoked_stays_so_after_a_restart(tmp_path: Path) -> None:
    async with running_whole(tmp_path / "state") as first:
        await first.apply(manifest("Mesh", "default"), workload("cart-1"))
        held = await joined(first)
        await revoke(first, CART)
    async with running_whole(tmp_path / "state") as second:
        with pytest.raises(Refused):
            await obtain(signer(second, held=held).sign, CART)
