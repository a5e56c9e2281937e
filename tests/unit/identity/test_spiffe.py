"""SPIFFE identities: the grammar, what they cover, and the rules of certificates."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from sekisho.identity.spiffe import SpiffeId, peer_identity, svid_faults

SEGMENT = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True)
KEY = ec.generate_private_key(ec.SECP256R1())
GOOD = "spiffe://shop.example/gateway/a/b"
KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@given(st.from_regex(r"[a-z0-9._-]{1,30}", fullmatch=True), st.lists(SEGMENT, min_size=1, max_size=4))
def test_parse_is_the_inverse_of_str(domain: str, segments: list[str]) -> None:
    identity = SpiffeId.make(domain, "/".join(segments))
    assert SpiffeId.parse(str(identity)) == identity


@pytest.mark.parametrize(
    "text",
    ["http://a/b", "spiffe://a", "spiffe://a/", "spiffe:///b", "spiffe://A/b", "spiffe://a/b/", "spiffe://a//b",
     "spiffe://a/../b", "spiffe://a/./b", "spiffe://a/b%20c", "spiffe://a:8/b", "spiffe://u@a/b", "spiffe://a/b?c",
     "spiffe://a/b#c", "spiffe://a/" + "b" * 2048, "spiffe://a/b\n"],
)  # fmt: skip
def test_what_the_standard_forbids_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        SpiffeId.parse(text)


def test_an_identity_covers_itself_and_its_instances_only() -> None:
    identity = SpiffeId("d", "gateway/shop/public")
    assert identity.covers("gateway/shop/public")
    assert identity.covers("gateway/shop/public/host-1")
    for other in (
        "gateway/shop/public-2",
        "gateway/shop",
        "gateway/shop/publi",
        "",
        "/gateway/shop/public/x",
    ):
        assert not identity.covers(other)


def certificate(
    uris: tuple[str, ...] | None = (GOOD,),
    *,
    san_critical: bool = True,
    ca: bool = False,
    usage: frozenset[str] | None = frozenset({"digital_signature"}),
    critical: bool = True,
    purposes: tuple[x509.ObjectIdentifier, ...] | None = (SERVER, CLIENT),
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(x509.Name([]), x509.Name([]), KEY.public_key(), 1)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(hours=1))
    if uris is not None:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        builder = builder.add_extension(names, critical=san_critical)
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if usage is not None:
        allowed = x509.KeyUsage(**{name: name in usage for name in KEY_USAGES})
        builder = builder.add_extension(allowed, critical=critical)
    if purposes is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(KEY, hashes.SHA256())


def test_a_good_certificate_tells_who_its_holder_is() -> None:
    assert str(peer_identity(certificate())) == GOOD


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ({"uris": None}, "0 URI names"),
        ({"uris": (GOOD, GOOD + "2")}, "2 URI names"),
        ({"uris": ("spiffe://shop.example",)}, "cannot stand in it"),
        ({"uris": ("https://shop.example/x",)}, "does not start with"),
        ({"san_critical": False}, "not critical"),
        ({"ca": True}, "is an authority"),
        ({"usage": None}, "no key usage"),
        ({"usage": frozenset()}, "may not sign"),
        ({"usage": frozenset({"digital_signature", "key_cert_sign"})}, "may sign certificates"),
        ({"critical": False}, "key usage is not critical"),
        ({"purposes": None}, "neither server nor client"),
        ({"purposes": (SERVER,)}, "both"),
    ],
)
def test_each_rule_broken_is_named(broken: dict[str, Any], fault: str) -> None:
    faults = svid_faults(certificate(**broken))
    assert len(faults) == 1
    assert fault in faults[0]
    with pytest.raises(ValueError, match=r"not an X\.509-SVID"):
        peer_identity(certificate(**broken))
