"""Who is calling, the API and xDS: tokens and certificates of `identity`, less what was revoked."""

import re
from datetime import UTC, datetime

from sekisho.api import User
from sekisho.app.zones.peers import ZONE_PREFIX, ZonePeers
from sekisho.identity.authority import BACKDATED
from sekisho.identity.lineage import token_of
from sekisho.identity.peer import Peer
from sekisho.identity.revocation import Revocations
from sekisho.identity.spiffe import SpiffeId
from sekisho.identity.tokens import ALL_PROXIES, Role, Token, Tokens
from sekisho.xds.tls import Peer as Verified

PROXY_ROLE = "proxy"
"""Of those who speak for certain proxies, by certificate or by token."""
EPOCH = datetime.fromtimestamp(0, UTC)
"""When a certificate was signed of which only the name is known: any revocation of its proxy ends it."""
AGENT_NODE = "agent/"
"""Begins the node id of an agent's own stream, beside that of its proxy."""

_PROXY = re.compile(r"(gateway|workload)/[^/]+/[^/]+")
"""Path of the identity of a proxy. A shorter one would be the beginning of many."""


class Peers:
    """Holders of certificates of the control plane's own authority."""

    def __init__(self, trust_domain: str, revocations: Revocations) -> None:
        self._trust_domain = trust_domain
        self.revocations = revocations
        """Certificates that are refused before their end."""

    def refusal(self, peer: Peer, node_id: str = "") -> str:
        """Why the holder of a certificate is not let in, as `node_id` if one is given; empty when it is."""
        if peer.identity.trust_domain != self._trust_domain:
            return f"the certificate is of the trust domain {peer.identity.trust_domain}"
        if not _PROXY.fullmatch(peer.identity.path):
            return "the certificate is no proxy's"
        if node_id and not peer.identity.covers(node_id.removeprefix(AGENT_NODE)):
            return f"the certificate is not for {node_id}"
        return self.revocations.refusal(peer)

    def stream_refusal(self, peer: str | None, node_id: str) -> str:
        """The same for an xDS stream: why it is not let in, or not let go on; empty when it is.

        None is somebody on a unix socket, who has no certificate: there is no such socket here.
        """
        if peer is None:
            return f"there is no certificate for {node_id}"
        return self.refusal(_peer(peer), node_id)


def _peer(verified: str) -> Peer:
    """Of what the xDS transport has verified."""
    identity = SpiffeId.parse(verified)
    if not isinstance(verified, Verified):
        return Peer(identity, 0, EPOCH)
    return Peer(identity, verified.serial, datetime.fromtimestamp(verified.not_before, UTC) + BACKDATED)


class Callers:
    """Implements `api.authentication.Authenticator`."""

    def __init__(self, tokens: Tokens, peers: Peers | None = None, zones: ZonePeers | None = None) -> None:
        """Without `peers`, certificates let no proxy in; without `zones`, no zone."""
        self._tokens = tokens
        self._peers = peers
        self._zones = zones

    async def authenticate(self, token: str) -> User | None:
        """See `Authenticator.authenticate`."""
        known = self._tokens.authenticate(token)
        return User(known.name, frozenset({_role(known)}), known.proxies, known.id) if known else None

    async def recognise(self, certificate: bytes) -> User | None:
        """See `Authenticator.recognise`: the proxy or zone it is for, and nothing but that."""
        try:
            peer = Peer.of(certificate)
        except ValueError:
            return None
        if peer.identity.path.startswith(ZONE_PREFIX):
            return self._zones.user(peer) if self._zones else None
        if self._peers is None or self._peers.refusal(peer):
            return None
        name = peer.identity.path
        return User(name, frozenset({PROXY_ROLE}), (name,), token_of(peer.serial))


def _role(token: Token) -> str:
    """An agent that does not run everything learns of nothing but its own proxies."""
    return PROXY_ROLE if token.role is Role.AGENT and token.proxies != ALL_PROXIES else token.role.value
