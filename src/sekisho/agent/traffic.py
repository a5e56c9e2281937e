"""The identity a proxy shows to those it calls and is called by: kept on this host, for its Envoy alone."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from random import Random

from sekisho.agent.configuration import Configuration
from sekisho.agent.identity import ChosenIdentity
from sekisho.agent.keys import Keys, Purpose, Signer
from sekisho.agent.link import Stream
from sekisho.agent.secrets import SecretServer
from sekisho.aio.clock import Clock


class Traffic:
    """The traffic identity of a proxy, none until its Envoy asks, which it only does in a mesh."""

    def __init__(self, id: str, file: Path, signer: Signer, *, clock: Clock, random: Random) -> None:
        """`file` keeps its certificate and key, where the control plane issues it."""
        self._own = Keys(file, id, signer, clock=clock, random=random, purpose=Purpose.TRAFFIC)
        self._chosen = ChosenIdentity(self._own, clock=clock, random=random)
        self._secrets = SecretServer(id, self._chosen)
        self.renew_before: Callable[[datetime], None] = self._own.renew_before
        """See Keys.renew_before."""
        self.hurry: Callable[[], None] = self._own.hurry
        """See Keys.hurry."""

    async def serve(self, envoy: Stream) -> None:
        """Serves one stream of delta SDS until Envoy ends it."""
        await self._secrets.serve(envoy)

    async def run(self, configuration: Configuration | None) -> None:
        """Once it is asked for, keeps it renewed by whom the configuration names, until cancelled."""
        await self._secrets.wanted.wait()
        await self._chosen.run(configuration)
