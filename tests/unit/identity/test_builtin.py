"""The built-in authority's directory: modes, restarts, damage, and the renewal of the issuing certificate."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from sekisho.aio.clock import SystemClock
from sekisho.identity.authority import Refused, Registration
from sekisho.identity.builtin import ISSUER_LIFETIME, ROOT_LIFETIME, AuthorityBroken, BuiltInAuthority
from sekisho.identity.keys import new_key, signing_request
from sekisho.identity.pairs import pem
from sekisho.identity.spiffe import SpiffeId

DOMAIN = "shop.example"
SOMEONE = Registration(SpiffeId(DOMAIN, "someone"))


class Clock(SystemClock):
    def __init__(self) -> None:
        self.time = datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        return self.time


async def chain(authority: BuiltInAuthority) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((await authority.issue(signing_request(new_key()), SOMEONE)).chain)


def test_every_file_is_0600_in_a_0700_directory(tmp_path: Path) -> None:
    BuiltInAuthority(tmp_path / "a", DOMAIN)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a").iterdir()}
    assert modes == dict.fromkeys(("root.crt", "root.key", "issuer.crt", "issuer.key"), 0o600)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


async def test_a_restart_keeps_root_and_issuer(tmp_path: Path) -> None:
    first = BuiltInAuthority(tmp_path, DOMAIN)
    second = BuiltInAuthority(tmp_path, DOMAIN)
    assert second.bundle == first.bundle
    assert (await chain(second))[1] == (await chain(first))[1]


def days_later(clock: Clock, part: float) -> None:
    """That part of an issuing certificate's life passes."""
    clock.time += part * ISSUER_LIFETIME


async def test_the_next_issuing_certificate_is_prepared_at_half_and_signs_from_five_sixths_on(
    tmp_path: Path,
) -> None:
    clock = Clock()
    authority = BuiltInAuthority(tmp_path, DOMAIN, clock)
    root, first = x509.load_pem_x509_certificate(authority.bundle), (await chain(authority))[1]
    days_later(clock, 0.51)
    assert (await chain(authority))[1] == first
    assert authority.state.successor_ends == clock.time + ISSUER_LIFETIME
    days_later(clock, 0.33)
    leaf, issuer = await chain(authority)
    assert issuer != first
    assert authority.state.successor_ends is None
    assert authority.bundle == pem(root)
    leaf.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(root)
    assert (await chain(BuiltInAuthority(tmp_path, DOMAIN, clock)))[1] == issuer


async def test_without_its_root_key_an_authority_works_until_its_issuing_certificate_ends(
    tmp_path: Path,
) -> None:
    clock = Clock()
    BuiltInAuthority(tmp_path, DOMAIN, clock)
    (tmp_path / "root.key").unlink()
    authority = BuiltInAuthority(tmp_path, DOMAIN, clock)
    assert not authority.state.root_key_here
    days_later(clock, 0.99)
    leaf, issuer = await chain(authority)
    assert leaf.not_valid_after_utc <= issuer.not_valid_after_utc
    days_later(clock, 0.02)
    with pytest.raises(Refused, match="the key of the root"):
        await chain(authority)


async def test_a_root_key_that_comes_back_for_a_moment_prepares_the_next_issuing_certificate(
    tmp_path: Path,
) -> None:
    clock = Clock()
    authority = BuiltInAuthority(tmp_path, DOMAIN, clock)
    first = (await chain(authority))[1]
    away = (tmp_path / "root.key").rename(tmp_path / "elsewhere")
    days_later(clock, 0.6)
    await chain(authority)
    assert authority.state.successor_ends is None
    away.rename(tmp_path / "root.key")
    await chain(authority)
    (tmp_path / "root.key").unlink()
    days_later(clock, 0.5)  # beyond the end of the first one
    assert (await chain(BuiltInAuthority(tmp_path, DOMAIN, clock)))[1] != first
    assert (await chain(authority))[1] != first


@pytest.mark.parametrize("written", ["issuer.key", "issuer.crt"])
async def test_a_crash_while_the_next_issuing_certificate_takes_over_loses_nothing(
    tmp_path: Path, written: str
) -> None:
    clock = Clock()
    authority = BuiltInAuthority(tmp_path, DOMAIN, clock)
    await chain(authority)
    days_later(clock, 0.51)
    await chain(authority)
    (tmp_path / "root.key").unlink()
    prepared = x509.load_pem_x509_certificate((tmp_path / "next.crt").read_bytes())
    # The key is written first, then the certificate, then the prepared pair goes.
    (tmp_path / "issuer.key").write_bytes((tmp_path / "next.key").read_bytes())
    if written == "issuer.crt":
        (tmp_path / "issuer.crt").write_bytes((tmp_path / "next.crt").read_bytes())
    assert (await chain(BuiltInAuthority(tmp_path, DOMAIN, clock)))[1] == prepared


async def test_an_issuing_certificate_as_long_as_its_root_gets_no_successor(tmp_path: Path) -> None:
    clock = Clock()
    authority = BuiltInAuthority(tmp_path, DOMAIN, clock)
    clock.time += ROOT_LIFETIME - ISSUER_LIFETIME / 2
    last = (await chain(authority))[1]
    clock.time += ISSUER_LIFETIME / 2 - timedelta(days=1)
    assert (await chain(authority))[1] == last


def test_without_both_keys_an_authority_is_broken(tmp_path: Path) -> None:
    BuiltInAuthority(tmp_path, DOMAIN)
    for name in ("root.key", "issuer.key", "issuer.crt"):
        (tmp_path / name).unlink()
    with pytest.raises(AuthorityBroken, match="neither"):
        BuiltInAuthority(tmp_path, DOMAIN)


async def test_no_leaf_outlives_the_root(tmp_path: Path) -> None:
    clock = Clock()
    authority = BuiltInAuthority(tmp_path, DOMAIN, clock)
    clock.time += timedelta(days=3650) - timedelta(hours=1)
    leaf, issuer = await chain(authority)
    root = x509.load_pem_x509_certificate(authority.bundle)
    assert leaf.not_valid_after_utc <= issuer.not_valid_after_utc <= root.not_valid_after_utc


def test_another_trust_domain_in_the_same_directory_is_an_error(tmp_path: Path) -> None:
    BuiltInAuthority(tmp_path, DOMAIN)
    with pytest.raises(AuthorityBroken, match=r"authority of 'shop\.example'"):
        BuiltInAuthority(tmp_path, "other.example")


@pytest.mark.parametrize("damage", [b"", b"garbage"])
@pytest.mark.parametrize("name", ["root.crt", "root.key"])
def test_a_damaged_root_is_an_error_and_is_not_replaced(tmp_path: Path, name: str, damage: bytes) -> None:
    BuiltInAuthority(tmp_path, DOMAIN)
    (tmp_path / name).write_bytes(damage)
    with pytest.raises(AuthorityBroken, match=r"root\.crt or its key cannot be read"):
        BuiltInAuthority(tmp_path, DOMAIN)
    assert (tmp_path / name).read_bytes() == damage


def test_a_root_key_of_another_root_is_an_error(tmp_path: Path) -> None:
    BuiltInAuthority(tmp_path / "a", DOMAIN)
    BuiltInAuthority(tmp_path / "b", DOMAIN)
    (tmp_path / "a/root.key").write_bytes((tmp_path / "b/root.key").read_bytes())
    with pytest.raises(AuthorityBroken, match="does not belong"):
        BuiltInAuthority(tmp_path / "a", DOMAIN)


def test_an_expired_root_is_an_error(tmp_path: Path) -> None:
    clock = Clock()
    BuiltInAuthority(tmp_path, DOMAIN, clock)
    clock.time += timedelta(days=3651)
    with pytest.raises(AuthorityBroken, match="ended on"):
        BuiltInAuthority(tmp_path, DOMAIN, clock)


async def test_an_issuer_of_another_root_is_replaced(tmp_path: Path) -> None:
    BuiltInAuthority(tmp_path / "a", DOMAIN)
    BuiltInAuthority(tmp_path / "b", DOMAIN)
    for name in ("issuer.crt", "issuer.key"):
        (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
    authority = BuiltInAuthority(tmp_path / "a", DOMAIN)
    root = x509.load_pem_x509_certificate(authority.bundle)
    (await chain(authority))[1].verify_directly_issued_by(root)


def test_a_crash_before_the_first_certificate_was_written_starts_anew(tmp_path: Path) -> None:
    (tmp_path / "root.key").write_bytes(b"half a k")
    assert BuiltInAuthority(tmp_path, DOMAIN).bundle.startswith(b"-----BEGIN CERTIFICATE")


def test_the_repr_shows_no_key(tmp_path: Path) -> None:
    authority = BuiltInAuthority(tmp_path, DOMAIN)
    assert repr(authority) == "BuiltInAuthority('shop.example')"
    assert "PRIVATE" not in repr(vars(authority))
