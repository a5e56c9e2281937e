"""The authorities of this zone's meshes: one for each trust domain of each mesh, made at first need."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sekisho.aio.clock import Clock, SystemClock
from sekisho.identity.files import private_directory
from sekisho.identity.ledger import Ledger
from sekisho.identity.mesh_authority import MeshAuthority

SYSTEM_CLOCK = SystemClock()


class MeshAuthorities:
    """In a private folder: `<mesh>/<trust domain>/`, with an authority's files and the ledger of its holders.

    Nothing is ever removed with its Mesh: one of the same name that is made again has the same root.
    """

    def __init__(self, folder: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        """Loads what there is. Raises AuthorityBroken."""
        self._folder = private_directory(folder)
        self._clock = clock
        self._held: dict[tuple[str, str], HeldAuthority] = {}
        for mesh in sorted(each for each in self._folder.iterdir() if each.is_dir()):
            for domain in sorted(each for each in mesh.iterdir() if each.is_dir()):
                self.make(mesh.name, domain.name)

    def get(self, mesh: str, domain: str) -> "HeldAuthority | None":
        """The authority, if it was made."""
        return self._held.get((mesh, domain))

    def make(self, mesh: str, domain: str) -> "HeldAuthority":
        """The authority; made, with its root, when there is none yet.

        Raises AuthorityBroken, OSError, and ValueError when `domain` is no trust domain.
        """
        held = self._held.get((mesh, domain))
        if held is None:
            folder = private_directory(private_directory(self._folder / mesh) / domain)
            authority = MeshAuthority(folder, domain, self._clock)
            held = HeldAuthority(mesh, authority, Ledger(folder / "holders.json", self._clock))
            self._held[(mesh, domain)] = held
        return held

    def of(self, mesh: str) -> tuple["HeldAuthority", ...]:
        """Those of one mesh, by trust domain."""
        return tuple(self._held[key] for key in sorted(self._held) if key[0] == mesh)

    def __iter__(self) -> Iterator["HeldAuthority"]:
        """All of them."""
        return iter(tuple(self._held.values()))


class HeldAuthority(NamedTuple):
    """One of them."""

    mesh: str
    authority: MeshAuthority
    ledger: Ledger

    @property
    def domain(self) -> str:
        """Its trust domain."""
        return self.authority.trust_domain
