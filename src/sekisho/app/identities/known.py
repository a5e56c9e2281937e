"""Who is let in and who vouches for whom: what a control plane knows of identities, in its state folder."""

from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

from sekisho.aio.clock import Clock
from sekisho.app.identities.authentication import Peers
from sekisho.app.identities.spire_roots import SpireRoots
from sekisho.app.zones.peers import ZonePeers
from sekisho.app.zones.place import Mode, Place
from sekisho.control.loop import ControlLoop
from sekisho.control.trust import Trusts
from sekisho.control.trust_members import TrustMembers
from sekisho.identity.authorities import MeshAuthorities
from sekisho.identity.authority import PROXY_LIFETIME
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.revocation import Revocations
from sekisho.identity.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """Everything of one control plane."""

    authority: BuiltInAuthority
    """Its own, by which it and its proxies know each other."""
    tokens: Tokens
    revocations: Revocations
    peers: Peers
    """Which proxies are let in by certificate."""
    zones: ZonePeers | None
    """Which zones are; None where there are none."""
    trusts: Trusts
    """The authorities of the meshes."""
    spire: SpireRoots
    """The roots of what SPIRE issues in."""

    @classmethod
    def load(cls, state: Path, loop: ControlLoop, place: Place) -> "Identities":
        """Of a state folder; what is missing is made. The loop's first commit knows the meshes' authorities.

        In a global control plane, meshes get none: no proxy is there to be named by them.

        Raises AuthorityBroken, TokensBroken, RevocationsBroken.
        """
        clock: Clock = loop.clock
        revocations = Revocations(state / "revocations.json", PROXY_LIFETIME, clock)
        trusts = Trusts(MeshAuthorities(state / "meshes", clock), loop.inbox, clock)
        members = TrustMembers(loop.engine.read, loop.proxies)
        trusts.follow(members.members, members.is_registered)
        spire = SpireRoots(state / "spire", trusts, clock=clock, random=SystemRandom().random)
        zones = None
        if place.mode is Mode.GLOBAL:
            zones = ZonePeers(place.trust_domain, loop.engine.read, revocations)
        else:
            loop.on_commit += (trusts.committed, spire.committed)
        return cls(
            authority=BuiltInAuthority(state / "authority", place.trust_domain, clock),
            tokens=Tokens(state / "tokens.json", clock),
            revocations=revocations,
            peers=Peers(place.trust_domain, revocations),
            zones=zones,
            trusts=trusts,
            spire=spire,
        )
