"""A mesh on hosts of its own: a control plane, a client and two servers in network namespaces, captured."""

import asyncio
import json
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import psutil

from sekisho.app.agent import run_directory
from tests.kit.evidence import process_folder
from tests.kit.netns import Namespace, namespaces
from tests.kit.objects import manifest

ROOT = Path(__file__).parents[2]
NAMES = ("client", "one", "two", "control")
PORT = 8080


class CapturedMesh:
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
        """The body of an answer to a program on that host, its status if that is not 200, or what went wrong
        on the connection, which is one of its own; `nothing` where it ended without an answer."""
        loop = asyncio.get_running_loop()
        with self.hosts[host].caller(address) as caller:
            try:
                async with asyncio.timeout(10):
                    await loop.sock_connect(caller, (address, port))
                    asked = f"GET /{wait} HTTP/1.1\r\nhost: server\r\nconnection: close\r\n\r\n"
                    await loop.sock_sendall(caller, asked.encode())
                    answer = b""
                    while part := await loop.sock_recv(caller, 4096):
                        answer += part
            except OSError as error:
                return type(error).__name__
        if not answer:
            return "nothing"
        status = answer.split(b" ", 2)[1].decode()
        return answer.rpartition(b"\r\n\r\n")[2].decode() if status == "200" else status

    def close(self) -> None:
        self._stack.close()


def _killed(process: asyncio.subprocess.Process) -> None:
    """`ip netns exec` becomes the command, and Envoy is a child of it in a session of its own."""
    if process.returncode is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()


async def serve(
    host: Namespace, name: str, stack: ExitStack, port: int = PORT, tls: ssl.SSLContext | None = None
) -> None:
    """An HTTP application on the host that says who it is and who calls; `/slow` takes half a second, `/host`
    says which host was asked for."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except EOFError:  # a probe that only connects
            head = b""
        if b"/slow" in head:
            await asyncio.sleep(0.5)
        body = f"{name} for {writer.get_extra_info('peername')[0]}"
        if b"/host" in head:
            headers = head.decode().lower().split("\r\n")
            body = next(line.partition(": ")[2] for line in headers if line.startswith("host: "))
        writer.write(f"HTTP/1.0 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    stack.callback((await asyncio.start_server(answer, sock=host.listener(port), ssl=tls)).close)


@asynccontextmanager
async def captured_mesh(capture: str) -> AsyncIterator[tuple[CapturedMesh, ExitStack]]:
    """With a control plane and no agents yet; `capture` as `--capture` has it. The stack ends with it."""
    with process_folder() as folder:
        try:
            with namespaces(*NAMES) as hosts, ExitStack() as stack:
                mesh = CapturedMesh(hosts, folder, capture)
                stack.callback(mesh.close)
                await mesh.start_control_plane()
                yield mesh, stack
        finally:
            for name in NAMES:
                shutil.rmtree(run_directory(folder / name, shared=True), ignore_errors=True)
