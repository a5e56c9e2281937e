"""One proxy of this host: its keys, its way to the control plane, its relay, its Envoy, all together."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

import structlog
from google.protobuf import json_format

from sekisho.agent.envoy import Envoy, State, run_directory, socket_path
from sekisho.agent.keys import Signer
from sekisho.agent.limits import connections, heap_bytes
from sekisho.agent.link import Dial
from sekisho.agent.log_carrier import LogCarrier
from sekisho.agent.options import HostOptions, directory_name
from sekisho.agent.publishing import keep_publishing
from sekisho.agent.readiness import Reporter
from sekisho.agent.refusals import Refusals
from sekisho.agent.relay import Mode
from sekisho.agent.streams import Records, listening
from sekisho.agent.told import Told
from sekisho.agent.traffic import Traffic
from sekisho.agent.upstream import Upstream
from sekisho.agent.workload import PREFIX, Workload
from sekisho.aio.clock import Clock
from sekisho.aio.tasks import background, is_ending, run_until
from sekisho.envoy.bootstrap import Role, bootstrap
from sekisho.identity.files import private_directory
from sekisho.protos import descriptor_pool

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ProxyStatus:
    """One proxy, as `sekisho status` shows it."""

    id: str
    pid: int | None
    state: State
    mode: Mode
    restarts: int
    certificate_expires: datetime | None
    fault: str
    """Why the control plane is not reached; empty when it is."""


class Proxy:
    """Runs one proxy for as long as `run` runs; then drains it."""

    def __init__(
        self,
        id: str,
        options: HostOptions,
        signer: Signer,
        dial: Dial,
        reporter: Reporter | None = None,
        *,
        clock: Clock,
        random: Random,
    ) -> None:
        """`id`: `gateway/<namespace>/<name>` or `workload/…`. Reads what an earlier run left. Without a
        `reporter`, it is an Envoy and nothing beside it."""
        self.id = id
        self._clock = clock
        self._options = options
        self._run_directory = run_directory(options.run_directory / directory_name(id), options.envoy.user)
        self._state_directory = private_directory(options.state_directory / directory_name(id))
        self._traffic = Traffic(
            id, self._state_directory / "traffic.json", signer, clock=clock, random=random
        )
        self._upstream = Upstream(id, self._state_directory, signer, dial, clock=clock, random=random)
        self._upstream.link.reached = self._traffic.hurry
        if options.on_credentials:
            self._upstream.tell_credentials(partial(options.on_credentials, id))
        self._envoy = Envoy(
            self._run_directory, self._bootstrap(), options.envoy, clock=clock, random=random.random
        )
        self._logs = LogCarrier(id, clock=clock, random=random.random)
        self._refusals = Refusals(id, clock=clock)
        self._told = Told(id, options, self._upstream.link, clock=clock, random=random) if reporter else None
        self._workload = self._beside(reporter, random)

    def _beside(self, reporter: Reporter | None, random: Random) -> Workload | None:
        if not (reporter and self._told and self.id.startswith(PREFIX)):
            return None
        return Workload(
            self.id,
            self._options,
            self._told.configuration,
            self._envoy,
            reporter,
            clock=self._clock,
            random=random,
        )

    async def run(self) -> None:
        """Runs it until cancelled. What its Envoy needs ends after its Envoy was drained."""
        services = {
            f"{self.id}: {name}": self._kept_up(name, each) for name, each in self._services().items()
        }
        user = self._options.envoy.user
        async with (
            listening(
                self._xds_socket,
                self._upstream.relay.serve,
                self._traffic.serve,
                Records(self._logs.take, self._refusals.take),
                group=user.id if user else None,
            ),
            background(run_until(asyncio.Event(), services), name=f"{self.id}: what it needs"),
            background(self._envoy.run(), name=f"{self.id}: envoy") as envoy,
        ):
            try:
                await asyncio.shield(envoy)
            except asyncio.CancelledError:
                if self._workload and not envoy.done():
                    await self._workload.leave(self._options.envoy.drain)
                raise

    def _services(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What its Envoy needs, by name."""
        configuration = self._told.configuration if self._told else None
        needed = self._upstream.services() | {
            "identity": partial(self._traffic.run, configuration),
            "lines of access logs": self._logs.run,
        }
        if self._told:
            needed |= self._told.services()
            needed["outdated identity"] = partial(self._told.tell_outdated, self._traffic.renew_before)
        if self._workload:
            needed |= self._workload.services()
        elif configuration:
            needed["metrics"] = partial(
                keep_publishing, self.id, configuration, self._envoy.admin, self._clock
            )
        return needed

    async def _kept_up(self, name: str, service: Callable[[], Awaitable[None]]) -> None:
        """Starts a service again that failed: a mistake of ours must not end an Envoy that serves.

        One that nobody cancelled, too, as whoever waits for something cancelled is: it would end in silence.
        """
        while True:
            try:
                await service()
            except asyncio.CancelledError:
                if is_ending():
                    raise
                log.exception("a service of the proxy was cancelled by nobody", proxy=self.id, service=name)
            except Exception:
                log.exception("a service of the proxy failed", proxy=self.id, service=name)
                if is_ending():
                    return
            await self._clock.sleep(1.0)

    async def ready(self) -> None:
        """Returns when its Envoy serves, and what is to be captured is."""
        await self._envoy.ready()
        if self._workload:
            await self._workload.captured.wait()

    @property
    def is_captured(self) -> bool:
        """Whether what is to be captured is; nothing is, for most."""
        return self._workload is None or self._workload.captured.is_set()

    def status(self) -> ProxyStatus:
        """How it is now."""
        issued = self._upstream.keys.issued
        return ProxyStatus(
            self.id,
            self._envoy.pid,
            self._envoy.state,
            self._upstream.relay.mode,
            self._envoy.restarts,
            issued.not_after if issued else None,
            self._upstream.fault,
        )

    async def forget(self) -> None:
        """Removes everything it left on this host, an Envoy of an earlier agent too; it must not run."""
        await self._envoy.end_leftovers()
        for directory in (self._run_directory, self._state_directory):
            shutil.rmtree(directory, ignore_errors=True)

    @property
    def _xds_socket(self) -> Path:
        return socket_path(self._run_directory, "xds.sock")

    def _bootstrap(self) -> bytes:
        options = self._options
        message = bootstrap(
            node_id=f"{self.id}/{options.instance}",
            xds_socket=str(self._xds_socket),
            admin_socket=str(socket_path(self._run_directory, "admin.sock")),
            max_heap_bytes=options.heap or heap_bytes(),
            max_connections=connections(options.connections),
            zone=options.zone,
            role=Role.SIDECAR if self.id.startswith(PREFIX) else Role.GATEWAY,
            authorities=str(options.authorities or ""),
        )
        # Sorted: equal bootstraps must be equal bytes in every process, or no Envoy would ever be adopted.
        return json_format.MessageToJson(message, sort_keys=True, descriptor_pool=descriptor_pool()).encode()
