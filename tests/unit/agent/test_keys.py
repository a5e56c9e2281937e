"""A proxy's key: made here, kept here, certified by whoever may."""

import asyncio
import stat
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography import x509
from structlog.testing import capture_logs
from tests.kit.clock import FakeClock
from tests.kit.wait import eventually

from sekisho.agent.keys import OUTDATED_SPREAD, Keys
from sekisho.aio.clock import Clock, SystemClock
from sekisho.aio.tasks import background
from sekisho.identity.authority import BACKDATED, Registration
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import Issued, belongs
from sekisho.identity.rotation import Unavailable
from sekisho.identity.spiffe import SpiffeId

PROXY = "gateway/shop/public"


class Signer:
    """An authority for whom it is told to sign; keeps what it was sent."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._authority = BuiltInAuthority(directory, "test.example", clock)
        self.requests: list[bytes] = []
        self.path = PROXY
        self.away = False

    async def sign(self, request: bytes, proxy: str, purpose: str = "control") -> Issued:
        if self.away:
            raise Unavailable("away")
        assert proxy == PROXY
        self.requests.append(request)
        return await self._authority.issue(request, Registration(SpiffeId("test.example", self.path)))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(SystemClock().now())


@pytest.fixture
def signer(tmp_path: Path, clock: FakeClock) -> Signer:
    return Signer(tmp_path / "authority", clock)


def keys(tmp_path: Path, signer: Signer, clock: FakeClock) -> Keys:
    return Keys(tmp_path / "identity.json", PROXY, signer, clock=clock, random=Random(1))


async def test_the_private_key_stays_on_this_host(tmp_path: Path, signer: Signer, clock: FakeClock) -> None:
    made = keys(tmp_path, signer, clock)
    async with background(made.run(), name="keys"):
        credentials = await asyncio.wait_for(made.credentials(), 60)
    [sent] = signer.requests
    assert belongs(credentials.key, credentials.issued.leaf())
    assert sent.startswith(b"-----BEGIN CERTIFICATE REQUEST")
    assert list(x509.load_pem_x509_csr(sent).extensions) == []
    secret = b"".join(credentials.key.reveal().splitlines()[1:-1])
    for path in (tmp_path / "authority").rglob("*"):
        assert secret not in path.read_bytes().replace(b"\n", b"")
    assert "PRIVATE" not in repr(credentials)


@pytest.mark.parametrize(
    ("apart", "words"),
    [(timedelta(hours=1), ["60 minutes ahead of"]), (timedelta(hours=-1), ["60 minutes behind"]),
     (timedelta(minutes=5), []), (timedelta(minutes=-5), [])],
)  # fmt: skip
async def test_a_clock_that_is_not_the_authority_s_is_told_of(
    tmp_path: Path, signer: Signer, clock: FakeClock, apart: timedelta, words: list[str]
) -> None:
    made = keys(tmp_path, signer, FakeClock(clock.now() + apart))
    with capture_logs() as lines:
        async with background(made.run(), name="keys"):
            await asyncio.wait_for(made.credentials(), 60)
    told = [line["what"] for line in lines if line["event"] == "clocks differ"]
    assert [f"the clock of this host is {each} that of the authority" for each in words] == told


async def test_a_restart_needs_no_authority(tmp_path: Path, signer: Signer, clock: FakeClock) -> None:
    first = keys(tmp_path, signer, clock)
    async with background(first.run(), name="keys"):
        before = await asyncio.wait_for(first.credentials(), 60)
    assert stat.S_IMODE((tmp_path / "identity.json").stat().st_mode) == 0o600
    signer.away = True
    after = await asyncio.wait_for(keys(tmp_path, signer, clock).credentials(), 60)
    assert (after.key.reveal(), after.issued) == (before.key.reveal(), before.issued)


async def test_a_stored_certificate_that_has_ended_is_not_used(
    tmp_path: Path, signer: Signer, clock: FakeClock
) -> None:
    first = keys(tmp_path, signer, clock)
    async with background(first.run(), name="keys"):
        await asyncio.wait_for(first.credentials(), 60)
    clock.advance(timedelta(hours=25).total_seconds())
    assert keys(tmp_path, signer, clock).issued is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"key": "x", "chain": "y", "bundle": "z"}'])
async def test_a_damaged_file_is_not_used(
    tmp_path: Path, signer: Signer, clock: FakeClock, content: bytes
) -> None:
    (tmp_path / "identity.json").write_bytes(content)
    assert keys(tmp_path, signer, clock).issued is None


async def test_a_certificate_for_somebody_else_is_not_taken(
    tmp_path: Path, signer: Signer, clock: FakeClock
) -> None:
    signer.path = "gateway/shop/public-2"
    made = keys(tmp_path, signer, clock)

    async def asked() -> bool:
        return clock.sleeping == 1

    async with background(made.run(), name="keys"):
        await eventually(asked, what="it waits to ask again")
        assert made.issued is None
        signer.path = PROXY
        clock.advance(1)
        await asyncio.wait_for(made.credentials(), 60)


async def test_it_is_renewed_with_a_new_key_and_listeners_are_told(
    tmp_path: Path, signer: Signer, clock: FakeClock
) -> None:
    made, told = keys(tmp_path, signer, clock), []
    made.on_renewal(lambda: told.append(made.issued))

    async def waiting() -> bool:
        return clock.sleeping == 1

    async with background(made.run(), name="keys"):
        first = await asyncio.wait_for(made.credentials(), 60)
        for _ in range(2):
            await eventually(waiting, what="it sleeps")
            clock.advance(timedelta(hours=15).total_seconds())

        async def renewed() -> bool:
            return len(told) == 2

        await eventually(renewed, what="it is renewed")
        second = await made.credentials()
    assert second.key.reveal() != first.key.reveal()
    assert second.issued.not_after > first.issued.not_after
    assert belongs(second.key, second.issued.leaf())


async def test_a_certificate_of_a_root_that_goes_is_renewed_at_once(
    tmp_path: Path, signer: Signer, clock: FakeClock
) -> None:
    made = keys(tmp_path, signer, clock)
    async with background(made.run(), name="keys"):
        before = await asyncio.wait_for(made.credentials(), 60)
        made.renew_before(before.issued.not_before + BACKDATED)
        clock.advance(60.0)
        assert len(signer.requests) == 1, "it was signed after that moment"
        made.renew_before(clock.now())

        async def renewed() -> bool:
            clock.advance(1.0)
            return made.issued is not None and made.issued != before.issued

        await eventually(renewed, what="another certificate")
    assert len(signer.requests) == 2


async def test_who_hears_that_the_authority_is_back_does_not_wait_until_the_next_attempt(
    tmp_path: Path, signer: Signer, clock: FakeClock
) -> None:
    signer.away = True
    made = keys(tmp_path, signer, clock)

    async def waits() -> bool:
        return clock.sleeping == 1

    async with background(made.run(), name="keys"):
        for _ in range(12):
            await eventually(waits, what="it waits to ask again")
            clock.advance(30)
            await asyncio.sleep(0)
        await eventually(waits, what="it waits for half a minute")
        signer.away = False
        clock.advance(OUTDATED_SPREAD)
        await asyncio.sleep(0)
        assert made.issued is None
        made.hurry()

        async def has_one() -> bool:
            clock.advance(OUTDATED_SPREAD / 10)
            return made.issued is not None

        before = clock.monotonic()
        await eventually(has_one, what="a certificate")
        assert clock.monotonic() - before < OUTDATED_SPREAD * 2


async def test_a_certificate_that_cannot_be_renewed_is_told_of_at_each_step_of_its_life(
    tmp_path: Path, signer: Signer, clock: FakeClock
) -> None:
    made = keys(tmp_path, signer, clock)
    async with background(made.run(), name="keys"):
        issued = (await asyncio.wait_for(made.credentials(), 60)).issued
        signer.away = True
        with capture_logs() as lines:

            async def ended() -> bool:
                clock.advance(60.0)
                return clock.now() > issued.not_after

            await eventually(ended, what="it ends")
    told = [line["log_level"] for line in lines if line["event"] == "certificate comes to its end"]
    assert told[-2:] == ["warning", "error"], "at a half it may not have tried yet"
