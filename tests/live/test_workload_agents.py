"""Workloads with agents of their own, in network namespaces: joined, captured, named, called, drained."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from tests.kit.netns import Namespace, namespaces, needs_namespaces
from tests.kit.objects import manifest
from tests.kit.wait import eventually

from sekisho.app.agent import run_directory

pytestmark = [pytest.mark.live, needs_namespaces, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
NAMES = ("client", "one", "two", "control")
PORT = 8080


class Mesh:
    """A control plane, a client and two servers, each a host of its own."""

    def __init__(self, hosts: tuple[Namespace, ...], folder: Path, capture: str) -> None:
        self.hosts = dict(zip(NAMES, hosts, strict=True))
        self.capture = capture
        self.folder = folder
        self._stack = ExitStack()

    async def start(self, host: str, *arguments: str) -> asyncio.subprocess.Process:
        """A `sekisho` command that says `ready`."""
        command = self.hosts[host].command(sys.executable, "-m", "sekisho.cli", *arguments)
        log = self._stack.enter_context((self.folder / f"{host}.log").open("ab"))
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=log
        )
        self._stack.callback(_killed, process)
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        assert line.startswith(b"ready"), (self.folder / f"{host}.log").read_text()[-2000:]
        return process

    async def sekisho(self, *arguments: str, given: str = "") -> str:
        """The output of a `sekisho` command."""
        connection = ("--kubeconfig", str(self.kubeconfig))
        command = self.hosts["control"].command(sys.executable, "-m", "sekisho.cli", *arguments, *connection)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe
        )
        output, errors = await process.communicate(given.encode())
        assert process.returncode == 0, errors.decode()
        return output.decode()

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "control" / "kubeconfig"

    async def start_control_plane(self) -> None:
        address = self.hosts["control"].address
        await self.start(
            "control", "control-plane", "--state", str(self.folder / "control"),
            "--api", f"{address}:7443", "--xds", f"{address}:7444",
        )  # fmt: skip
        manifests = "".join(f"---\n{json.dumps(each)}\n" for each in self.manifests())
        await self.sekisho("apply", "-f", "-", given=manifests)

    def manifests(self) -> list[dict[str, object]]:
        caller = {"spiffeID": {"value": "spiffe://default.default.mesh.local/ns/shop/sa/client"}}
        ports = [{"name": "http", "port": 80, "targetPort": PORT}]
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
            {"apiVersion": "sekisho.dev/v1alpha1", "kind": "Mesh", "metadata": {"name": "default"}},
            manifest("Service", "server", spec={"selector": {"app": "server"}, "ports": ports}),
            manifest("TrafficPermission", "all", spec={"rules": [{"default": {"allow": [caller]}}]}),
            *(self.workload(name) for name in NAMES[:3]),
        ]

    def workload(self, name: str) -> dict[str, object]:
        """Ready once its agent says so: without one, nobody captures what is sent to it."""
        labels = {"app": "client" if name == "client" else "server"}
        spec = {
            "address": self.hosts[name].address,
            "serviceAccountName": name,
            "ports": [{"name": "http", "port": PORT, "appProtocol": "http"}],
            "sidecar": {"capture": {"redirect": "Redirect", "tproxy": "TransparentProxy"}[self.capture]},
            "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        }
        metadata = {"name": name, "namespace": "shop", "labels": labels}
        return {"apiVersion": "sekisho.dev/v1alpha1", "kind": "Workload", "metadata": metadata, "spec": spec}

    async def join(self, name: str) -> asyncio.subprocess.Process:
        """Starts the agent of a workload, with a token that is good once."""
        token = self.folder / f"{name}.token"
        token.write_text(await self.sekisho("token", "create", "--join", f"workload/shop/{name}"))
        return await self.start_agent(name, "--token-file", str(token))

    async def start_agent(self, name: str, *more: str) -> asyncio.subprocess.Process:
        """Starts the agent of a workload that has joined, or has a token."""
        return await self.start(
            name, "agent", "--workload", f"shop/{name}", "--kubeconfig", str(self.kubeconfig),
            "--xds", f"{self.hosts['control'].address}:7444", "--state", str(self.folder / name),
            "--capture", self.capture, "--drain", "3", "--concurrency", "1", *more,
        )  # fmt: skip

    async def virtual_address(self) -> str:
        found = json.loads(await self.sekisho("get", "service", "server", "-n", "shop", "-o", "json"))
        return str(found["spec"]["clusterIP"])

    async def ask(self, host: str, address: str, port: int = 80, wait: str = "") -> str:
        """The body of an answer to a program on that host, or what went wrong; on a connection of its own."""
        loop = asyncio.get_running_loop()
        with self.hosts[host].caller(address) as caller:
            try:
                async with asyncio.timeout(10):
                    await loop.sock_connect(caller, (address, port))
                    await loop.sock_sendall(caller, f"GET /{wait} HTTP/1.0\r\nhost: server\r\n\r\n".encode())
                    answer = b""
                    while part := await loop.sock_recv(caller, 4096):
                        answer += part
            except OSError as error:
                return type(error).__name__
        return answer.rpartition(b"\r\n\r\n")[2].decode() or "nothing"

    def close(self) -> None:
        self._stack.close()


def _killed(process: asyncio.subprocess.Process) -> None:
    """`ip netns exec` becomes the command, and Envoy is a child of it in a session of its own."""
    if process.returncode is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()


async def serve(host: Namespace, name: str, stack: ExitStack) -> None:
    """An HTTP application on the host that says who it is and who calls; `/slow` takes half a second."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except EOFError:  # a probe that only connects
            head = b""
        if b"/slow" in head:
            await asyncio.sleep(0.5)
        body = f"{name} for {writer.get_extra_info('peername')[0]}"
        writer.write(f"HTTP/1.0 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    stack.callback((await asyncio.start_server(answer, sock=host.listener(PORT))).close)


@pytest.fixture(params=["redirect", "tproxy"])
async def mesh(request: pytest.FixtureRequest) -> AsyncIterator[Mesh]:
    folder = Path(tempfile.mkdtemp(prefix="sk-"))
    try:
        with namespaces(*NAMES) as hosts, ExitStack() as stack:
            mesh = Mesh(hosts, folder, request.param)
            stack.callback(mesh.close)
            await mesh.start_control_plane()
            for name in ("one", "two"):
                await serve(mesh.hosts[name], name, stack)
            yield mesh
    finally:
        for name in NAMES:
            shutil.rmtree(run_directory(folder / name, shared=True), ignore_errors=True)
        shutil.rmtree(folder)


async def test_a_workload_knows_nothing_of_the_mesh_and_is_in_it(mesh: Mesh) -> None:
    await mesh.join("client")
    server = await mesh.join("one")
    address = await mesh.virtual_address()
    expected = mesh.hosts["client"].address if mesh.capture == "tproxy" else "127.0.0.6"

    async def answered() -> bool:
        return await mesh.ask("client", address) == f"one for {expected}"

    await eventually(answered, what="an answer through both sidecars", within=60)

    found = mesh.hosts["client"].run("getent", "ahosts", "server.shop.svc.mesh.local", user=1000)
    addresses = {line.split()[0] for line in found.splitlines()}
    assert address in addresses
    [ipv6] = addresses - {address}
    assert await mesh.ask("client", ipv6) == f"one for {expected}"

    for host, direct in (("control", mesh.hosts["one"].address), ("client", mesh.hosts["one"].address)):
        assert await mesh.ask(host, direct, PORT) in {"ConnectionResetError", "nothing"}

    envoy = next(each for each in psutil.Process(server.pid).children() if "--config-path" in each.cmdline())
    assert set(envoy.uids()) == {1337}
    server.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(server.wait(), 20) == 0
    assert "sekisho" not in mesh.hosts["one"].run("nft", "list", "ruleset")
    assert not psutil.pid_exists(envoy.pid)


async def test_a_workload_that_ends_under_load_loses_nothing(mesh: Mesh) -> None:
    """Its endpoint goes first, then its proxy drains: what has begun is finished, nothing new comes."""
    if mesh.capture == "tproxy":
        pytest.skip("the order is the same whatever captures")
    await mesh.join("client")
    one, _ = await mesh.join("one"), await mesh.join("two")
    address = await mesh.virtual_address()
    heard: list[str] = []
    over = asyncio.Event()

    async def both() -> bool:
        return (
            len({(await mesh.ask("client", address)).partition(" ")[0] for _ in range(6)} - {"nothing"}) == 2
        )

    await eventually(both, what="answers of both servers", within=60)

    async def load(wait: str) -> None:
        while not over.is_set():
            heard.append(await mesh.ask("client", address, wait=wait))

    async with asyncio.TaskGroup() as group:
        for wait in ("", "", "slow", "slow"):
            group.create_task(load(wait))
        await eventually(lambda: _more_than(heard, 50), what="load")
        before = len(heard)
        one.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(one.wait(), 20) == 0
        ended = len(heard)
        await eventually(lambda: _more_than(heard, ended + 50), what="load after the end")
        over.set()
    assert ended > before
    assert [answer for answer in heard if not answer.startswith(("one for", "two for"))] == []
    assert {answer.partition(" ")[0] for answer in heard[ended + 10 :]} == {"two"}


async def _more_than(heard: list[str], number: int) -> bool:
    return len(heard) > number


async def test_a_killed_agent_leaves_its_workload_captured_and_the_next_one_takes_over(mesh: Mesh) -> None:
    if mesh.capture == "tproxy":
        pytest.skip("the process is the same whatever captures")
    await mesh.join("client")
    server = await mesh.join("one")
    address = await mesh.virtual_address()

    async def answered() -> bool:
        return (await mesh.ask("client", address)).startswith("one")

    await eventually(answered, what="an answer", within=60)
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    assert await mesh.ask("client", address) == "one for 127.0.0.6"
    assert await mesh.ask("control", mesh.hosts["one"].address, PORT) in {"ConnectionResetError", "nothing"}
    again = await mesh.start_agent("one")
    assert await mesh.ask("client", address) == "one for 127.0.0.6"
    assert "envoy adopted" in (mesh.folder / "one.log").read_text()
    again.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(again.wait(), 20) == 0
    assert "241." not in mesh.hosts["one"].run("ip", "route")
