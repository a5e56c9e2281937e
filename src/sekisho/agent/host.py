"""The agent: one per host, runs the proxies this host is to run, with or without a control plane."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

import msgspec
import structlog

from sekisho.agent.envoy import State, socket_path
from sekisho.agent.keys import Signer
from sekisho.agent.limits import inheritable
from sekisho.agent.link import Dial
from sekisho.agent.options import HostOptions, directory_name
from sekisho.agent.proxy import Proxy, ProxyStatus
from sekisho.agent.readiness import Reporter
from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.aio.tasks import is_ending
from sekisho.identity.files import private_directory, write_private
from sekisho.identity.rotation import Unavailable

log = structlog.get_logger()

LONGEST_PAUSE = 5.0
"""Seconds between attempts to hear which proxies are wanted, and between starts of a proxy that fails."""


class ProxySpec(NamedTuple):
    """A proxy this host is to run."""

    id: str
    """`gateway/<namespace>/<name>` or `workload/<namespace>/<name>`: the path of the SPIFFE identity by which
    the control plane knows it, and the beginning of its node's id."""


class DesiredProxies(Protocol):
    """Whoever knows which proxies this host is to run."""

    def watch(self) -> AsyncIterator[frozenset[ProxySpec]]:
        """The whole set at once, and again after each change.

        Raises `identity.rotation.Unavailable` when it cannot be known now, then or later; it is called again.
        An empty set is an answer: nothing is to run.
        """
        ...


class Agent:
    """Runs this host's proxies while `run` runs, then drains them.

    The last set of proxies is kept on disk, with all they need: started while the control plane is down, the
    agent brings up what ran before. An agent that is killed leaves its Envoys serving, and the next one takes
    them over. Its directories are its own: whoever runs it sees to it that no two share them.
    """

    def __init__(
        self,
        options: HostOptions,
        desired: DesiredProxies,
        signer: Signer,
        dial: Dial,
        reporter: Reporter | None = None,
        *,
        clock: Clock,
        random: Random,
    ) -> None:
        """Raises ValueError when the run directory's path is too long for the sockets in it."""
        socket_path(options.run_directory / directory_name("x" * 30), "admin.sock")
        self._options = options
        self._desired = desired
        self._signer = signer
        self._dial = dial
        self._reporter = reporter
        self._clock = clock
        self._random = random
        self._proxies: dict[str, Proxy] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._wanted: frozenset[str] | None = None

    async def run(self) -> None:
        """Runs until cancelled, then drains all proxies at once."""
        private_directory(self._options.run_directory)
        if self._options.envoy.user:  # its folder in there is its own; others have no business in it
            self._options.run_directory.chmod(0o711)
        private_directory(self._options.state_directory)
        inheritable()
        async with asyncio.TaskGroup() as group:
            if (stored := self._stored()) is not None:
                self._apply(stored, group)
            async for wanted in self._sets():
                self._store(wanted)
                self._apply(wanted, group)

    async def ready(self) -> None:
        """Returns when it is known which proxies are wanted and the Envoys of all of them serve."""
        while not self._is_ready():
            await self._clock.sleep(0.02)

    def _is_ready(self) -> bool:
        serving = {
            proxy.id
            for proxy in self._proxies.values()
            if proxy.status().state is State.READY and proxy.is_captured
        }
        return self._wanted is not None and self._wanted <= serving

    def status(self) -> tuple[ProxyStatus, ...]:
        """All proxies, by id; those that are draining away too."""
        return tuple(self._proxies[id_].status() for id_ in sorted(self._proxies))

    def _apply(self, wanted: frozenset[str], group: asyncio.TaskGroup) -> None:
        self._wanted = wanted
        for gone in self._tasks.keys() - wanted:
            self._tasks.pop(gone).cancel()
            group.create_task(self._forget(gone), name=f"{gone}: forget")
        for new in sorted(wanted - self._tasks.keys()):
            self._tasks[new] = group.create_task(self._keep_running(new), name=new)

    async def _keep_running(self, id: str) -> None:
        backoff = Backoff(self._random.random, first=0.1, limit=LONGEST_PAUSE)
        async with self._turns[id]:  # one that is wanted again waits for its own drain
            while True:
                try:
                    await self._run_proxy(id)
                except Exception:
                    log.exception("proxy failed", proxy=id)
                    if is_ending():
                        return
                await self._clock.sleep(backoff.next())

    async def _run_proxy(self, id: str) -> None:
        proxy = self._proxy(id)
        self._proxies[id] = proxy
        try:
            await proxy.run()
        finally:
            del self._proxies[id]

    def _proxy(self, id: str) -> Proxy:
        return Proxy(
            id,
            self._options,
            self._signer,
            self._dial,
            self._reporter,
            clock=self._clock,
            random=self._random,
        )

    async def _forget(self, id: str) -> None:
        async with self._turns[id]:  # after its drain
            if id not in (self._wanted or ()):
                await self._proxy(id).forget()

    async def _sets(self) -> AsyncIterator[frozenset[str]]:
        """What the source says, asked again for ever when it fails."""
        backoff = Backoff(self._random.random, first=0.1, limit=LONGEST_PAUSE)
        while True:
            try:
                async for specs in self._desired.watch():
                    backoff.reset()
                    yield frozenset(spec.id for spec in specs)
            except Unavailable as error:
                log.warning("the list of proxies is not available", reason=str(error))
            await self._clock.sleep(backoff.next())

    @property
    def _list(self) -> Path:
        return self._options.state_directory / "proxies.json"

    def _store(self, wanted: frozenset[str]) -> None:
        if wanted == self._wanted:
            return
        try:
            write_private(self._list, msgspec.json.encode(sorted(wanted)))
        except OSError as error:
            log.error("the list of proxies is not stored", reason=str(error))

    def _stored(self) -> frozenset[str] | None:
        try:
            return msgspec.json.decode(self._list.read_bytes(), type=frozenset[str])
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            log.error("the stored list of proxies is damaged and not used", reason=str(error))
            return None
