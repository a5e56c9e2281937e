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
from sekisho.agent.identity import ChosenIdentity
from sekisho.agent.journal import Journal, load
from sekisho.agent.keys import Keys, Purpose, Signer
from sekisho.agent.limits import connections, heap_bytes
from sekisho.agent.link import Dial, Link
from sekisho.agent.log_carrier import LogCarrier
from sekisho.agent.options import HostOptions, directory_name
from sekisho.agent.publishing import keep_publishing
from sekisho.agent.readiness import Reporter
from sekisho.agent.refusals import Refusals
from sekisho.agent.relay import Mode, Relay
from sekisho.agent.secrets import SecretServer
from sekisho.agent.snapshot import Snapshot
from sekisho.agent.streams import Records, listening
from sekisho.agent.told import Told
from sekisho.agent.workload import PREFIX, Workload
from sekisho.aio.clock import Clock
from sekisho.aio.tasks import background, run_until
from sekisho.envoy.bootstrap import Role, bootstrap
from sekisho.identity.files import private_directory
from sekisho.protos import descriptor_pool

log = structlog.get_logger()

IDENTITY_FILE = "identity.json"
"""In a proxy's state directory: by what the control plane knows it, once it has joined."""


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
        file = self._state_directory / "last-known-good"
        self._snapshot, self._journal = Snapshot(load(file)), Journal(file)
        self._keys = Keys(self._state_directory / IDENTITY_FILE, id, signer, clock=clock, random=random)
        self._tell_credentials()
        self._keys.on_renewal(self._tell_credentials)
        self._own = Keys(
            self._state_directory / "traffic.json",
            id,
            signer,
            clock=clock,
            random=random,
            purpose=Purpose.TRAFFIC,
        )
        self._identity = ChosenIdentity(self._own, clock=clock, random=random)
        self._secrets = SecretServer(id, self._identity)
        self._link = Link(id, dial, self._keys, clock=clock, random=random.random)
        self._link.reached = self._own.hurry
        self._relay = Relay(id, self._link, self._snapshot, clock=clock)
        self._envoy = Envoy(
            self._run_directory, self._bootstrap(options), options.envoy, clock=clock, random=random.random
        )
        self._logs = LogCarrier(id, clock=clock, random=random.random)
        self._refusals = Refusals(id, clock=clock)
        self._told: Told | None = None
        self._workload: Workload | None = None
        if reporter:
            self._told = Told(id, options, self._link, clock=clock, random=random)
        if reporter and self._told and id.startswith(PREFIX):
            self._workload = Workload(
                id,
                options,
                self._told.configuration,
                self._envoy,
                reporter,
                clock=clock,
                random=random,
            )

    async def run(self) -> None:
        """Runs it until cancelled. What its Envoy needs ends after its Envoy was drained."""
        needed: dict[str, Callable[[], Awaitable[None]]] = {
            "keys": self._keys.run,
            "identity": self._keep_identity,
            "link": self._link.run,
            "lines of access logs": self._logs.run,
            "last known good": partial(self._snapshot.keep_saved, self._journal, clock=self._clock),
        }
        if self._told:
            needed |= self._told.services()
            needed["outdated identity"] = partial(self._told.tell_outdated, self._own.renew_before)
        if self._workload:
            needed |= self._workload.services()
        elif self._told:
            needed["metrics"] = partial(
                keep_publishing, self.id, self._told.configuration, self._envoy.admin, self._clock
            )
        services = {f"{self.id}: {name}": self._kept_up(name, each) for name, each in needed.items()}
        user = self._options.envoy.user
        group = user.id if user else None
        async with (
            listening(
                self._xds_socket,
                self._relay.serve,
                self._secrets.serve,
                Records(self._logs.take, self._refusals.take),
                group=group,
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

    def _tell_credentials(self) -> None:
        if self._options.on_credentials and self._keys.held:
            self._options.on_credentials(self.id, self._keys.held)

    async def _keep_identity(self) -> None:
        """Nobody asks for an identity in the name of a proxy that is in no mesh."""
        await self._secrets.wanted.wait()
        await self._identity.run(self._told.configuration if self._told else None)

    async def _kept_up(self, name: str, service: Callable[[], Awaitable[None]]) -> None:
        """Starts a service again that failed: a mistake of ours must not end an Envoy that serves."""
        while True:
            try:
                await service()
            except Exception:
                log.exception("a service of the proxy failed and starts again", proxy=self.id, service=name)
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
        issued = self._keys.issued
        return ProxyStatus(
            self.id,
            self._envoy.pid,
            self._envoy.state,
            self._relay.mode,
            self._envoy.restarts,
            issued.not_after if issued else None,
            "" if self._link.up.is_set() else self._link.fault,
        )

    async def forget(self) -> None:
        """Removes everything it left on this host, an Envoy of an earlier agent too; it must not run."""
        await self._envoy.end_leftovers()
        for directory in (self._run_directory, self._state_directory):
            shutil.rmtree(directory, ignore_errors=True)

    @property
    def _xds_socket(self) -> Path:
        return socket_path(self._run_directory, "xds.sock")

    def _bootstrap(self, options: HostOptions) -> bytes:
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
