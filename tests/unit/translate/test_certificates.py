"""Certificates of HTTPS listeners: what is presented, and what is refused with which reason."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.unit.translate.certificates import NOT_AFTER, key_pair, secret, tls_secret
from tests.unit.translate.world import EDGE, World, document, gateway, http, https, reference_grant

from sekisho.model.names import ResourceId
from sekisho.translate.facts import ExpiredCertificate
from sekisho.translate.gateway.certificates import pair
from sekisho.translate.outputs import CERTIFICATES, EXPIRIES

CERT = ResourceId("Secret", "shop", "cert")
NAME = "secret/shop/cert"


def test_a_good_secret_is_presented_as_it_is() -> None:
    found = World(tls_secret("cert", "a.b"), gateway(https()))
    (certificate,) = found.values(CERTIFICATES).values()
    assert (certificate.name, certificate.chain, certificate.key) == (NAME, *key_pair("a.b"))
    assert found.listener_condition("https", "ResolvedRefs") == ("True", "ResolvedRefs")


def test_no_key_is_ever_printed() -> None:
    found = World(tls_secret("cert", "a.b"), gateway(https()))
    assert "PRIVATE KEY" not in repr([found.values(output) for output in found.outputs()])
    assert "PRIVATE KEY" not in repr([pair(found.engine.read, CERT), found.engine.read.leaf(CERT)])


CHAIN, KEY = key_pair("a.b")


@pytest.mark.parametrize(
    "stored",
    [
        secret("other", CHAIN, KEY),
        secret("cert", b"not a certificate", KEY),
        secret("cert", CHAIN, b"not a key"),
        secret("cert", CHAIN, key_pair("c.d")[1]),
        secret("cert", *key_pair("a.b", kind="rsa1024")),
        secret("cert", *key_pair("a.b", kind="p224")),
        secret("cert", *key_pair("a.b", kind="stapled")),
        document("Secret", "cert", type="Opaque", data={}),
    ],
    ids=[
        "missing",
        "no certificate",
        "no key",
        "another's key",
        "a short key",
        "an odd curve",
        "to be stapled",
        "another type",
    ],
)
def test_a_secret_that_cannot_be_presented_closes_its_listener_and_no_other(stored: Any) -> None:
    found = World(stored, gateway(https(), http()))
    assert found.listener_condition("https", "ResolvedRefs") == ("False", "InvalidCertificateRef")
    assert found.listener_condition("https", "Accepted") == ("True", "Accepted")
    assert found.listener_condition("https", "Programmed") == ("False", "Invalid")
    assert found.condition(EDGE, "Accepted") == ("True", "ListenersNotValid")
    assert list(found.listeners()) == ["http/127.0.0.1/8080"]
    assert found.values(CERTIFICATES) == {}


def test_reading_an_rsa_key_does_not_prove_its_numbers() -> None:
    """It would take seconds for a long key, in which nobody else's change goes out."""
    chain, key = key_pair("a.b", kind="rsa2048")
    good = load_pem_private_key(key, None)
    assert isinstance(good, rsa.RSAPrivateKey)
    numbers = good.private_numbers()
    changed = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d + 2, numbers.dmp1, numbers.dmq1, numbers.iqmp, numbers.public_numbers
    )
    unproved = changed.private_key(unsafe_skip_rsa_key_validation=True)
    pem = unproved.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match=r"[Ii]nvalid"):
        load_pem_private_key(pem, None)
    found = World(secret("cert", chain, pem), gateway(https()))
    assert found.listener_condition("https", "ResolvedRefs") == ("True", "ResolvedRefs")


def test_a_reference_to_another_kind_is_no_certificate() -> None:
    tls = {"certificateRefs": [{"group": "example.com", "kind": "Vault", "name": "x"}]}
    found = World(gateway(https(tls=tls)))
    assert found.listener_condition("https", "ResolvedRefs") == ("False", "InvalidCertificateRef")


def test_good_certificates_are_presented_beside_bad_ones() -> None:
    tls = {"certificateRefs": [{"name": "missing"}, {"name": "cert"}]}
    found = World(tls_secret("cert", "a.b"), gateway(https(tls=tls)))
    assert found.listener_condition("https", "ResolvedRefs") == ("False", "InvalidCertificateRef")
    (socket,) = found.listeners().values()
    assert socket.chains[0].tls is not None
    assert socket.chains[0].tls.certificates == (NAME,)


def test_another_namespace_needs_a_grant_and_loses_it_with_the_grant() -> None:
    tls = {"certificateRefs": [{"name": "cert", "namespace": "vault"}]}
    found = World(tls_secret("cert", "a.b", namespace="vault"), gateway(https(tls=tls)))
    assert found.listener_condition("https", "ResolvedRefs") == ("False", "RefNotPermitted")
    assert found.values(EXPIRIES) == {}
    found.apply(reference_grant("Gateway", "shop", "Secret", namespace="vault"))
    assert found.listener_condition("https", "ResolvedRefs") == ("True", "ResolvedRefs")
    assert list(found.values(CERTIFICATES)) == [(EDGE, "secret/vault/cert")]
    found.remove(ResourceId("ReferenceGrant", "vault", "grant"))
    assert found.listener_condition("https", "ResolvedRefs") == ("False", "RefNotPermitted")
    assert (found.listeners(), found.values(CERTIFICATES)) == ({}, {})


def test_without_a_grant_nobody_learns_whether_the_secret_exists() -> None:
    tls = {"certificateRefs": [{"name": "cert", "namespace": "vault"}]}
    with_secret = World(tls_secret("cert", "a.b", namespace="vault"), gateway(https(tls=tls)))
    assert with_secret.status() == World(gateway(https(tls=tls))).status()


def test_an_expired_certificate_closes_its_listener_until_it_is_renewed() -> None:
    found = World(tls_secret("cert", "a.b"), gateway(https()))
    assert found.values(EXPIRIES) == {CERT: NOT_AFTER}
    found.commit({ExpiredCertificate.of(CERT): NOT_AFTER})
    assert found.listener_condition("https", "ResolvedRefs") == ("False", "InvalidCertificateRef")
    assert (found.listeners(), found.values(CERTIFICATES)) == ({}, {})
    assert found.values(EXPIRIES) == {CERT: NOT_AFTER}
    later = NOT_AFTER + timedelta(days=90)
    found.apply(tls_secret("cert", "a.b", not_after=later))
    assert found.listener_condition("https", "ResolvedRefs") == ("True", "ResolvedRefs")
    assert found.values(EXPIRIES) == {CERT: later}


def test_a_certificate_that_is_renewed_leaves_sockets_and_status_alone() -> None:
    found = World(tls_secret("cert", "a.b"), gateway(https()))
    changes = found.apply(tls_secret("cert", "a.b", not_after=NOT_AFTER + timedelta(days=1)))
    assert {output.name for output in changes.outputs} == {"certificates", "certificate expiries"}
