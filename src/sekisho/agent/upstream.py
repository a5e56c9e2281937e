"""Where a proxy is configured from: its credentials, its way to the control plane, its last known good."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from random import Random

from sekisho.agent.journal import Journal, load
from sekisho.agent.keys import Keys, Signer
from sekisho.agent.link import Dial, Link
from sekisho.agent.relay import Relay
from sekisho.agent.snapshot import Snapshot
from sekisho.aio.clock import Clock
from sekisho.identity.keys import Credentials

IDENTITY_FILE = "identity.json"
"""In a proxy's state directory: by what the control plane knows it, once it has joined."""


class Upstream:
    """The control plane, as one proxy is connected with it."""

    def __init__(
        self, id: str, directory: Path, signer: Signer, dial: Dial, *, clock: Clock, random: Random
    ) -> None:
        """`directory`: its state. Reads what an earlier run left."""
        file = directory / "last-known-good"
        self._clock = clock
        self._snapshot, self._journal = Snapshot(load(file)), Journal(file)
        self.keys = Keys(directory / IDENTITY_FILE, id, signer, clock=clock, random=random)
        self.link = Link(id, dial, self.keys, clock=clock, random=random.random)
        self.relay = Relay(id, self.link, self._snapshot, clock=clock)

    def services(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What is to run as long as the proxy does."""
        return {
            "keys": self.keys.run,
            "link": self.link.run,
            "last known good": partial(self._snapshot.keep_saved, self._journal, clock=self._clock),
        }

    def tell_credentials(self, listener: Callable[[Credentials], None]) -> None:
        """Calls it with those it has now, if any, and with each that follow."""

        def tell() -> None:
            if self.keys.held:
                listener(self.keys.held)

        tell()
        self.keys.on_renewal(tell)

    @property
    def fault(self) -> str:
        """Why the control plane is not reached; empty when it is."""
        return "" if self.link.up.is_set() else self.link.fault
