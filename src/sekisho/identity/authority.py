"""What every certificate authority promises. One contract suite, `tests/contracts/test_authority.py`."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

from sekisho.identity.keys import Credentials, Issued, new_key, signing_request
from sekisho.identity.spiffe import SpiffeId
from sekisho.kit.clocks import TOLERATED

LEAF_LIFETIME = timedelta(hours=24)
"""How long a certificate between proxies is good for unless its issuer says otherwise; renewed at half of it.
Nothing revokes one: those who meet it ask nobody. What ends it before is the registration, at the renewal."""
PROXY_LIFETIME = timedelta(days=7)
"""Of a certificate that a proxy shows to the control plane, which sees at each use whether it was revoked: so
it may last a long weekend without a control plane, and nobody has to join anew."""
BACKDATED = TOLERATED
"""NotBefore lies this far in the past, for peers whose clocks are behind."""


class Refused(Exception):
    """The authority does not sign this request; the message says why, in words for the requester."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Who a certificate is for, as the *caller* of the authority knows it; never read from a request."""

    identity: SpiffeId
    dns_names: tuple[str, ...] = ()
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    token: str = ""
    """Id of the token by which its holder was let in first, to end the certificate with it; see `lineage`."""

    def require(self, trust_domain: str, lifetime: timedelta) -> None:
        """What every authority asks before it signs. Raises Refused."""
        if self.identity.trust_domain != trust_domain:
            raise Refused(f"{self.identity} is not of the trust domain {trust_domain}")
        if lifetime <= timedelta():
            raise Refused("the lifetime must be more than nothing")


class Authority(Protocol):
    """Turns a signing request into a certificate for a registered identity of its trust domain."""

    @property
    def trust_domain(self) -> str:
        """The trust domain all its certificates belong to."""
        ...

    @property
    def bundle(self) -> bytes:
        """PEM of the roots by which its certificates are verified."""
        ...

    async def issue(
        self, request: bytes, registration: Registration, lifetime: timedelta = LEAF_LIFETIME
    ) -> Issued:
        """A certificate for the public key of `request` (PEM) and the names of `registration` only.

        Names, extensions and subject in the request are ignored; its signature must prove that the requester
        has the key. The result is an X.509-SVID: exactly one URI name, no authority, digitalSignature, both
        server and client authentication. `lifetime` counts from now and ends at latest with the issuing
        certificate. Raises Refused.
        """
        ...


async def new_credentials(
    authority: Authority, registration: Registration, lifetime: timedelta = LEAF_LIFETIME
) -> Credentials:
    """A new key and its certificate, for a server in the authority's own process. Raises Refused."""
    key = new_key()
    return Credentials(key, await authority.issue(signing_request(key), registration, lifetime))
