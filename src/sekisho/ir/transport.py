"""How bytes travel between two proxies, or from a proxy to something that is not ours."""

from enum import StrEnum
from typing import Literal, TypeAlias

from msgspec import Struct

TlsVersion: TypeAlias = Literal["1.2", "1.3"]

IDENTITY_SECRET = "identity"  # noqa: S105 - a name
"""SDS name of a proxy's own certificate and key. The agent serves it; it never passes the control plane."""
TRUST_SECRET = "trust"  # noqa: S105 - a name
"""SDS name of the authorities a proxy believes, by trust domain (`TrustBundle`)."""
ALPN_HTTP2 = "sekisho-h2"
"""Between sidecars: HTTP/2, whatever the application speaks."""
ALPN_TCP = "sekisho"
"""Between sidecars: the application's own bytes."""


class MutualTlsMode(StrEnum):
    """Who is let in (MeshTLS.spec.rules[].default.mode)."""

    STRICT = "Strict"
    """Members of the mesh only."""
    PERMISSIVE = "Permissive"
    """Members by mutual TLS, everybody else as they come; they have no identity."""


class MutualTls(Struct, frozen=True, kw_only=True, gc=False):
    """How a sidecar takes connections. Its certificate and whom it believes come by SDS."""

    mode: MutualTlsMode = MutualTlsMode.STRICT
    trust_domains: tuple[str, ...]
    """Callers must be of one of these, sorted, at least one."""
    min_version: TlsVersion = "1.3"
    max_version: TlsVersion = "1.3"
    ciphers: tuple[str, ...] = ()
    """OpenSSL names, for 1.2; empty for Envoy's defaults."""


class MeshTransport(Struct, frozen=True, kw_only=True, gc=False):
    """Mutual TLS to endpoints with a sidecar (`Endpoint.meshed`); the others are spoken to as they are."""

    server_name: str
    """SNI: `<port>.<service>.<namespace>.<zone>.<mesh>.sekisho`, see `translate.mesh.names`."""
    identities: tuple[str, ...]
    """SPIFFE IDs the server may have, exact, sorted. Empty: nobody is believed, every connection fails."""
    alpn: str = ALPN_HTTP2
    """HTTP/2 is spoken to all endpoints of a cluster alike: only where every one of them is meshed."""
    min_version: TlsVersion = "1.3"
    max_version: TlsVersion = "1.3"
    ciphers: tuple[str, ...] = ()
    """As `MutualTls` has them."""
    members_only: bool = False
    """Whether all endpoints are spoken to like that, marked as members or not."""


class MembersTransport(Struct, frozen=True, kw_only=True, gc=False):
    """Mutual TLS to the endpoints of several services: to each by the `MeshTransport` of its own
    (`Endpoint.member`). Endpoints without a sidecar are spoken to as they are; those of a member that is not
    here, or not yet, are not spoken to at all."""

    members: tuple[tuple[str, MeshTransport], ...]
    """Member and the way to it, sorted by name."""
    alpn: str = ALPN_HTTP2
    """That of all members: HTTP/2 is spoken to all endpoints of a cluster alike."""


class ServerTls(Struct, frozen=True, kw_only=True, gc=False):
    """TLS to a server that is not ours (ExternalService.spec.tls, BackendTLSPolicy)."""

    server_name: str
    """SNI; empty for none."""
    authorities: str = ""
    """Name of an `AuthorityBundle`; empty for the system's."""
    alternative_names: tuple[tuple[Literal["dns", "uri"], Literal["exact", "prefix"], str], ...] = ()
    """Names one of which the certificate must have; empty for the server name."""
    verify: Literal["all", "no-names", "no-authority", "nothing"] = "all"
    """What is checked. Anything but `all` was asked for by name in the resource. `no-authority` leaves
    nothing: a name that nobody vouches for is not looked at."""
    certificate: str = ""
    """Name of the `Certificate` presented to the server; empty for none."""
    min_version: TlsVersion = "1.2"
    max_version: TlsVersion = "1.3"
    alpn: tuple[str, ...] = ()


Transport: TypeAlias = MeshTransport | MembersTransport | ServerTls


class TrustBundle(Struct, frozen=True, kw_only=True, gc=False):
    """The authorities of each trust domain (SPIFFE Trust Domain and Bundle, 4). Public."""

    name: str
    """SDS name: `TRUST_SECRET` for a mesh."""
    authorities: tuple[tuple[str, bytes], ...]
    """Trust domain and its CA certificates (PEM), sorted by domain. A domain without certificates is left
    out: nobody of it is believed."""


class AuthorityBundle(Struct, frozen=True, kw_only=True, gc=False):
    """The authorities that vouch for servers outside the mesh (ExternalService, BackendTLSPolicy). Public."""

    name: str
    """SDS name, as `ServerTls.authorities` has it."""
    authorities: bytes
    """CA certificates (PEM), at least one."""
