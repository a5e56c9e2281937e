"""Identities over the SPIFFE Workload API, from an agent made after its specification."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kit.spire import WorkloadApi, running_workload_api, svid_message
from tests.kit.wait import eventually

from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.identity.authority import Refused, Registration, new_credentials
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import Credentials
from sekisho.identity.spiffe import SpiffeId
from sekisho.identity.spire import SpireIdentity, credentials
from sekisho.identity.workload_api import X509SVIDResponse

CART = SpiffeId("spire.test", "ns/shop/sa/cart")


@pytest.fixture
def socket() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sk-") as folder:  # a socket's path must be short
        yield Path(folder) / "spire.sock"


@pytest.fixture
def authority(tmp_path: Path) -> BuiltInAuthority:
    return BuiltInAuthority(tmp_path / "authority", CART.trust_domain)


async def svid(authority: BuiltInAuthority, identity: SpiffeId = CART) -> Credentials:
    return await new_credentials(authority, Registration(identity))


def client(socket: Path, wanted: str = "") -> SpireIdentity:
    return SpireIdentity(socket, wanted, clock=SystemClock(), random=lambda: 1.0)


async def test_the_identity_of_now_is_had_and_so_is_each_that_follows(
    socket: Path, authority: BuiltInAuthority
) -> None:
    api, identity = WorkloadApi(), client(socket)
    heard: list[Credentials | None] = []
    identity.on_renewal(lambda: heard.append(identity.held))
    first, second = await svid(authority), await svid(authority)
    async with running_workload_api(socket, api), background(identity.run(), name="spire"):
        await api.tell((str(CART), first))
        await eventually(lambda: _has(identity, first), what="the first identity")
        await api.tell((str(CART), second))
        await eventually(lambda: _has(identity, second), what="the second identity")
    assert api.without_header == 0
    assert [one.issued for one in heard if one] == [first.issued, second.issued]
    assert identity.held
    assert identity.held.key.reveal() == second.key.reveal()


async def test_an_agent_that_goes_away_and_comes_back_is_followed_on(
    socket: Path, authority: BuiltInAuthority
) -> None:
    api, identity = WorkloadApi(), client(socket)
    first, second = await svid(authority), await svid(authority)
    async with background(identity.run(), name="spire"):
        async with running_workload_api(socket, api):
            await api.tell((str(CART), first))
            await eventually(lambda: _has(identity, first), what="the first identity")
        await api.tell((str(CART), second))
        assert identity.held, "what was had stays in use"
        async with running_workload_api(socket, api):
            await eventually(lambda: _has(identity, second), what="the second identity")


async def test_an_agent_that_knows_nobody_is_asked_again(socket: Path, authority: BuiltInAuthority) -> None:
    api, identity = WorkloadApi(), client(socket)
    await api.tell()
    made = await svid(authority)
    async with running_workload_api(socket, api), background(identity.run(), name="spire"):
        await api.tell((str(CART), made))
        await eventually(lambda: _has(identity, made), what="the identity")


async def test_of_several_identities_the_one_that_is_wanted_is_used_however_late_it_comes(
    socket: Path, authority: BuiltInAuthority
) -> None:
    other = SpiffeId("spire.test", "ns/shop/sa/catalog")
    api, identity = WorkloadApi(), client(socket, str(CART))
    first, wanted = await svid(authority, other), await svid(authority)
    await api.tell((str(other), first))
    async with running_workload_api(socket, api), background(identity.run(), name="spire"):
        await eventually(lambda: _calls(api, 1), what="it was told of the other one")
        assert identity.held is None
        await api.tell((str(other), first), (str(CART), wanted))
        await eventually(lambda: _has(identity, wanted), what="the wanted one")
        assert api.calls == 1, "it stayed on the stream, on which what is missing comes"


async def _calls(api: WorkloadApi, number: int) -> bool:
    return api.told >= number


async def _has(identity: SpireIdentity, wanted: Credentials) -> bool:
    return identity.held is not None and identity.held.issued == wanted.issued


async def test_an_answer_that_names_another_identity_or_key_is_not_used(authority: BuiltInAuthority) -> None:
    mine, other = await svid(authority), await svid(authority)
    renamed = svid_message("spiffe://spire.test/ns/shop/sa/admin", mine)
    mixed = svid_message(str(CART), mine) | {"x509_svid_key": svid_message(str(CART), other)["x509_svid_key"]}
    cut = svid_message(str(CART), mine) | {"x509_svid": b"\x30"}
    for wrong in (renamed, mixed, cut):
        with pytest.raises(Refused):
            credentials(X509SVIDResponse(svids=[wrong]))
    with pytest.raises(Refused, match="knows no identity"):
        credentials(X509SVIDResponse())


async def test_what_is_missing_is_named_beside_what_there_is(authority: BuiltInAuthority) -> None:
    names = [f"spiffe://spire.test/ns/shop/sa/{number}" for number in range(7)]
    response = X509SVIDResponse(svids=[svid_message(name, await svid(authority)) for name in names])
    with pytest.raises(Refused) as refused:
        credentials(response, str(CART))
    text = str(refused.value)
    assert f"no identity {CART} for this process" in text
    assert f"{names[4]}, and 2 more: register an entry" in text
    assert names[5] not in text
