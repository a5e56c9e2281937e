"""The authority of a mesh: two roots during a rotation, restarts at every stage, damage."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store

from sekisho.aio.clock import SystemClock
from sekisho.identity.authorities import MeshAuthorities
from sekisho.identity.authority import Registration
from sekisho.identity.builtin import AuthorityBroken
from sekisho.identity.keys import Issued, new_key, signing_request
from sekisho.identity.ledger import Holder, Ledger
from sekisho.identity.mesh_authority import MeshAuthority
from sekisho.identity.spiffe import SpiffeId
from sekisho.identity.trust import OutOfOrder, Stage

DOMAIN = "default.default.mesh.local"
CART = Registration(SpiffeId(DOMAIN, "ns/shop/sa/cart"))


class Clock(SystemClock):
    def __init__(self) -> None:
        self.time = datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        return self.time


async def certificate(authority: MeshAuthority) -> Issued:
    return await authority.issue(signing_request(new_key()), CART)


def verifies(issued: Issued, bundle: bytes) -> bool:
    """As a peer with this bundle would."""
    leaf, *rest = x509.load_pem_x509_certificates(issued.chain)
    policies = {
        "ca_policy": ExtensionPolicy.webpki_defaults_ca(),
        "ee_policy": ExtensionPolicy.webpki_defaults_ee(),
    }
    store = Store(x509.load_pem_x509_certificates(bundle))
    verifier = PolicyBuilder().store(store).extension_policies(**policies).build_client_verifier()
    try:
        verifier.verify(leaf, rest)
    except x509.verification.VerificationError:
        return False
    return True


async def test_a_rotation_believes_both_roots_before_the_new_one_signs_and_until_the_old_one_is_not_used(
    tmp_path: Path,
) -> None:
    authority = MeshAuthority(tmp_path, DOMAIN)
    before, old_bundle = await certificate(authority), authority.bundle
    authority.begin()
    assert authority.trust.stage is Stage.PUBLISHED
    between, both = await certificate(authority), authority.bundle
    assert verifies(between, old_bundle), "those who have not heard of the new root yet must believe it"
    authority.advance()
    after = await certificate(authority)
    assert verifies(before, both)
    assert verifies(after, both)
    assert not verifies(after, old_bundle)
    authority.advance()
    assert verifies(after, authority.bundle)
    assert not verifies(before, authority.bundle)
    authority.advance()
    assert authority.trust.stage is Stage.STEADY
    assert (await certificate(authority)).bundle == authority.bundle


@pytest.mark.parametrize("steps", range(5))
async def test_a_restart_at_any_stage_goes_on_from_there(tmp_path: Path, steps: int) -> None:
    authority = MeshAuthority(tmp_path, DOMAIN)
    for step in (authority.begin, authority.advance, authority.advance, authority.advance)[:steps]:
        step()
    again = MeshAuthority(tmp_path, DOMAIN)
    assert again.trust == authority.trust
    assert again.bundle == authority.bundle
    assert (await certificate(again)).chain.endswith((await certificate(authority)).chain[-300:])


async def test_a_crash_between_making_a_root_and_writing_that_down_leaves_the_stage_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = MeshAuthority(tmp_path, DOMAIN)
    bundle = authority.bundle

    def disk_full(path: Path, content: bytes) -> None:
        raise OSError(28, f"No space left on device: {path.name}, {len(content)} bytes")

    with monkeypatch.context() as patched:
        patched.setattr("sekisho.identity.mesh_authority.write_private", disk_full)
        with pytest.raises(OSError, match="No space"):
            authority.begin()
    assert (authority.trust.stage, authority.bundle) == (Stage.STEADY, bundle)
    again = MeshAuthority(tmp_path, DOMAIN)
    assert (again.trust.stage, again.bundle) == (Stage.STEADY, bundle)
    again.begin()
    assert again.trust.stage is Stage.PUBLISHED


async def test_a_rotation_is_taken_back_before_and_after_the_new_root_signs(tmp_path: Path) -> None:
    authority = MeshAuthority(tmp_path, DOMAIN)
    bundle = authority.bundle
    authority.begin()
    authority.abort()
    assert authority.bundle == bundle
    authority.advance()
    authority.begin()
    authority.advance()
    of_new = await certificate(authority)
    authority.abort()
    assert authority.trust.stage is Stage.ACTIVE
    assert verifies(await certificate(authority), bundle)
    assert verifies(of_new, authority.bundle)
    authority.advance()
    authority.advance()
    assert (authority.trust.stage, authority.bundle) == (Stage.STEADY, bundle)
    with pytest.raises(OutOfOrder):
        authority.abort()


def test_the_keys_of_a_root_that_went_are_removed(tmp_path: Path) -> None:
    authority = MeshAuthority(tmp_path, DOMAIN)
    for step in (authority.begin, authority.advance, authority.advance):
        step()
    assert {path.name for path in tmp_path.iterdir()} == {"1", "2", "trust.json"}
    authority.advance()
    assert {path.name for path in tmp_path.iterdir()} == {"2", "trust.json"}
    assert stat.S_IMODE((tmp_path / "trust.json").stat().st_mode) == 0o600


async def test_a_rotation_works_while_the_old_root_s_key_is_away(tmp_path: Path) -> None:
    MeshAuthority(tmp_path, DOMAIN)
    (tmp_path / "1/root.key").unlink()
    authority = MeshAuthority(tmp_path, DOMAIN)
    authority.begin()
    authority.advance()
    assert verifies(await certificate(authority), authority.bundle)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"stage": "Nowhere"}'])
def test_a_damaged_stage_is_an_error(tmp_path: Path, damage: bytes) -> None:
    MeshAuthority(tmp_path, DOMAIN)
    (tmp_path / "trust.json").write_bytes(damage)
    with pytest.raises(AuthorityBroken, match=r"trust\.json cannot be read"):
        MeshAuthority(tmp_path, DOMAIN)


def test_a_root_that_is_gone_is_an_error_and_not_replaced(tmp_path: Path) -> None:
    MeshAuthority(tmp_path, DOMAIN)
    (tmp_path / "1/root.crt").unlink()
    with pytest.raises(AuthorityBroken, match="lost its root 1"):
        MeshAuthority(tmp_path, DOMAIN)


def test_a_stage_that_is_gone_is_an_error_once_there_was_a_rotation(tmp_path: Path) -> None:
    authority = MeshAuthority(tmp_path, DOMAIN)
    authority.begin()
    (tmp_path / "trust.json").unlink()
    with pytest.raises(AuthorityBroken, match="roots beside it"):
        MeshAuthority(tmp_path, DOMAIN)


def test_a_crash_before_the_first_stage_was_written_keeps_the_root(tmp_path: Path) -> None:
    bundle = MeshAuthority(tmp_path, DOMAIN).bundle
    (tmp_path / "trust.json").unlink()
    assert MeshAuthority(tmp_path, DOMAIN).bundle == bundle


def test_each_mesh_and_trust_domain_has_its_own_root_and_keeps_it(tmp_path: Path) -> None:
    authorities = MeshAuthorities(tmp_path / "meshes")
    made = [authorities.make("default", DOMAIN), authorities.make("default", "extra.test"),
            authorities.make("other", "other.default.mesh.local")]  # fmt: skip
    assert len({held.authority.bundle for held in made}) == 3
    assert authorities.make("default", DOMAIN) is made[0]
    assert authorities.get("default", "other.default.mesh.local") is None
    again = MeshAuthorities(tmp_path / "meshes")
    assert [held.authority.bundle for held in again] == [held.authority.bundle for held in made]
    assert [held.domain for held in again.of("default")] == [DOMAIN, "extra.test"]


async def test_the_ledger_knows_the_living_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    ledger = MeshAuthorities(tmp_path, clock).make("default", DOMAIN).ledger
    day = clock.time + timedelta(days=1)
    ledger.note(Holder("workload/shop/a", "", 1, day))
    ledger.note(Holder("workload/shop/a", "", 2, day))
    ledger.note(Holder("gateway/shop/web", "h1", 1, day))
    ledger.note(Holder("gateway/shop/web", "h2", 1, clock.time))
    await ledger.save()
    clock.time += timedelta(hours=1)
    again = MeshAuthorities(tmp_path, clock).make("default", DOMAIN).ledger
    assert {(one.proxy, one.instance, one.generation) for one in again.living()} == {
        ("workload/shop/a", "", 2),
        ("gateway/shop/web", "h1", 1),
    }


async def test_a_ledger_that_cannot_be_written_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path / "holders.json")
    ledger.note(Holder("workload/shop/a", "", 1, datetime.now(UTC) + timedelta(days=1)))

    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("sekisho.identity.files.os.fsync", disk_full)
        with pytest.raises(OSError, match="No space"):
            await ledger.save()
    await ledger.save()
    assert len(list(Ledger(tmp_path / "holders.json").living())) == 1


def test_a_damaged_ledger_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "holders.json").write_bytes(b"{")
    assert list(Ledger(tmp_path / "holders.json").living()) == []
