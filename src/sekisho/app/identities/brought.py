"""Authorities that operators bring along in Secrets, made when they are asked and again when those change."""

from sekisho.engine import Read
from sekisho.identity.authority import Refused
from sekisho.identity.brought import BroughtAuthority
from sekisho.model.core import Secret
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.brought import brought_roots


class Brought:
    """Keeps the newest of each Secret and trust domain."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._made: dict[tuple[ResourceId, str], tuple[Secret, BroughtAuthority]] = {}

    def authority(self, secret: ResourceId, trust_domain: str) -> BroughtAuthority:
        """Raises Refused, with the reason, where the Secret is missing or of no use."""
        resource: Secret | None = self._read.leaf(secret)
        if resource is None:
            self._made.pop((secret, trust_domain), None)
            raise Refused(f"the authority of {trust_domain} is to be in {secret}, which does not exist")
        made = self._made.get((secret, trust_domain))
        if made is not None and made[0] is resource:
            return made[1]
        try:
            authority = BroughtAuthority(
                trust_domain,
                resource.data.get("tls.crt", b""),
                resource.data.get("tls.key", b""),
                brought_roots(self._read, secret),
            )
        except ValueError as cause:
            raise Refused(f"the authority of {trust_domain} in {secret} is of no use: {cause}") from cause
        self._made[secret, trust_domain] = resource, authority
        return authority
