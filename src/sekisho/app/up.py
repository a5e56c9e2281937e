"""`sekisho up`: a control plane, an agent and sample services around a folder of YAML that is edited."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from watchfiles import awatch

from sekisho.aio.tasks import run_until
from sekisho.app import ports
from sekisho.app.folder import programs, sekisho_toml, workload_programs
from sekisho.app.folder.applying import Applier, Outcome
from sekisho.app.folder.manifests import SUFFIXES, Folder, Manifest
from sekisho.app.folder.troubles import Troubles
from sekisho.app.folder.urls import programmed
from sekisho.app.identities import selfsigned
from sekisho.app.lock import exclusive
from sekisho.app.processes import Command, Starter, own, ready_facts, start
from sekisho.app.settings import Address, Up
from sekisho.app.stopping import stop_requested
from sekisho.app.supervisor import Supervisor
from sekisho.app.voice import Voice
from sekisho.app.zones.place import Mode
from sekisho.client import Client, Unavailable, Unreachable
from sekisho.identity.files import private_directory, write_private

MANAGER = "sekisho-up"
"""Field manager of what is applied from the folder."""
GATEWAYS_WITHIN = 20.0
"""Seconds the gateways get to be programmed before we say that they are not."""
WORKLOAD_GRACE = 0.8
AGENT_GRACE = 2.5
REST_GRACE = 1.5
"""Seconds to end in: together below the five seconds a person waits for Ctrl-C."""
SIDECAR_WITHIN = 20.0
"""Seconds the sidecar of a program gets to serve before we say that it does not, and wait on."""
_RETRY = 0.2
"""Seconds between attempts while the control plane is started again."""
_SETTLE_MS = 40
"""Editors write a file in several steps; what comes within this time is one edit."""

Then = Callable[[Client], Awaitable[bool | None]]
"""What to do once everything serves: returns whether it went well, which ends `up`, or None to go on."""


async def up(settings: Up, voice: Voice, *, then: Then | None = None, starter: Starter = start) -> bool:
    """Runs until Ctrl-C or SIGTERM, or until `then` is done; returns whether all went well.

    Raises lock.Busy when another `up` uses the state folder, ports.PortBusy, processes.Ended when a part does
    not start, and Invalid for a broken `sekisho.toml`.
    """
    private_directory(settings.state)
    with exclusive(settings.state / "up.lock"), stop_requested() as stop:
        running = Run(settings, voice, starter, stop)
        try:
            await run_until(stop, {"up": running.run(then)})
        finally:
            await running.end()
        return running.went_well


class Run:
    """One folder that runs: its control plane, its agent, its programs."""

    def __init__(self, settings: Up, voice: Voice, starter: Starter, stop: asyncio.Event) -> None:
        """`stop` is set once `then` has said whether all went well."""
        self.went_well = True
        self.supervisor = Supervisor(starter, voice)
        self.commands: dict[str, Command] = {}
        """What the supervisor keeps, by name."""
        self._settings = settings
        self._has_proxies = settings.place.mode is not Mode.GLOBAL
        self._voice = voice
        self._stop = stop
        self._folder = Folder(settings.folder)
        self._needs = sekisho_toml.read(settings.folder)
        self._logs = settings.state / "logs"
        self._edited = asyncio.Event()
        self._has_mistakes = False
        """Whether the last reading of the folder found some."""

    async def run(self, then: Then | None) -> None:
        for service in self._needs.services:
            ports.check("127.0.0.1", service.port, f"service {service.name}")
        control_plane, addresses = await self._start_control_plane()
        unmeshed = [
            programs.command(service, self._settings.folder, self._logs)
            for service in self._needs.services
            if not service.workload
        ]
        for program in unmeshed:
            await self.supervisor.launch(program)
        async with (
            Client.from_kubeconfig(self._settings.state / "kubeconfig") as client,
            asyncio.TaskGroup() as group,
        ):
            for command in (control_plane, *unmeshed):
                self._keep(group, command)
            if self._has_proxies:
                group.create_task(self._run_agent(self._agent(addresses)), name="keep the agent")
            await self._serve(client, group, then)

    def _keep(self, group: asyncio.TaskGroup, command: Command) -> None:
        self.commands[command.name] = command
        group.create_task(self.supervisor.keep(command), name=f"keep {command.name}")

    async def _run_agent(self, agent: Command) -> None:
        self.commands[agent.name] = agent
        await self.supervisor.launch(agent)
        self._voice.done("agent")
        await self.supervisor.keep(agent)

    async def end(self) -> None:
        """Programs with a sidecar first, as they need theirs to the end; then the agent, which lets its
        proxies finish what they are serving; then all others.
        """
        if self.supervisor.is_running:
            self._voice.note("ending")
        meshed = [f"service {service.name}" for service in self._needs.services if service.workload]
        await self.supervisor.stop(meshed, WORKLOAD_GRACE)
        await self.supervisor.stop(["agent"], AGENT_GRACE)
        names = [f"service {service.name}" for service in self._needs.services]
        await self.supervisor.stop(["control plane", *names], REST_GRACE)

    async def _serve(self, client: Client, group: asyncio.TaskGroup, then: Then | None) -> None:
        applier = Applier(client, manager=MANAGER, set_name=set_name(self._settings.folder))
        await self._apply_certificates(client)
        await self._apply(applier, first=True)
        if removed := await applier.remove_sets(_is_of_up):
            self._voice.note(f"removed {len(removed)} resources that `up` applied from another folder before")
        async with asyncio.TaskGroup() as starting:
            for service in self._needs.services:
                if service.workload:
                    starting.create_task(self._start_meshed(client, service, group), name=service.name)
        await self._wait_for_services(client)
        await self._tell_sites(client)
        troubles = Troubles(client, self._voice, self._folder.line_of)
        troubles.follow(self._folder.kinds)
        group.create_task(troubles.tell(), name="tell of troubles")
        group.create_task(self._watch_files(), name="watch files")
        if then is not None and (went_well := await then(client)) is not None:
            self.went_well = went_well
            self._stop.set()
            return
        self._voice.note(f"following edits of {self._settings.folder}; Ctrl-C ends everything")
        self._edited.set()  # what was edited since the first reading came before anybody watched
        while True:
            await self._edited.wait()
            self._edited.clear()
            await self._apply(applier, first=False)
            troubles.follow(self._folder.kinds)

    async def _start_meshed(
        self, client: Client, service: sekisho_toml.Service, group: asyncio.TaskGroup
    ) -> None:
        """Starts a program once its sidecar serves, so that its first call finds the way."""
        found = await workload_programs.find(client, service.workload)
        if found is None:
            self._voice.trouble(
                f"service {service.name} is not started",
                f"There is no Workload {service.workload} with a sidecar in {self._settings.folder}.",
            )
            return
        while not await programs.all_connect(found.sidecar, SIDECAR_WITHIN):
            self._voice.trouble(f"the sidecar of {service.workload} does not serve", "See `sekisho status`.")
        command = programs.command(service, self._settings.folder, self._logs, found.variables)
        await self.supervisor.launch(command)
        self._keep(group, command)

    async def _start_control_plane(self) -> tuple[Command, Mapping[str, str]]:
        """Started again, it keeps the ports that it chose the first time."""
        settings = self._settings
        command = self._control_plane(settings.api, settings.xds)
        addresses = ready_facts(await self.supervisor.launch(command))
        self._voice.done("control plane", f"https://{addresses['api']}, {settings.state / 'kubeconfig'}")
        api = Address.parse(addresses["api"], "api")
        xds = Address.parse(addresses["xds"], "xds") if self._has_proxies else settings.xds
        return self._control_plane(api, xds), addresses

    def _control_plane(self, api: Address, xds: Address) -> Command:
        settings = self._settings
        arguments = ["control-plane", "--state", str(settings.state), "--api", str(api), "--xds", str(xds)]
        arguments += ["--log-level", settings.level, "--drain", "1", *settings.place.flags]
        return Command(
            name="control plane",
            arguments=own(*arguments),
            log=self._logs / "control-plane.log",
            announces=True,
        )

    def _agent(self, addresses: Mapping[str, str]) -> Command:
        state = self._settings.state / "agent"
        arguments = ["agent", "--state", str(state), "--kubeconfig", str(state / "kubeconfig")]
        arguments += ["--xds", addresses["xds"], "--log-level", self._settings.level, "--drain", "1"]
        return Command(name="agent", arguments=own(*arguments), log=self._logs / "agent.log", announces=True)

    async def _apply(self, applier: Applier, *, first: bool) -> None:
        """Brings the folder to the API; while the control plane is away, tries again until it is back."""
        reading = self._folder.read()
        self._voice.problems(reading.problems)
        outcome = await _brought(applier, reading.manifests)
        self._voice.problems(outcome.problems)
        if self._has_mistakes and not reading.problems:
            self._voice.done("no mistakes in the files any more")
        self._has_mistakes = bool(reading.problems)
        if first:
            self._voice.done(f"applied {len(outcome.applied)} resources", str(self._settings.folder))
        elif outcome.applied or outcome.pruned:
            changes = [f"changed {id_.shown}" for id_ in outcome.applied] + [
                f"removed {id_.shown}" for id_ in outcome.pruned
            ]
            self._voice.note(", ".join(changes))

    async def _apply_certificates(self, client: Client) -> None:
        folder = private_directory(self._settings.state / "certificates")
        for wanted in self._needs.certificates:
            namespace, name = wanted.secret.split("/")
            path = folder / f"{namespace}.{name}.json"
            await client.apply(_namespace(namespace), manager=MANAGER, force=True)
            await client.apply(_secret(path, namespace, name, wanted.hostnames), manager=MANAGER, force=True)
            self._voice.done(
                f"certificate {wanted.secret}", f"self-signed, for {', '.join(wanted.hostnames)}"
            )

    async def _wait_for_services(self, client: Client) -> None:
        for service in self._needs.services:
            if await programs.answers(service) and await self._is_called(client, service):
                self._voice.done(f"service {service.name}", f"127.0.0.1:{service.port}")
            else:
                log = self._logs / f"service-{service.name}.log"
                self._voice.trouble(
                    f"service {service.name} does not listen on {service.port}, or is not ready",
                    f"See {log}.",
                )

    async def _is_called(self, client: Client, service: sekisho_toml.Service) -> bool:
        """Whether others call a service in time, for which its probe has to have passed."""
        return not service.workload or await workload_programs.becomes_ready(
            client, service.workload, SIDECAR_WITHIN
        )

    async def _tell_sites(self, client: Client) -> None:
        for key, urls in sorted((await programmed(client, GATEWAYS_WITHIN)).items()):
            if urls:
                self._voice.done(f"gateway {key.namespace}/{key.name}", ", ".join(urls))
            else:
                self._voice.trouble(
                    f"gateway {key.namespace}/{key.name} is not ready", "See `sekisho status`."
                )

    async def _watch_files(self) -> None:
        async for changes in awatch(
            self._settings.folder, watch_filter=_is_ours, step=_SETTLE_MS, debounce=10 * _SETTLE_MS
        ):
            files = {Path(path) for _, path in changes}
            if any(path.name == sekisho_toml.FILE for path in files):
                self._voice.note(f"{sekisho_toml.FILE} counts from the next start on: end and start again")
            if any(path.suffix in SUFFIXES for path in files):
                self._edited.set()


async def _brought(applier: Applier, manifests: Sequence[Manifest]) -> Outcome:
    """Tries again while the control plane is away; it may have lost nothing, but then everything is sent."""
    while True:
        try:
            return await applier.bring(manifests)
        except (Unreachable, Unavailable):
            applier.forget()
            await asyncio.sleep(_RETRY)


def set_name(folder: Path) -> str:
    """The set (a label value) of what comes from a folder: its name for people, a digest against mix-ups."""
    resolved = folder.resolve()
    readable = re.sub(r"[^a-z0-9]+", "-", resolved.name.lower()).strip("-")[:40] or "folder"
    return f"up-{readable}-{hashlib.sha256(str(resolved).encode()).hexdigest()[:12]}"


def _is_of_up(name: str) -> bool:
    """Whether a set was made by `set_name`, for whichever folder."""
    return re.fullmatch(r"up-[a-z0-9-]+-[0-9a-f]{12}", name) is not None


def _is_ours(_change: object, path: str) -> bool:
    return Path(path).suffix in SUFFIXES or Path(path).name == sekisho_toml.FILE


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _secret(path: Path, namespace: str, name: str, hostnames: tuple[str, ...]) -> dict[str, Any]:
    """The Secret kept in `path`, made when there is none, or when it is for other names or ends soon."""
    kept = selfsigned.kept(path, hostnames)
    if kept is None:
        kept = selfsigned.secret(namespace, name, hostnames)
        write_private(path, msgspec.json.encode(kept))
    return kept
