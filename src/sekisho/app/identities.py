"""Who is let in and who vouches for whom: what a control plane knows of identities, in its state folder."""

from dataclasses import dataclass
from pathlib import Path

from sekisho.aio.clock import Clock
from sekisho.app.authentication import Peers
from sekisho.control.loop import ControlLoop
from sekisho.control.trust import Trusts
from sekisho.control.trust_members import TrustMembers
from sekisho.identity.authorities import MeshAuthorities
from sekisho.identity.authority import PROXY_LIFETIME
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.revocation import Revocations
from sekisho.identity.tokens import Tokens

TRUST_DOMAIN = "control-plane.default.sekisho.local"
"""Of the control plane (of the zone `default`) and the proxies it knows. It is no mesh's, which are called
`<mesh>.<zone>.mesh.local`: a certificate for traffic opens nothing here, and the other way round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """Everything of one control plane."""

    authority: BuiltInAuthority
    """Its own, by which it and its proxies know each other."""
    tokens: Tokens
    revocations: Revocations
    peers: Peers
    """Who is let in by certificate."""
    trusts: Trusts
    """The authorities of the meshes."""

    @classmethod
    def load(cls, state: Path, loop: ControlLoop) -> "Identities":
        """Of a state folder; what is missing is made. The loop's first commit knows the meshes' authorities.

        Raises AuthorityBroken, TokensBroken, RevocationsBroken.
        """
        clock: Clock = loop.clock
        revocations = Revocations(state / "revocations.json", PROXY_LIFETIME, clock)
        trusts = Trusts(MeshAuthorities(state / "meshes", clock), loop.inbox, clock)
        members = TrustMembers(loop.engine.read, loop.proxies)
        trusts.follow(members.members, members.is_registered)
        loop.on_commit.append(trusts.committed)
        return cls(
            authority=BuiltInAuthority(state / "authority", TRUST_DOMAIN, clock),
            tokens=Tokens(state / "tokens.json", clock),
            revocations=revocations,
            peers=Peers(TRUST_DOMAIN, revocations),
            trusts=trusts,
        )
