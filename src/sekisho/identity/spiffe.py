"""SPIFFE identities: what they look like, and the rules of the certificates that carry them."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

SCHEME = "spiffe://"
MAXIMUM_LENGTH = 2048
"""Bytes in a whole identity (SPIFFE-ID section 2.3)."""

_TRUST_DOMAIN = re.compile(r"(?![._-]*$)[a-z0-9._-]{1,255}")
"""Not `..` and its like, which SPIFFE-ID does not rule out: folders are called so."""
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+")


class SpiffeId(NamedTuple):
    """`spiffe://<trust domain>/<path>`; the path is never empty, for an empty one names an authority."""

    trust_domain: str
    path: str
    """Without the leading slash: `gateway/shop/public`."""

    def __str__(self) -> str:
        return f"{SCHEME}{self.trust_domain}/{self.path}"

    @classmethod
    def make(cls, trust_domain: str, path: str) -> "SpiffeId":
        """Raises ValueError where the SPIFFE-ID standard does not allow these parts."""
        if not _TRUST_DOMAIN.fullmatch(trust_domain):
            raise ValueError(f"{trust_domain!r} is not a trust domain: use a-z, 0-9, dot, dash, underscore")
        for segment in path.split("/"):
            if not _SEGMENT.fullmatch(segment) or segment in {".", ".."}:
                raise ValueError(
                    f"{path!r} is not the path of a SPIFFE identity: {segment!r} cannot stand in it"
                )
        made = cls(trust_domain, path)
        if len(str(made)) > MAXIMUM_LENGTH:
            raise ValueError(
                f"a SPIFFE identity has at most {MAXIMUM_LENGTH} bytes, this one {len(str(made))}"
            )
        return made

    @classmethod
    def parse(cls, text: str) -> "SpiffeId":
        """The inverse of `str`. Raises ValueError."""
        if not text.startswith(SCHEME):
            raise ValueError(f"{text!r} does not start with {SCHEME}")
        trust_domain, _, path = text.removeprefix(SCHEME).partition("/")
        return cls.make(trust_domain, path)

    def covers(self, node: str) -> bool:
        """Whether the holder may speak for `node`: its path, or an instance below it (`<path>/<x>`)."""
        return node == self.path or node.startswith(f"{self.path}/")


def peer_identity(certificate: x509.Certificate) -> SpiffeId:
    """Who the holder of a certificate is. The chain was verified by TLS already; this checks the SVID rules.

    Raises ValueError with every rule broken.
    """
    if broken := svid_faults(certificate):
        raise ValueError("not an X.509-SVID: " + "; ".join(broken))
    return SpiffeId.parse(_uris(_extensions(certificate))[0])


def svid_faults(certificate: x509.Certificate) -> tuple[str, ...]:
    """The rules of X.509-SVID (sections 2 to 5) that a leaf breaks; empty when it is good."""
    found = _extensions(certificate)
    return (*_name_faults(certificate, found), *_usage_faults(found))


_Extensions: TypeAlias = Mapping[type[x509.ExtensionType], x509.Extension[Any]]


def _extensions(certificate: x509.Certificate) -> _Extensions:
    """By their type: to look for each among all takes half as long as signing."""
    return {type(one.value): one for one in certificate.extensions}


def _name_faults(certificate: x509.Certificate, found: _Extensions) -> list[str]:
    uris = _uris(found)
    if len(uris) != 1:
        return [f"it has {len(uris)} URI names instead of exactly one"]
    faults = []
    try:
        SpiffeId.parse(uris[0])
    except ValueError as error:
        faults.append(str(error))
    if not certificate.subject.rdns and not found[x509.SubjectAlternativeName].critical:
        faults.append("its subject is empty but its alternative names are not critical (RFC 5280 4.1.2.6)")
    return faults


def _uris(found: _Extensions) -> list[str]:
    names = found.get(x509.SubjectAlternativeName)
    if names is None:
        return []
    return [one.value for one in names.value if type(one) is x509.UniformResourceIdentifier]


def _usage_faults(found: _Extensions) -> list[str]:
    return [*_authority_faults(found), *_key_usage_faults(found), *_purpose_faults(found)]


def _authority_faults(found: _Extensions) -> list[str]:
    constraints = found.get(x509.BasicConstraints)
    return ["it is an authority"] if constraints is not None and constraints.value.ca else []


def _key_usage_faults(found: _Extensions) -> list[str]:
    usage = found.get(x509.KeyUsage)
    if usage is None:
        return ["it has no key usage"]
    faults = []
    if not usage.critical:
        faults.append("its key usage is not critical")
    if not usage.value.digital_signature:
        faults.append("its key may not sign")
    if usage.value.key_cert_sign or usage.value.crl_sign:
        faults.append("its key may sign certificates or revocation lists")
    return faults


def _purpose_faults(found: _Extensions) -> list[str]:
    purposes = found.get(x509.ExtendedKeyUsage)
    if purposes is None:
        return ["it says neither server nor client authentication"]
    if {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH} <= set(purposes.value):
        return []
    return ["it is not for server and client authentication both"]
