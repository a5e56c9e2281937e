"""What a proxy that joins shows to get a certificate: its token once, its certificate ever after."""

from datetime import timedelta
from typing import Any

import pytest
from tests.kit.clock import FakeClock
from tests.kit.pki import self_signed

from sekisho.agent.keys import Purpose
from sekisho.app.host import signer
from sekisho.app.host.signer import JoiningSigner
from sekisho.client.kubeconfig import Access
from sekisho.identity.authority import Refused
from sekisho.identity.keys import Credentials, Issued
from sekisho.identity.rotation import Unavailable
from sekisho.identity.secret import Secret

LEAF = self_signed("proxy")
PROXY = "workload/shop/web-1"
ACCESS = Access(server="https://127.0.0.1:1", token="of the kubeconfig")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Access]:
    """How each certificate was asked for."""
    found: list[Access] = []

    async def asked(client: Any, *_: Any) -> str:
        found.append(client.transport.access)
        return "issued"

    monkeypatch.setattr(signer, "_asked", asked)
    return found


def joining(clock: FakeClock, held: Credentials | None = None, token: str | None = "join") -> JoiningSigner:
    secret = Secret(token) if token is not None else None
    return JoiningSigner(ACCESS, lambda: held, clock=clock, token=secret)


def credentials(clock: FakeClock) -> Credentials:
    """That end in an hour."""
    ends = clock.now() + timedelta(hours=1)
    issued = Issued(chain=LEAF.certificate, bundle=b"", not_before=clock.now(), not_after=ends, serial=1)
    return Credentials(key=Secret(LEAF.key), issued=issued)


async def test_the_token_is_shown_for_the_first_certificate_and_no_other_secret(
    clock: FakeClock, shown: list[Access]
) -> None:
    await joining(clock).sign(b"request", PROXY)
    assert [(one.token, one.token_file, one.certificate) for one in shown] == [("join", None, None)]


async def test_the_certificate_is_shown_for_all_others(clock: FakeClock, shown: list[Access]) -> None:
    held = joining(clock, credentials(clock))
    for purpose in Purpose:
        await held.sign(b"request", PROXY, purpose)
    ours = (LEAF.certificate.decode(), LEAF.key.decode())
    assert {(one.token, one.certificate) for one in shown} == {("", ours)}


async def test_nobody_has_an_identity_before_joining(clock: FakeClock, shown: list[Access]) -> None:
    with pytest.raises(Unavailable, match="has not joined yet"):
        await joining(clock).sign(b"request", PROXY, Purpose.TRAFFIC)
    assert shown == []


async def test_without_token_and_certificate_there_is_nothing_to_ask_with(
    clock: FakeClock, shown: list[Access]
) -> None:
    with pytest.raises(Refused, match="no join token"):
        await joining(clock, token=None).sign(b"request", PROXY)
    assert shown == []


async def test_a_certificate_that_has_ended_needs_another_token(
    clock: FakeClock, shown: list[Access]
) -> None:
    held = credentials(clock)
    clock.advance(3601)
    with pytest.raises(Refused, match="no join token"):
        await joining(clock, held, token=None).sign(b"request", PROXY)
    await joining(clock, held).sign(b"request", PROXY)
    assert [one.token for one in shown] == ["join"]
