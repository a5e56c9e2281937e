"""Certificates that are refused before their end."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sekisho.aio.clock import SystemClock
from sekisho.identity.lineage import serial_number
from sekisho.identity.peer import Peer
from sekisho.identity.revocation import Revocations, RevocationsBroken
from sekisho.identity.spiffe import SpiffeId

TOKEN = "0123456789ab"
CART, STOCK = "workload/shop/cart-1", "workload/shop/stock-1"
WEEK = timedelta(days=7)
SECOND = timedelta(seconds=1)


class Clock(SystemClock):
    time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def revocations(tmp_path: Path, clock: Clock) -> Revocations:
    return Revocations(tmp_path / "revocations.json", WEEK, clock)


def peer(proxy: str, issued: datetime, token: str = "") -> Peer:
    return Peer(SpiffeId("control-plane.test", proxy), serial_number(token), issued)


def test_every_certificate_that_descends_from_a_revoked_token_is_refused(
    revocations: Revocations, clock: Clock
) -> None:
    revocations.revoke_token(TOKEN)
    assert TOKEN in revocations.refusal(peer(CART, clock.time, TOKEN))
    assert TOKEN in revocations.refusal(peer(CART, clock.time + SECOND, TOKEN))
    assert revocations.refusal(peer(CART, clock.time, "ba9876543210")) == ""
    assert revocations.refusal(peer(CART, clock.time)) == ""


def test_a_revoked_proxy_is_refused_with_what_it_was_given_so_far_and_let_in_with_what_comes_later(
    revocations: Revocations, clock: Clock
) -> None:
    revocations.revoke_proxy(CART)
    assert "were revoked" in revocations.refusal(peer(CART, clock.time - WEEK))
    assert "were revoked" in revocations.refusal(peer(CART, clock.time))
    assert revocations.refusal(peer(CART, clock.time + SECOND)) == ""
    assert revocations.refusal(peer(STOCK, clock.time)) == ""


def test_a_restart_forgets_nothing(revocations: Revocations, tmp_path: Path, clock: Clock) -> None:
    revocations.revoke_token(TOKEN)
    revocations.revoke_proxy(CART)
    again = Revocations(tmp_path / "revocations.json", WEEK, clock)
    assert again.all() == revocations.all()
    assert again.refusal(peer(CART, clock.time))
    assert again.refusal(peer(STOCK, clock.time, TOKEN))
    assert stat.S_IMODE((tmp_path / "revocations.json").stat().st_mode) == 0o600


def test_an_entry_is_forgotten_when_the_last_certificate_it_ends_has_ended(
    revocations: Revocations, tmp_path: Path, clock: Clock
) -> None:
    revocations.revoke_proxy(CART)
    clock.time += WEEK
    assert revocations.all() == ()
    revocations.revoke_proxy(STOCK)
    assert CART.encode() not in (tmp_path / "revocations.json").read_bytes()


def test_listeners_hear_of_a_revocation_once_it_is_in_force(revocations: Revocations, clock: Clock) -> None:
    heard: list[str] = []
    revocations.on_change(lambda: heard.append(revocations.refusal(peer(CART, clock.time))))
    revocations.revoke_proxy(CART)
    assert len(heard) == 1
    assert heard[0]


@pytest.mark.parametrize("damage", [b"", b"{", b'{"tokens": []}', b'{"proxies": {"a": {}}}'])
def test_a_damaged_file_is_an_error_and_not_an_empty_list(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "revocations.json").write_bytes(damage)
    with pytest.raises(RevocationsBroken, match="cannot be read"):
        Revocations(tmp_path / "revocations.json", WEEK)


def test_a_write_that_fails_changes_nothing(
    revocations: Revocations, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sekisho.identity.files.os.fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        revocations.revoke_proxy(CART)
    assert revocations.refusal(peer(CART, clock.time)) == ""
