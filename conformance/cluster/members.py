"""Pods that are in the mesh: each a host of its own, with a Workload, and with the agent and its Envoy."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.kit.netns import ROUTER, Namespace, Switch

from conformance.cluster import calling
from conformance.cluster.executing import Done
from conformance.cluster.objects import Object
from sekisho.app.agent import run_directory
from sekisho.app.processes import Command, Process, own, start
from sekisho.client import Client, Forbidden, NotFound
from sekisho.client.credentials import TokenAnswer, TokenSpec
from sekisho.client.reviews import ask

MANAGER = "conformance-kubelet"
STARTS_WITHIN = 60.0
ENDS_WITHIN = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a pod is in the mesh."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    ports: tuple[int, ...]
    """That its program listens on."""


class Members:
    """Makes hosts for pods, and members of the mesh of them."""

    def __init__(self, client: Client, switch: Switch, folder: Path, xds: str) -> None:
        """`folder`: state and logs, one of each per pod. `xds`: where the control plane is."""
        self._client = client
        self._switch = switch
        self._folder = folder
        self._xds = xds

    @asynccontextmanager
    async def host(self, identity: Identity) -> AsyncIterator[Namespace]:
        """A host for this pod, with its Workload; both are gone after the block."""
        with self._switch.plugged_in(f"{identity.namespace}-{identity.name}") as host:
            await self._client.apply(_workload(identity, host), manager=MANAGER, force=True)
            try:
                with _resolving(host):
                    yield host
            finally:
                with suppress(NotFound, Forbidden):
                    await self._client.delete("Workload", identity.name, identity.namespace)

    @asynccontextmanager
    async def agent(self, identity: Identity, host: Namespace) -> AsyncIterator[None]:
        """The agent of a pod, serving and capturing."""
        state = self._folder / identity.namespace / identity.name
        async with AsyncExitStack() as stack:
            stack.callback(shutil.rmtree, run_directory(state, shared=True), ignore_errors=True)
            state.mkdir(parents=True)
            command = self._command(identity, host, state, await self._token(identity, state))
            process: Process = await start(command)
            stack.push_async_callback(process.stop, ENDS_WITHIN)
            async with asyncio.timeout(STARTS_WITHIN):
                await process.ready()
            yield

    async def _token(self, identity: Identity, state: Path) -> Path:
        """In a file, good once."""
        workload = f"workload/{identity.namespace}/{identity.name}"
        spec = TokenSpec(action="create", role="join", proxies=(workload,))
        answer = await ask(self._client, "TokenReview", spec, TokenAnswer)
        file = state / "join.token"
        file.write_text(answer.token)
        return file

    def _command(self, identity: Identity, host: Namespace, state: Path, token: Path) -> Command:
        agent = own(
            "agent", "--workload", f"{identity.namespace}/{identity.name}", "--capture", "redirect",
            "--token-file", str(token), "--kubeconfig", str(self._folder.parent / "kubeconfig"),
            "--xds", self._xds, "--state", str(state), "--drain", "1", "--concurrency", "1",
        )  # fmt: skip
        return Command(
            name=f"agent of {identity.name}",
            arguments=host.command(*agent),
            log=self._folder.parent / "logs" / f"{identity.namespace}-{identity.name}.log",
            announces=True,
        )


class Member:
    """One pod's part in the mesh."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._stack = AsyncExitStack()
        self._host: Namespace
        self.starting: asyncio.Task[None] | None = None
        """Ends when its agent runs."""

    async def get_host(self, members: Members) -> str:
        """To be called first; gives its address."""
        self._host = await self._stack.enter_async_context(members.host(self._identity))
        return self._host.address

    async def get_agent(self, members: Members) -> None:
        """Returns when it serves and captures."""
        await self._stack.enter_async_context(members.agent(self._identity, self._host))

    def listener(self, port: int) -> socket.socket:
        """A socket there, listening."""
        return self._host.listener(port)

    async def call(self, arguments: Sequence[str]) -> Done:
        """What `client` does there."""

        def run() -> str:
            with self._host.inside():
                return calling.run(calling.parse(arguments), self._identity.namespace)

        try:
            return Done(await asyncio.to_thread(run))
        except calling.Failed as error:
            return Done("", str(error), 1)

    async def end(self) -> None:
        """Its agent, its Workload, its host."""
        if self.starting is not None:
            self.starting.cancel()
            await asyncio.wait([self.starting])
        await self._stack.aclose()


@contextmanager
def _resolving(host: Namespace) -> Iterator[None]:
    """Programs there ask the cluster for names: its resolv.conf (ip-netns(8))."""
    files = Path("/etc/netns", host.name)
    files.mkdir(parents=True)
    try:
        (files / "resolv.conf").write_text(f"nameserver {ROUTER}\n")
        yield
    finally:
        shutil.rmtree(files)


def _workload(identity: Identity, host: Namespace) -> Object:
    return {
        "apiVersion": "sekisho.dev/v1alpha1",
        "kind": "Workload",
        "metadata": {
            "name": identity.name,
            "namespace": identity.namespace,
            "labels": dict(identity.labels),
        },
        "spec": {
            "address": host.address,
            "ports": [{"name": f"port-{port}", "port": port} for port in identity.ports],
            "sidecar": {"capture": "Redirect"},
        },
    }
