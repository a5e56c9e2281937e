"""The zones that a global control plane knows by their certificates: who may come in, and as what."""

from datetime import datetime

from sekisho.api import User
from sekisho.engine import Read
from sekisho.identity.lineage import token_of
from sekisho.identity.peer import Peer
from sekisho.identity.revocation import Revocations
from sekisho.model.names import ResourceId

ZONE_PREFIX = "zone/"
"""Begins the path of a zone's identity, `zone/<name>`, which is its name among the proxies, too."""
MEMBER_ROLE = "zone-member"
"""Of a zone's control plane: it mirrors what crosses, and reports how it is."""
DISABLED_ROLE = "zone-disabled"
"""Of one that was disabled: it keeps its certificate alive, so that enabling it is all it takes."""


def zone_of(user: User) -> str:
    """The zone that a caller is by its certificate, be it disabled; empty for one that is none."""
    return user.name.removeprefix(ZONE_PREFIX) if user.roles & {MEMBER_ROLE, DISABLED_ROLE} else ""


class ZonePeers:
    """Holders of certificates for zones. A Zone object is what makes a zone one of ours."""

    def __init__(self, trust_domain: str, read: Read, revocations: Revocations) -> None:
        """`trust_domain`: of the global control plane, which signs the certificates."""
        self._trust_domain = trust_domain
        self._read = read
        self._revocations = revocations

    def exists(self, name: str) -> bool:
        """Whether there is such a Zone, as far as the last commit knows."""
        return self._read.leaf(_id(name)) is not None

    def user(self, peer: Peer) -> User | None:
        """Who the holder of a certificate is; None for one that is not let in."""
        if self.refusal(peer):
            return None
        path = peer.identity.path
        enabled = self._read.leaf(_id(path.removeprefix(ZONE_PREFIX))).spec.enabled
        role = MEMBER_ROLE if enabled else DISABLED_ROLE
        return User(path, frozenset({role}), (path,), token_of(peer.serial))

    def refusal(self, peer: Peer) -> str:
        """Why the holder of a certificate is not let in; empty when it is."""
        if peer.identity.trust_domain != self._trust_domain:
            return f"the certificate is of the trust domain {peer.identity.trust_domain}"
        name = peer.identity.path.removeprefix(ZONE_PREFIX)
        if name == peer.identity.path:
            return "the certificate is no zone's"
        zone = self._read.leaf(_id(name))
        if zone is None:
            return f"there is no zone {name}"
        if _made(zone.metadata.creation_timestamp) > peer.issued:
            return f"the certificate is of an earlier zone {name}"
        return self._revocations.refusal(peer)


def _id(name: str) -> ResourceId:
    return ResourceId("Zone", "", name)


def _made(creation_timestamp: str) -> datetime:
    return datetime.fromisoformat(creation_timestamp)
