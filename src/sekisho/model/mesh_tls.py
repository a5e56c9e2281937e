"""MeshTLS (`sekisho.dev/v1alpha1`): who is let in without an identity, and which TLS is spoken."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.fields import Model
from sekisho.model.meta import Resource
from sekisho.model.targets import TargetRef

TlsVersion = Literal["TLSAuto", "TLS12", "TLS13"]
"""TLSAuto leaves the choice to us. Older versions are broken (RFC 8996) and not offered."""
TlsCipher = Literal[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
]
"""OpenSSL names; those with forward secrecy and authenticated encryption (RFC 9325, 4.2)."""


class TlsVersions(Model, frozen=True, kw_only=True):
    """Versions of TLS."""

    min: Annotated[TlsVersion, Meta(description="The oldest.")] = "TLSAuto"
    max: Annotated[TlsVersion, Meta(description="The newest.")] = "TLSAuto"


class MeshTlsDefault(Model, frozen=True, kw_only=True):
    """Values."""

    mode: Annotated[
        Literal["Strict", "Permissive"] | None,
        Meta(description="Strict lets in members of the mesh only; Permissive others, too. Strict."),
    ] = None
    tls_version: Annotated[TlsVersions | None, Meta(description="Versions of TLS; 1.3 only.")] = None
    tls_ciphers: Annotated[
        Annotated[tuple[TlsCipher, ...], Meta(max_length=6)] | None,
        Meta(description="Ciphers for TLS 1.2; those of TLS 1.3 are fixed."),
    ] = None


class MeshTlsRule(Model, frozen=True, kw_only=True):
    """TLS of incoming traffic."""

    default: Annotated[MeshTlsDefault, Meta(description="Values.")] = MeshTlsDefault()


class MeshTlsSpec(Model, frozen=True, kw_only=True):
    """Whose TLS, and how."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    rules: Annotated[
        Annotated[tuple[MeshTlsRule, ...], Meta(min_length=1, max_length=16)],
        Meta(description="As a server; a later rule overrides an earlier one."),
    ]


class MeshTLS(Resource, frozen=True, kw_only=True):
    """Whether callers without an identity are let in, and how traffic is encrypted."""

    spec: Annotated[MeshTlsSpec, Meta(description="Whose TLS, and how.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
