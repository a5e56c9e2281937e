"""What a workload's proxy has beside its Envoy: the parts that the agent's own configuration drives."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from sekisho.agent.configuration import Configuration
from sekisho.agent.envoy import Envoy
from sekisho.agent.options import HostOptions
from sekisho.agent.readiness import DRAINING, Readiness, Reporter, Reporting
from sekisho.agent.sidecar import Sidecar
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
        configuration: Configuration,
        envoy: Envoy,
        reporter: Reporter,
        *,
        clock: Clock,
        random: Random,
    ) -> None:
        """`configuration`: how the control plane says that it is to be run."""
        self._clock = clock
        self._reporting = Reporting(id, reporter, clock=clock, random=random.random)
        name = id.removeprefix(PREFIX)
        self._sidecar = Sidecar(
            name, configuration, envoy, self._reporting, clock, may_capture=options.may_capture
        )

    @property
    def captured(self) -> asyncio.Event:
        """Set once what is to be captured is."""
        return self._sidecar.captured

    def services(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What is to run as long as the proxy does."""
        return {
            "sidecar": self._sidecar.run,
            "reporting": self._reporting.run,
        }

    async def leave(self, drain: float) -> None:
        """Tells that the workload drains, and gives others the time to hear it; `drain` seconds are left."""
        last = Readiness(ready=False, reason=DRAINING, message="Its proxy is ending.")
        if await self._reporting.last(last, within=min(LEAVING, drain)):
            await self._clock.sleep(min(LEAVING, drain / 2))
