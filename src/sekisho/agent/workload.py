"""What a workload's proxy has beside its Envoy: its own configuration, and the parts that this drives."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from random import Random

from sekisho.agent.configuration import Configuration
from sekisho.agent.envoy import Envoy
from sekisho.agent.link import Link
from sekisho.agent.options import HostOptions, directory_name
from sekisho.agent.readiness import DRAINING, Readiness, Reporter, Reporting
from sekisho.agent.sidecar import Sidecar
from sekisho.agent.snapshot import Snapshot, load
from sekisho.aio.clock import Clock

PREFIX = "workload/"
"""Ids of such proxies are `workload/<namespace>/<name>`."""
LEAVING = 1.0
"""Seconds, at most, from the word that a workload drains until it does: others stop calling it meanwhile."""


class Workload:
    """The agent's side of one workload."""

    def __init__(
        self,
        id: str,
        options: HostOptions,
        link: Link,
        envoy: Envoy,
        reporter: Reporter,
        *,
        clock: Clock,
        random: Random,
    ) -> None:
        """Reads what an earlier run left."""
        self._clock = clock
        self._file = options.state_directory / directory_name(id) / "agent-last-known-good"
        self._snapshot = Snapshot(load(self._file))
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
        self._reporting = Reporting(id, reporter, clock=clock, random=random.random)
        name = id.removeprefix(PREFIX)
        self._sidecar = Sidecar(
            name, self.configuration, envoy, self._reporting, clock, may_capture=options.may_capture
        )

    @property
    def captured(self) -> asyncio.Event:
        """Set once what is to be captured is."""
        return self._sidecar.captured

    async def tell_outdated(self, renew_before: Callable[[datetime], None]) -> None:
        """Calls it with the moment before which identities are outdated, if there is one, until cancelled."""
        told = ""
        async for _ in self.configuration.changes():
            config = self.configuration.sidecar
            if config is not None and config.renew_before not in {"", told}:
                told = config.renew_before
                renew_before(datetime.fromisoformat(told))

    def services(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What is to run as long as the proxy does."""
        return {
            "configuration": self.configuration.run,
            "its last known good": partial(self._snapshot.keep_saved, self._file, clock=self._clock),
            "sidecar": self._sidecar.run,
            "reporting": self._reporting.run,
        }

    async def leave(self, drain: float) -> None:
        """Tells that the workload drains, and gives others the time to hear it; `drain` seconds are left."""
        last = Readiness(ready=False, reason=DRAINING, message="Its proxy is ending.")
        if await self._reporting.last(last, within=min(LEAVING, drain)):
            await self._clock.sleep(min(LEAVING, drain / 2))
