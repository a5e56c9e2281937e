"""The authorities of the meshes: what translators are told of them, and the rotation of their roots."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from sekisho.aio.clock import Clock
from sekisho.control.inbox import Inbox
from sekisho.control.trust_gates import Member, Waiting, waiting
from sekisho.engine import Read
from sekisho.identity.authorities import HeldAuthority, MeshAuthorities
from sekisho.identity.builtin import AuthorityBroken
from sekisho.identity.trust import Stage
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Authority, AuthorityState
from sekisho.translate.mesh.issuers import bundled_domains

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.2
"""How often a rotation under way looks for whom it still waits."""
SAVE_SECONDS = 2.0
"""How often the ledgers are written, if they changed; and a mesh that got no authority is tried again."""

SETTLE_SECONDS = 15.0
"""After a start in the middle of a rotation: time for proxies to come back before anything goes on, as who
is not there cannot be asked what it has acknowledged. Agents try again after 10 s at the latest."""

Members = Callable[[HeldAuthority], Iterable[Member]]
IsRegistered = Callable[[str], bool]


class Trusts:
    """Sees to it that every mesh has its authorities, tells the translators, and takes rotations forward."""

    def __init__(self, authorities: MeshAuthorities, inbox: Inbox, clock: Clock) -> None:
        """What is on the disk is told at once: it belongs to the first commit."""
        self.authorities = authorities
        self._inbox = inbox
        self._clock = clock
        self._meshes: set[str] = set()
        self._lacking: set[str] = set()
        self._without_offline: set[HeldAuthority] = set()
        self._others: dict[tuple[str, str], bytes] = {}
        """Roots (PEM) by mesh and trust domain, of those where somebody else issues."""
        self._members: Members = lambda _: ()
        self._is_registered: IsRegistered = lambda _: True
        for mesh in {held.mesh for held in authorities}:
            self._tell(mesh)

    def follow(self, members: Members, is_registered: IsRegistered) -> None:
        """Who is connected and in sync with an authority's roots, and whether a proxy is registered still."""
        self._members, self._is_registered = members, is_registered

    def heard(self, mesh: str, domain: str, roots: bytes) -> None:
        """The roots (PEM) of a trust domain in which somebody else issues; empty for none any more."""
        if roots:
            self._others[mesh, domain] = roots
        else:
            self._others.pop((mesh, domain), None)
        self._tell(mesh)

    def committed(self, leaves: Iterable[object], read: Read) -> None:
        """After a commit: gives an authority to each trust domain that has none yet."""
        for leaf in leaves:
            if isinstance(leaf, ResourceId) and leaf.kind == "Mesh":
                self._meshes.add(leaf.name)
            if isinstance(leaf, ResourceId) and leaf.kind in {"Mesh", "MeshIdentity"}:
                self._lacking |= self._meshes
        if self._lacking:
            self._provide(read)

    def _provide(self, read: Read) -> None:
        for mesh in sorted(self._lacking):
            if read.leaf(ResourceId("Mesh", "", mesh)) is None:
                self._meshes.discard(mesh)
                self._lacking.discard(mesh)
                continue
            before = self.authorities.of(mesh)
            try:
                for domain in bundled_domains(read, mesh):
                    self.authorities.make(mesh, domain)
                self._lacking.discard(mesh)
            except (AuthorityBroken, OSError, ValueError) as error:
                # Without it nobody of the mesh is believed, which is safe; the disk may be mended.
                log.error("a mesh has no authority", mesh=mesh, reason=str(error))
            if self.authorities.of(mesh) != before:
                self._tell(mesh)

    async def begin(self, held: HeldAuthority) -> None:
        """A new root is to take over. Raises trust.OutOfOrder, OSError.

        Who holds a certificate is on the disk before: a crash must not make it forget whom it waits for.
        """
        await held.ledger.save()
        held.authority.begin()
        self._changed(held)

    def abort(self, held: HeldAuthority) -> None:
        """Back to the root of before. Raises trust.OutOfOrder, OSError."""
        held.authority.abort()
        self._changed(held)

    def go_on(self, held: HeldAuthority) -> None:
        """Does not wait any more, at this stage, for proxies that are not connected."""
        self._without_offline.add(held)

    def waiting(self, held: HeldAuthority) -> tuple[Waiting, ...]:
        """Whom the next step of the rotation waits for."""
        found = waiting(held.authority.trust, held.ledger.living(), self._members(held), self._is_registered)
        skipped = held in self._without_offline
        return tuple(one for one in found if not (skipped and one.offline))

    async def run(self, read: Read) -> None:
        """Takes rotations forward and keeps the ledgers, until cancelled."""
        if self._rotating():
            await self._clock.sleep(SETTLE_SECONDS)
        while True:
            await self._clock.sleep(LOOK_SECONDS if self._rotating() else SAVE_SECONDS)
            await self._save()
            for held in self._rotating():
                self._look(held)
            if self._lacking:
                self._provide(read)

    def _rotating(self) -> list[HeldAuthority]:
        return [held for held in self.authorities if held.authority.trust.stage is not Stage.STEADY]

    def _look(self, held: HeldAuthority) -> None:
        if self.waiting(held):
            return
        try:
            held.authority.advance()
        except (OSError, AuthorityBroken) as error:
            log.error("a rotation cannot go on", trust_domain=held.domain, reason=str(error))
            return
        self._changed(held)

    def _changed(self, held: HeldAuthority) -> None:
        self._without_offline.discard(held)
        self._tell(held.mesh)

    def _tell(self, mesh: str) -> None:
        held = self.authorities.of(mesh)
        stages = [one.authority.trust.stage for one in held if one.authority.trust.stage is not Stage.STEADY]
        renewals = [one.authority.trust.renew_before for one in held]
        renew = max((moment for moment in renewals if moment is not None), default=None)
        own = [(one.domain, one.authority.bundle) for one in held]
        others = [(domain, roots) for (of, domain), roots in self._others.items() if of == mesh]
        state = AuthorityState(
            bundles=tuple(sorted([*own, *others])),
            stage=str(stages[0]) if stages else "",
            renew_before="" if renew is None else renew.isoformat(),
        )
        self._inbox.put({Authority.of(mesh): state}, self._clock.monotonic())

    async def _save(self) -> None:
        for held in self.authorities:
            try:
                await held.ledger.save()
            except OSError as error:
                log.error("live certificates are not listed on the disk", reason=str(error))
            await asyncio.sleep(0)
