"""Sekisho and the cluster around it, as processes and sockets of this machine, for the time of a run."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import httpx2
import uvicorn
from starlette.applications import Starlette
from tests.kit.netns import ROUTER, Switch

from conformance.cluster import executing, operating, udp
from conformance.cluster.echo import Pod
from conformance.cluster.endpoints import Endpoints
from conformance.cluster.front import Front
from conformance.cluster.kubelet import Kubelet
from conformance.cluster.members import Members
from conformance.cluster.objects import Objects
from conformance.cluster.programs import DNS_PORT, listen_datagrams
from sekisho.aio.tasks import background
from sekisho.app.processes import Command, Process, own, ready_facts, start
from sekisho.client import Client, NotFound, kubeconfig

GATEWAYS = "127.1.0.0/23"
"""Where Gateways get their addresses: loopback, so that nothing leaves this machine."""
STARTS_WITHIN = 30.0
ENDS_WITHIN = 20.0
"""Seconds; the agent ends some dozens of Envoys."""


@asynccontextmanager
async def running_cluster(folder: Path) -> AsyncIterator[Path]:
    """Gives a kubeconfig of the API with all the suite asks of a cluster; state and logs are in `folder`."""
    async with AsyncExitStack() as stack:
        switch = Switch()
        stack.callback(switch.close)
        switch.reach()
        names = await listen_datagrams(Pod(name="dns", namespace="kube-system"), ROUTER, DNS_PORT, udp.Names)
        stack.callback(names.close)
        facts = ready_facts(await _launch(stack, _control_plane(folder)))
        await _launch(stack, _agent(folder, facts["xds"]))
        access = kubeconfig.read(folder / "kubeconfig")
        client = await stack.enter_async_context(Client.from_kubeconfig(folder / "kubeconfig"))
        await operating.set_up(client)
        upstream = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=access.server, verify=access.tls(), trust_env=False, timeout=60)
        )
        objects = Objects()

        members = Members(client, switch, folder / "pods", facts["xds"])
        agents = await stack.enter_async_context(asyncio.TaskGroup())
        kubelet = Kubelet(objects, partial(_data, client), members, agents)
        stack.push_async_callback(kubelet.end)
        endpoints = Endpoints(client, objects)

        async def settle() -> None:
            await kubelet.settle()
            await endpoints.settle()

        await stack.enter_async_context(background(endpoints.run(), name="endpoints"))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        front = Front(upstream, objects, kubelet, settle).application()
        server = _server(front, kubelet, folder / "serving")
        await stack.enter_async_context(background(server.serve([listener]), name="front"))
        yield _kubeconfig(folder, listener.getsockname()[1], access.authority)


async def _data(client: Client, kind: str, namespace: str, name: str) -> Mapping[str, str]:
    """What a ConfigMap or Secret holds; nothing where there is none."""
    try:
        return dict((await client.get(kind, name, namespace)).get("data") or {})
    except NotFound:
        return {}


class _Server(uvicorn.Server):
    """uvicorn's, less its signal handlers: signals are the program's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(front: Starlette, kubelet: Kubelet, certificate: Path) -> _Server:
    """With the API's own certificate, from this folder: the front stands for it."""
    config = uvicorn.Config(
        front,
        lifespan="off",
        http=executing.protocol(kubelet.execute),
        log_config=None,
        access_log=False,
        ssl_certfile=certificate / "server.crt",
        ssl_keyfile=certificate / "server.key",
    )
    return _Server(config)


async def _launch(stack: AsyncExitStack, command: Command) -> str:
    process: Process = await start(command)
    stack.push_async_callback(process.stop, ENDS_WITHIN)
    async with asyncio.timeout(STARTS_WITHIN):
        return await process.ready()


def _control_plane(folder: Path) -> Command:
    arguments = own(
        "control-plane", "--state", str(folder), "--gateways", GATEWAYS,
        "--api", f"{ROUTER}:0", "--xds", f"{ROUTER}:0", "--drain", "1",
    )  # fmt: skip
    return Command(
        name="control plane", arguments=arguments, log=folder / "logs" / "control-plane.log", announces=True
    )


def _agent(folder: Path, xds: str) -> Command:
    state = folder / "agent"
    arguments = own(
        "agent", "--state", str(state), "--kubeconfig", str(state / "kubeconfig"), "--xds", xds,
        "--drain", "1", "--concurrency", "1",
    )  # fmt: skip
    return Command(name="agent", arguments=arguments, log=folder / "logs" / "agent.log", announces=True)


def _kubeconfig(folder: Path, port: int, authority: str) -> Path:
    """Of the front, with the admin's token."""
    path = folder / "conformance.kubeconfig"
    server, token = f"https://127.0.0.1:{port}", folder / "admin.token"
    kubeconfig.write(path, server=server, authority=authority, token_file=token)
    return path
