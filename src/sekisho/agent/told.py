"""What the control plane tells the agent beside one proxy, kept for when it is away."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from random import Random

from sekisho.agent.configuration import Configuration
from sekisho.agent.journal import Journal, load
from sekisho.agent.link import Link
from sekisho.agent.options import HostOptions, directory_name
from sekisho.agent.snapshot import Snapshot
from sekisho.aio.clock import Clock


class Told:
    """The configuration of one proxy's agent, with its last known good."""

    def __init__(self, id: str, options: HostOptions, link: Link, *, clock: Clock, random: Random) -> None:
        """`id`: `workload/<namespace>/<name>` or `gateway/…`. Reads what an earlier run left."""
        self._clock = clock
        file = options.state_directory / directory_name(id) / "agent-last-known-good"
        self._snapshot, self._journal = Snapshot(load(file)), Journal(file)
        self.configuration = Configuration(
            id,
            f"agent/{id}/{options.instance}",
            link,
            self._snapshot,
            clock=clock,
            random=random.random,
            given=options.given,
        )
        """What the control plane says how to run it."""

    def services(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What is to run as long as the proxy does."""
        return {
            "configuration": self.configuration.run,
            "its last known good": partial(self._snapshot.keep_saved, self._journal, clock=self._clock),
        }

    async def tell_outdated(self, renew_before: Callable[[datetime], None]) -> None:
        """Calls it with the moment before which identities are outdated, if there is one, until cancelled."""
        told = ""
        async for _ in self.configuration.changes():
            config = self.configuration.sidecar
            if config is not None and config.renew_before not in {"", told}:
                told = config.renew_before
                renew_before(datetime.fromisoformat(told))
