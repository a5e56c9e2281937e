"""An agent in a process of its own, to be killed: `python -m tests.kit.agent_process JSON`."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

from sekisho.agent.envoy import EnvoyOptions
from sekisho.agent.host import Agent, ProxySpec
from sekisho.agent.options import HostOptions
from sekisho.agent.streams import grpc_dial
from sekisho.aio.clock import SystemClock
from sekisho.identity.authority import Registration
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import Issued
from sekisho.identity.spiffe import SpiffeId
from sekisho.protos import envoy_binary


class Everything:
    """Wants one proxy and signs what it asks for."""

    def __init__(self, authority: BuiltInAuthority, proxy: str) -> None:
        self._authority = authority
        self._proxy = proxy

    async def watch(self) -> AsyncIterator[frozenset[ProxySpec]]:
        yield frozenset({ProxySpec(self._proxy)})
        await asyncio.Event().wait()

    async def sign(self, request: bytes, proxy: str, purpose: str = "control") -> Issued:
        identity = SpiffeId.make(self._authority.trust_domain, proxy)
        return await self._authority.issue(request, Registration(identity))


async def main(authority: str, trust_domain: str, proxy: str, port: int, run: str, state: str) -> None:
    everything = Everything(BuiltInAuthority(Path(authority), trust_domain), proxy)
    options = HostOptions(
        run_directory=Path(run),
        state_directory=Path(state),
        instance="host-1",
        envoy=EnvoyOptions(binary=envoy_binary(), concurrency=1, drain=1.0, deadline=10.0),
    )
    dial = grpc_dial(f"127.0.0.1:{port}", "control-plane.test")
    await Agent(options, everything, everything, dial, clock=SystemClock(), random=Random(1)).run()


if __name__ == "__main__":
    asyncio.run(main(**json.loads(sys.argv[1])))
