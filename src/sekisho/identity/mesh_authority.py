"""The authority of one mesh: its roots by generation, of which one signs and one or two are believed."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import structlog

from sekisho.aio.clock import Clock, SystemClock
from sekisho.identity import trust as stages
from sekisho.identity.authority import LEAF_LIFETIME, Registration
from sekisho.identity.builtin import AuthorityBroken, BuiltInAuthority
from sekisho.identity.files import private_directory, write_private
from sekisho.identity.keys import Issued
from sekisho.identity.trust import Trust

log = structlog.get_logger(__name__)

SYSTEM_CLOCK = SystemClock()


class MeshAuthority:
    """Implements `Authority`: a private folder `<generation>` for each root, and `trust.json` with the stage.

    What a step needs is made before the step is written down, and what it makes superfluous removed after: a
    crash leaves a stage whole. Raises AuthorityBroken.
    """

    def __init__(self, directory: Path, trust_domain: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self._trust_domain = trust_domain
        self._directory = private_directory(directory)
        self._clock = clock
        self._trust = self._load() or self._first()
        self._authorities = {each: self._existing(each) for each in self._trust.kept}
        self._tidy()

    def __repr__(self) -> str:
        return f"MeshAuthority({self._trust_domain!r}, {self._trust.stage})"

    @property
    def trust_domain(self) -> str:
        """See `Authority.trust_domain`."""
        return self._trust_domain

    @property
    def trust(self) -> Trust:
        """Who signs, who is believed, and how far a rotation is."""
        return self._trust

    @property
    def bundle(self) -> bytes:
        """See `Authority.bundle`; during a rotation both roots, the signing one first."""
        return b"".join(self.believed)

    @property
    def believed(self) -> tuple[bytes, ...]:
        """PEM of each root in the bundle."""
        return tuple(self._authorities[each].bundle for each in self._trust.bundle)

    @property
    def not_believed(self) -> tuple[bytes, ...]:
        """PEM of each root that is kept and not in the bundle: one that comes, or goes."""
        hidden = (each for each in self._trust.kept if each not in self._trust.bundle)
        return tuple(self._authorities[each].bundle for each in hidden)

    @property
    def signing(self) -> BuiltInAuthority:
        """The authority that signs."""
        return self._authorities[self._trust.signing]

    async def issue(
        self, request: bytes, registration: Registration, lifetime: timedelta = LEAF_LIFETIME
    ) -> Issued:
        """See `Authority.issue`."""
        issued = await self.signing.issue(request, registration, lifetime)
        return replace(issued, bundle=self.bundle)

    def begin(self) -> None:
        """Prepares a new root, and believes it. Raises trust.OutOfOrder, OSError."""
        self._step(stages.begin)
        self.advance()

    def advance(self) -> None:
        """Takes the next stage, see `trust.advance`. Raises OSError."""
        self._step(stages.advance)

    def abort(self) -> None:
        """Takes the rotation back, see `trust.abort`. Raises trust.OutOfOrder, OSError."""
        self._step(stages.abort)

    def _step(self, step: Callable[[Trust, datetime], Trust]) -> None:
        new = step(self._trust, self._clock.now())
        if new == self._trust:
            return
        authorities = {each: self._authorities.get(each) or self._authority(each) for each in new.kept}
        write_private(self._file, msgspec.json.encode(new))
        self._trust, self._authorities = new, authorities
        log.info("trust changed", trust_domain=self._trust_domain, stage=new.stage, signing=new.signing)
        self._tidy()

    @property
    def _file(self) -> Path:
        return self._directory / "trust.json"

    def _authority(self, generation: int) -> BuiltInAuthority:
        return BuiltInAuthority(self._directory / str(generation), self._trust_domain, self._clock)

    def _existing(self, generation: int) -> BuiltInAuthority:
        if not (self._directory / str(generation) / "root.crt").exists():
            raise AuthorityBroken(f"{self._directory} lost its root {generation}, which trust.json names")
        return self._authority(generation)

    def _load(self) -> Trust | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Trust)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise AuthorityBroken(f"{self._file} cannot be read: {error}") from error

    def _first(self) -> Trust:
        if set(self._generations()) - {1}:
            raise AuthorityBroken(f"{self._file} is gone, but there are roots beside it")
        self._authority(1)
        made = Trust(since=self._clock.now())
        write_private(self._file, msgspec.json.encode(made))
        return made

    def _generations(self) -> list[int]:
        return [int(each.name) for each in self._directory.iterdir() if each.name.isdecimal()]

    def _tidy(self) -> None:
        """Removes roots that have no part any more, with their keys."""
        for generation in self._generations():
            if generation not in self._trust.kept:
                shutil.rmtree(self._directory / str(generation), ignore_errors=True)
