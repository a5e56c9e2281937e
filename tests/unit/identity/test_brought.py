"""What cannot be an authority is refused before it signs anything, in words that show no key."""

from pathlib import Path

import pytest

from sekisho.identity.authority import Registration
from sekisho.identity.brought import BroughtAuthority
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import new_key, signing_request
from sekisho.identity.spiffe import SpiffeId

DOMAIN = "shop.example"


def files(folder: Path, name: str, domain: str = DOMAIN) -> dict[str, bytes]:
    """An issuing certificate, its key and root, and a leaf of it."""
    BuiltInAuthority(folder / name, domain)
    names = ("issuer.crt", "issuer.key", "root.crt", "root.key")
    return {one: (folder / name / one).read_bytes() for one in names}


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    own, other = files(tmp_path, "own"), files(tmp_path, "other")
    faults = {
        "does not belong": (own["issuer.crt"], other["issuer.key"], own["root.crt"]),
        "does not lead to a root": (own["issuer.crt"], own["issuer.key"], other["root.crt"]),
        "is no chain": (own["issuer.crt"] + other["root.crt"], own["issuer.key"], own["root.crt"]),
        "tls.crt holds no certificate": (b"", own["issuer.key"], own["root.crt"]),
        "ca.crt holds no certificate": (own["issuer.crt"], own["issuer.key"], b""),
        "tls.key is no elliptic curve key": (own["issuer.crt"], b"secret words", own["root.crt"]),
    }
    for expected, (chain, key, roots) in faults.items():
        with pytest.raises(ValueError, match=expected) as refused:
            BroughtAuthority(DOMAIN, chain, key, roots)
        assert "secret words" not in str(refused.value)


async def test_what_may_not_sign_does_not(tmp_path: Path) -> None:
    BuiltInAuthority(tmp_path / "own", DOMAIN)
    own, key = files(tmp_path, "own"), new_key()
    authority = BroughtAuthority(DOMAIN, own["issuer.crt"], own["issuer.key"], own["root.crt"])
    issued = await authority.issue(signing_request(key), Registration(SpiffeId(DOMAIN, "ns/shop/sa/cart")))
    with pytest.raises(ValueError, match="may sign none"):
        BroughtAuthority(DOMAIN, issued.chain, key.reveal(), own["root.crt"])


def test_an_authority_of_another_trust_domain_is_refused(tmp_path: Path) -> None:
    other = files(tmp_path, "other", "other.example")
    with pytest.raises(ValueError, match="not of the trust domain"):
        BroughtAuthority(DOMAIN, other["issuer.crt"], other["issuer.key"], other["root.crt"])


async def test_a_root_that_issues_itself_is_taken(tmp_path: Path) -> None:
    own = files(tmp_path, "own")
    authority = BroughtAuthority(DOMAIN, own["root.crt"], own["root.key"], own["root.crt"])
    issued = await authority.issue(signing_request(new_key()), Registration(SpiffeId(DOMAIN, "a")))
    assert issued.chain.count(b"BEGIN CERTIFICATE") == 1, "the root is not sent: who believes it has it"
