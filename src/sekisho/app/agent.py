"""The agent process: this host's proxies, wanted by the API, configured over xDS."""

import hashlib
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

import structlog

from sekisho.agent.envoy import EnvoyOptions
from sekisho.agent.host import Agent
from sekisho.agent.options import HostOptions
from sekisho.agent.streams import grpc_dial
from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import run_until
from sekisho.app import logs
from sekisho.app.desired import GatewayProxies
from sekisho.app.lock import exclusive
from sekisho.app.serving import SERVER_NAME
from sekisho.app.settings import Agent as Settings
from sekisho.app.signer import ApiSigner
from sekisho.app.stopping import stop_requested
from sekisho.client import Client
from sekisho.identity.files import private_directory
from sekisho.protos import envoy_binary

log = structlog.get_logger(__name__)

LONGEST_RUN_DIRECTORY = 60
"""Bytes of a path in which the sockets of proxies fit (unix(7): 108, less what stands below it)."""


async def agent(settings: Settings, announce: Callable[[], None]) -> None:
    """Runs until SIGINT or SIGTERM, then drains. `announce` is called once it takes orders.

    Raises lock.Busy, BadKubeconfig and protos UnusableEnvoyError.
    """
    state = private_directory(settings.state)
    logs.configure(settings.logging)
    with exclusive(state / "agent.lock"), stop_requested() as stop:
        async with Client.from_kubeconfig(settings.kubeconfig) as client:
            desired = GatewayProxies(client)
            running = Agent(
                options(settings, state),
                desired,
                ApiSigner(client),
                grpc_dial(str(settings.xds), SERVER_NAME),
                clock=SystemClock(),
                random=SystemRandom(),
            )
            announce()
            services = {"watch gateways": desired.run(), "proxies": running.run()}
            await run_until(stop, services)
    log.info("agent ended")


def options(settings: Settings, state: Path) -> HostOptions:
    """How the proxies of this host are run. Raises UnusableEnvoyError."""
    return HostOptions(
        run_directory=run_directory(state),
        state_directory=state / "proxies",
        instance=socket.gethostname().lower() or "host",
        envoy=EnvoyOptions(
            binary=envoy_binary(),
            concurrency=settings.concurrency or None,
            drain=settings.drain,
            deadline=2 * settings.drain,
        ),
    )


def run_directory(state: Path) -> Path:
    """Where sockets are: in the state folder, or where that path is too long for sockets, in /tmp.

    The same state folder always has the same run directory, so that an agent finds the Envoys of its
    predecessor.
    """
    inside = state.resolve() / "run"
    if len(bytes(inside)) <= LONGEST_RUN_DIRECTORY:
        return inside
    digest = hashlib.sha256(bytes(inside)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"sekisho-{os.getuid()}-{digest}"
