"""Questions about who is trusted, and their answers: tokens, certificates, the roots that vouch for them."""

from sekisho.client.reviews import Struct


class TokenSpec(Struct, frozen=True):
    """What to do about bearer tokens, and about certificates of proxies before their end."""

    action: str
    """create, list, revoke."""
    name: str = ""
    """Whose a new token is."""
    role: str = ""
    """Of a new token: admin, agent, reader, join, zone."""
    days: int = 0
    """Lifetime of a new token; 0 for the default."""
    minutes: int = 0
    """Added to `days`."""
    id: str = ""
    """What to revoke: a token, with the certificates that descend from it; or a proxy
    (`workload/namespace/name`) or zone (`zone/name`), with every certificate it was given so far."""
    proxies: tuple[str, ...] = ()
    """Whom a new token of an agent speaks for, or the one proxy or zone that joins with it:
    `gateway/namespace/name`, `workload/namespace/*`, `*`, `zone/name`."""


class TokenState(Struct, frozen=True):
    """One token, without what is secret about it."""

    id: str
    name: str
    role: str
    expires: str
    """RFC 3339."""
    proxies: tuple[str, ...] = ()


class RevocationState(Struct, frozen=True):
    """Certificates that are refused before their end."""

    what: str
    """`token 0123456789ab`, or a proxy."""
    at: str
    """RFC 3339. Certificates signed up to this moment are refused."""
    until: str
    """RFC 3339. Then the last of them has ended by itself."""


class TokenAnswer(Struct, frozen=True):
    """All tokens after the action."""

    tokens: tuple[TokenState, ...] = ()
    token: str = ""
    """The new one, shown this once."""
    revoked: bool = False
    revocations: tuple[RevocationState, ...] = ()


class CertificateRequestSpec(Struct, frozen=True):
    """A proxy's agent, or a zone, asks for its certificate."""

    csr: str
    """PEM."""
    proxy: str
    """Whose it is: `gateway/namespace/name`, `workload/namespace/name`, `zone/name`."""
    purpose: str = "control"
    """`control`: it names the proxy, to the control plane. `traffic`: it names the account, to others."""
    instance: str = ""
    """The host, where several run the same proxy."""


class CertificateAnswer(Struct, frozen=True):
    """The certificate; its names are the registration's, never the request's."""

    certificate: str
    """PEM chain, leaf first."""
    bundle: str
    """PEM of the roots to trust."""
    expires: str
    """RFC 3339."""


class TrustSpec(Struct, frozen=True):
    """What to do about the roots of a mesh."""

    action: str = "status"
    """status; rotate: a new root is to take over; abort: back to the one before; continue: do not wait, at
    this stage, for proxies that are not connected."""
    mesh: str = "default"
    domain: str = ""
    """One trust domain of it; empty for all."""


class WaitingState(Struct, frozen=True):
    """A proxy that the next step of a rotation waits for."""

    proxy: str
    reason: str
    offline: bool = False


class RootState(Struct, frozen=True):
    """One root that is believed."""

    fingerprint: str
    """SHA-256 of the certificate, hexadecimal."""
    expires: str
    """RFC 3339."""
    signing: bool = False
    """It vouches for new certificates."""


class TrustState(Struct, frozen=True):
    """The roots of one trust domain."""

    domain: str
    stage: str
    """Steady, Prepared, Published, Active, Retired."""
    since: str
    """RFC 3339. When this stage began."""
    roots: tuple[RootState, ...] = ()
    """Those that everybody is to believe."""
    root_key_here: bool = True
    """Whether the key of the signing root is on this host; without it issuing certificates end unrenewed."""
    issuer_expires: str = ""
    """RFC 3339. Of the certificate that signs leaves."""
    successor_expires: str = ""
    """RFC 3339. Of the one that is prepared to follow it; empty while there is none."""
    holders: int = 0
    """Certificates in use, as far as this control plane issued them."""
    waiting: tuple[WaitingState, ...] = ()


class TrustAnswer(Struct, frozen=True):
    """All trust domains of a mesh, after the action."""

    domains: tuple[TrustState, ...] = ()
