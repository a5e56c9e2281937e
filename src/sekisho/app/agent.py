"""The agent process: this host's proxies, or that of one workload; configured over xDS."""

import asyncio
import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import SystemRandom

import structlog

from sekisho.agent.authorities import host_authorities
from sekisho.agent.capture.plan import PROXY_USER
from sekisho.agent.envoy import EnvoyOptions, ProxyUser
from sekisho.agent.host import Agent as AgentOfHost
from sekisho.agent.host import DesiredProxies
from sekisho.agent.keys import Signer
from sekisho.agent.options import HostOptions, directory_name
from sekisho.agent.streams import grpc_dial
from sekisho.agent.upstream import IDENTITY_FILE
from sekisho.agent.workload import PREFIX
from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import run_until
from sekisho.app import logs, tether
from sekisho.app.host.caller import Caller
from sekisho.app.host.own_workload import OwnWorkload
from sekisho.app.host.proxies import HostProxies, OneWorkload
from sekisho.app.host.registration import Registration
from sekisho.app.host.reporting import ApiReporter
from sekisho.app.host.signer import ApiSigner, JoiningSigner
from sekisho.app.identities.serving import SERVER_NAME
from sekisho.app.lock import exclusive
from sekisho.app.settings import Agent as Settings
from sekisho.app.settings import BadSetting
from sekisho.app.stopping import stop_requested
from sekisho.client.kubeconfig import Access, read
from sekisho.identity.files import private_directory
from sekisho.identity.secret import Secret
from sekisho.ir.agent import AgentConfig
from sekisho.model.names import Origin, ResourceId
from sekisho.protos import envoy_binary

log = structlog.get_logger(__name__)

CLOCK = SystemClock()
Announce = Callable[[], None]
LONGEST_RUN_DIRECTORY = 60
"""Bytes of a path in which the sockets of proxies fit (unix(7): 108, less what stands below it)."""


async def agent(settings: Settings, announce: Announce) -> None:
    """Runs until SIGINT or SIGTERM, then drains. `announce` is called once it takes orders: for an agent of
    one workload, once its proxy serves and what is to be captured is.

    Raises lock.Busy, BadKubeconfig, BadSetting and protos UnusableEnvoyError.
    """
    if settings.workload and settings.workload.captures:
        become_guard()
    state = private_directory(settings.state)
    logs.configure(settings.logging)
    with exclusive(state / "agent.lock"), stop_requested() as stop:
        caller = Caller(_access(settings))
        try:
            await (_one if settings.workload else _all)(settings, caller, stop, announce)
        finally:
            await caller.close()
        _tidy(settings)
    log.info("agent ended")


def _tidy(settings: Settings) -> None:
    """Removes a run directory that is not within the state folder; no Envoy uses it any more.

    What the next start needs is in the state folder.
    """
    used = _run_directory(settings)
    if not used.is_relative_to(settings.state.resolve()):
        shutil.rmtree(used, ignore_errors=True)


async def _all(settings: Settings, caller: Caller, stop: asyncio.Event, announce: Announce) -> None:
    desired = HostProxies(caller.client())
    chosen = options(settings)
    signer = ApiSigner(caller.client(), chosen.instance)
    running = _agent(settings, desired, signer, caller, chosen)
    announce()
    await run_until(stop, {"watch proxies": desired.run(), "proxies": running.run()})


async def _one(settings: Settings, caller: Caller, stop: asyncio.Event, announce: Announce) -> None:
    own = settings.workload
    assert own is not None  # noqa: S101  the caller looked
    registration = Registration(own, caller, CLOCK)
    chosen = replace(
        options(settings),
        given=given(own),
        may_capture=own.captures,
        on_credentials=lambda _, credentials: caller.use(credentials),
    )
    signer = JoiningSigner(
        caller.access,
        caller.held,
        clock=CLOCK,
        token=Secret(token) if (token := caller.access.bearer()) else None,
        instance=chosen.instance,
    )
    running = _agent(settings, OneWorkload(str(own)), signer, caller, chosen)

    async def tell() -> None:
        await running.ready()
        announce()

    try:
        services = {"register": registration.run(), "proxy": running.run(), "announce": tell()}
        await run_until(stop, services)
    finally:
        await registration.end()


def _agent(
    settings: Settings, desired: DesiredProxies, signer: Signer, caller: Caller, options: HostOptions
) -> AgentOfHost:
    return AgentOfHost(
        options,
        desired,
        signer,
        grpc_dial(str(settings.xds), SERVER_NAME),
        ApiReporter(caller.client),
        clock=CLOCK,
        random=SystemRandom(),
    )


def _access(settings: Settings) -> Access:
    access = read(settings.kubeconfig)
    if settings.token_file is not None:
        access = replace(access, token="", token_file=settings.token_file, certificate=None)
    file = access.token_file
    if file is None or file.exists() or not (settings.workload or settings.token_file):
        return access
    if not settings.workload or not _has_joined(settings):
        raise BadSetting(f"--token-file: {file} does not exist{_HOW_TO_GET_A_TOKEN}")
    # A join token is spent by the first certificate: whoever removes its file then does well.
    log.info("there is no token; the proxy has joined before", file=str(file))
    return replace(access, token_file=None)


_HOW_TO_GET_A_TOKEN = "; `sekisho token create --join` makes one"  # noqa: S105 - a sentence


def _has_joined(settings: Settings) -> bool:
    """Whether an earlier run left a certificate, by which the control plane knows it."""
    directory = options(settings).state_directory / directory_name(f"{PREFIX}{settings.workload}")
    return (directory / IDENTITY_FILE).exists()


def become_guard() -> None:
    """Makes our connections those of the proxy's group, which are not captured. Raises BadSetting."""
    try:
        with tether.kept():
            os.setegid(PROXY_USER)
    except PermissionError as cause:
        raise BadSetting("--capture: it takes root, in a network namespace of the workload's own") from cause


def given(own: OwnWorkload) -> AgentConfig | None:
    """How the sidecar is run until the control plane says; None leaves all to it."""
    if not own.captures:
        return None
    ports = tuple(sorted(port.target for port in own.ports))
    return AgentConfig(
        account=f"{own.namespace}/{own.account or 'default'}",
        address=own.address,
        application_address=own.address,
        application_ports=ports,
        capture=own.capture,  # type: ignore[arg-type]  # parsed to be one of them
        origin=Origin(ResourceId("Workload", own.namespace, own.name)),
    )


def options(settings: Settings) -> HostOptions:
    """How the proxies of this host are run. Raises UnusableEnvoyError."""
    own = settings.workload
    user = ProxyUser(PROXY_USER, own.capture == "TransparentProxy") if own and own.captures else None
    return HostOptions(
        run_directory=_run_directory(settings),
        state_directory=settings.state / "proxies",
        instance=socket.gethostname().lower() or "host",
        authorities=settings.authorities.absolute() if settings.authorities else host_authorities(),
        envoy=EnvoyOptions(
            binary=envoy_binary(),
            concurrency=settings.concurrency or None,
            drain=settings.drain,
            deadline=2 * settings.drain,
            user=user,
        ),
    )


def _run_directory(settings: Settings) -> Path:
    own = settings.workload
    return run_directory(settings.state, shared=own is not None and own.captures)


def run_directory(state: Path, *, shared: bool = False) -> Path:
    """Where sockets are: in the state folder, or where that path is too long for sockets, in /tmp.

    `shared`: another user, the proxy's, has to get there, which it does not through a private folder.
    The same state folder always has the same run directory, so that an agent finds the Envoys of its
    predecessor.
    """
    inside = state.resolve() / "run"
    digest = hashlib.sha256(bytes(inside)).hexdigest()[:12]
    if shared:
        return Path("/run") / f"sekisho-{digest}"
    if len(bytes(inside)) <= LONGEST_RUN_DIRECTORY:
        return inside
    return Path(tempfile.gettempdir()) / f"sekisho-{os.getuid()}-{digest}"
