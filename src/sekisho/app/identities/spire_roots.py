"""The roots of trust domains in which SPIRE issues: followed from its agent on this host, and kept."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.aio.tasks import run_until
from sekisho.control.trust import Trusts
from sekisho.engine import Read
from sekisho.identity import workload_api
from sekisho.identity.files import private_directory, write_private
from sekisho.identity.rotation import Unavailable
from sekisho.model.names import ResourceId
from sekisho.model.spiffe import SCHEME
from sekisho.translate.mesh.issuers import followed_domains

log = structlog.get_logger(__name__)

_BETWEEN = "@"
"""Mesh and trust domain in the name of a file; it can stand in neither."""


class Followed(NamedTuple):
    """A trust domain of a mesh."""

    mesh: str
    domain: str


class SpireRoots:
    """Tells the trusts of each root that comes or goes, and after a restart of those that there were."""

    def __init__(self, folder: Path, trusts: Trusts, *, clock: Clock, random: Callable[[], float]) -> None:
        """What `folder` keeps is told at once: it belongs to the first commit. `random` spreads attempts."""
        self._folder = private_directory(folder)
        self._trusts = trusts
        self._clock = clock
        self._random = random
        self._meshes: set[str] = set()
        self._wanted: dict[Followed, str] = {}
        self._changed = asyncio.Event()
        self._known: dict[Followed, bytes] = {}
        for file in sorted(self._folder.glob(f"*{_BETWEEN}*.pem")):
            self._use(Followed(*file.stem.split(_BETWEEN, 1)), file.read_bytes())

    def committed(self, leaves: Iterable[object], read: Read) -> None:
        """After a commit: finds out which trust domains are to be followed now, and where."""
        touched = {leaf for leaf in leaves if isinstance(leaf, ResourceId)}
        touched = {leaf for leaf in touched if leaf.kind in {"Mesh", "MeshIdentity"}}
        if not touched:
            return
        self._meshes |= {leaf.name for leaf in touched if leaf.kind == "Mesh"}
        self._meshes = {mesh for mesh in self._meshes if read.leaf(ResourceId("Mesh", "", mesh)) is not None}
        wanted = {
            Followed(mesh, domain): socket
            for mesh in sorted(self._meshes)
            for domain, socket in followed_domains(read, mesh)
        }
        for gone in self._known.keys() - wanted.keys():
            self._forget(gone)
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self) -> None:
        """Follows those that are wanted, until cancelled."""
        while True:
            self._changed.clear()
            services = {
                f"roots of {key.domain}": self._follow(key, self._wanted[key]) for key in self._wanted
            }
            await run_until(self._changed, services)

    async def _follow(self, key: Followed, socket: str) -> None:
        backoff = Backoff(self._random, first=workload_api.FIRST_PAUSE, limit=workload_api.LONGEST_PAUSE)
        fault = ""
        while True:
            try:
                async with aclosing(workload_api.bundles(Path(socket))) as responses:
                    async for response in responses:
                        backoff.reset()
                        fault = self._tell(key, self._hear(key, response), fault)
            except Unavailable as error:
                fault = self._tell(key, str(error), fault)
            await self._clock.sleep(backoff.next())

    def _hear(self, key: Followed, response: Any) -> str:
        """Why it is of no use, which leaves the roots of before in use; empty when it is."""
        try:
            roots = workload_api.pem_of(response.bundles.get(f"{SCHEME}{key.domain}", b""))
        except ValueError as error:
            return f"those that it has are unusable: {error}"
        if not roots:
            return f"it knows those of {', '.join(sorted(response.bundles)) or 'no trust domain'} only"
        if roots != self._known.get(key):
            log.info("roots from SPIRE", trust_domain=key.domain, certificates=roots.count(b"BEGIN"))
            self._use(key, roots)
            self._keep(key, roots)
        return ""

    def _tell(self, key: Followed, fault: str, before: str) -> str:
        """Once, and again when it comes after a time without."""
        if fault and fault != before:
            socket = self._wanted.get(key, "")
            log.error("no roots from SPIRE", trust_domain=key.domain, socket=socket, reason=fault)
        return fault

    def _use(self, key: Followed, roots: bytes) -> None:
        self._known[key] = roots
        self._trusts.heard(key.mesh, key.domain, roots)

    def _keep(self, key: Followed, roots: bytes) -> None:
        try:
            write_private(self._file(key), roots)
        except OSError as error:  # they are good in memory; only a restart without SPIRE would miss them
            log.error("roots from SPIRE not stored", trust_domain=key.domain, reason=str(error))

    def _forget(self, key: Followed) -> None:
        del self._known[key]
        self._trusts.heard(key.mesh, key.domain, b"")
        try:
            self._file(key).unlink(missing_ok=True)
        except OSError as error:  # the first commit after a restart forgets them again
            log.error("roots from SPIRE not removed", trust_domain=key.domain, reason=str(error))

    def _file(self, key: Followed) -> Path:
        return self._folder / f"{key.mesh}{_BETWEEN}{key.domain}.pem"
