"""What every certificate authority promises; run on each implementation of `Authority`."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store

from sekisho.identity.authority import Authority, Refused, Registration
from sekisho.identity.brought import BroughtAuthority
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import belongs, new_key, signing_request
from sekisho.identity.spiffe import SpiffeId, peer_identity, svid_faults

DOMAIN = "shop.example"
BROUGHT = ("issuer.crt", "issuer.key", "root.crt")
GATEWAY = Registration(SpiffeId(DOMAIN, "gateway/shop/public"))


@pytest.fixture(params=["built-in", "brought"])
def authority(tmp_path: Path, request: pytest.FixtureRequest) -> Authority:
    made = BuiltInAuthority(tmp_path / "authority", DOMAIN)
    if request.param == "built-in":
        return made
    chain, key, root = ((tmp_path / "authority" / name).read_bytes() for name in BROUGHT)
    return BroughtAuthority(DOMAIN, chain, key, root)


def leaf_of(chain: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificates(chain)[0]


def names_of(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def request_for(key: CertificateIssuerPrivateKeyTypes, *names: x509.GeneralName) -> bytes:
    builder = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([]))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


async def test_a_certificate_is_an_svid_for_the_key_of_the_request(authority: Authority) -> None:
    key = new_key()
    issued = await authority.issue(signing_request(key), GATEWAY)
    leaf = leaf_of(issued.chain)
    assert svid_faults(leaf) == ()
    assert peer_identity(leaf) == GATEWAY.identity
    assert belongs(key, leaf)


async def test_the_chain_verifies_against_the_bundle_as_client_and_as_server(authority: Authority) -> None:
    registration = Registration(
        SpiffeId(DOMAIN, "control-plane"), ("localhost",), (ip_address("127.0.0.1"), ip_address("::1"))
    )
    issued = await authority.issue(signing_request(new_key()), registration)
    leaf, *rest = x509.load_pem_x509_certificates(issued.chain)
    assert svid_faults(leaf) == ()
    assert leaf.serial_number == issued.serial
    builder = PolicyBuilder().store(Store(x509.load_pem_x509_certificates(authority.bundle)))
    for name in (x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))):
        builder.build_server_verifier(name).verify(leaf, rest)
    verified = builder.extension_policies(
        ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.webpki_defaults_ee()
    ).build_client_verifier()
    assert verified.verify(leaf, rest).chain[0] == leaf


async def test_names_come_from_the_registration_and_never_from_the_request(authority: Authority) -> None:
    wanted = (
        x509.UniformResourceIdentifier(f"spiffe://{DOMAIN}/control-plane"),
        x509.DNSName("localhost"),
    )
    request = request_for(ec.generate_private_key(ec.SECP256R1()), *wanted)
    names = names_of(leaf_of((await authority.issue(request, GATEWAY)).chain))
    assert list(names) == [x509.UniformResourceIdentifier(str(GATEWAY.identity))]


async def test_a_request_for_an_authority_gets_a_leaf(authority: Authority) -> None:
    request = request_for(ec.generate_private_key(ec.SECP256R1()), x509.DNSName("x"))
    leaf = leaf_of((await authority.issue(request, GATEWAY)).chain)
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


async def test_a_request_not_signed_by_its_own_key_is_refused(authority: Authority) -> None:
    pem = signing_request(new_key())
    der = bytearray(x509.load_pem_x509_csr(pem).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(Refused, match="not signed by the key"):
        await authority.issue(forged, GATEWAY)


@pytest.mark.parametrize(
    "request_", [b"", b"nonsense", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", b"x" * 99999]
)
async def test_what_is_no_request_is_refused(authority: Authority, request_: bytes) -> None:
    with pytest.raises(Refused, match="signing request"):
        await authority.issue(request_, GATEWAY)


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP521R1()),
    ],
    ids=["rsa-2048", "ed25519", "p-521"],
)
async def test_weak_and_unusual_keys_are_refused(
    authority: Authority, key: CertificateIssuerPrivateKeyTypes
) -> None:
    with pytest.raises(Refused, match="the key must be"):
        await authority.issue(request_for(key), GATEWAY)


async def test_an_identity_of_another_trust_domain_is_refused(authority: Authority) -> None:
    with pytest.raises(Refused, match="trust domain"):
        await authority.issue(signing_request(new_key()), Registration(SpiffeId("other.example", "x")))


async def test_a_certificate_lasts_a_day_and_begins_five_minutes_ago(authority: Authority) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    issued = await authority.issue(signing_request(new_key()), GATEWAY)
    leaf = leaf_of(issued.chain)
    assert (issued.not_before, issued.not_after) == (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
    assert issued.not_after - issued.not_before == timedelta(hours=24, minutes=5)
    assert timedelta() <= issued.not_before + timedelta(minutes=5) - before < timedelta(seconds=30)


async def test_no_lifetime_is_refused(authority: Authority) -> None:
    with pytest.raises(Refused, match="lifetime"):
        await authority.issue(signing_request(new_key()), GATEWAY, timedelta(0))


async def test_two_certificates_have_different_serial_numbers(authority: Authority) -> None:
    request = signing_request(new_key())
    first, second = [leaf_of((await authority.issue(request, GATEWAY)).chain) for _ in range(2)]
    assert first.serial_number != second.serial_number
