"""Deployments become pods, each with an address of its own on which its program answers."""

import asyncio
import base64
import hashlib
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from conformance.cluster import grpc, http1, http2, server_names, tcp, udp
from conformance.cluster.echo import Pod
from conformance.cluster.objects import DEPLOYMENT, POD, Object, Objects

Serve = Callable[[Pod, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
FindSecret = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""Namespace and name of a Secret → its data in base64; empty while there is none."""

TLS_PORT = 8443
_UDP_PORT, _DNS_PORT = 8080, 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What the image does by its environment."""

    ports: Mapping[int, Serve] = field(default_factory=dict)
    tls: Serve | None = None
    """Served on `TLS_PORT`, where a certificate is given."""
    datagrams: Mapping[int, type[udp.Echo]] = field(default_factory=dict)


HTTP = Program(ports={3000: http1.serve, 3001: http2.serve}, tls=http1.serve)
PROGRAMS = {
    "GRPC_ECHO_SERVER": Program(ports={3000: grpc.serve}),
    "TCP_ECHO_SERVER": Program(ports={3000: tcp.serve}, tls=tcp.serve),
    "UDP_ECHO_SERVER": Program(datagrams={_UDP_PORT: udp.Echo}),
}
"""By the variable that makes echo-basic something else than a server of HTTP."""
DNS = Program(datagrams={_DNS_PORT: udp.Names})
"""What stands for CoreDNS."""


class Closable(Protocol):
    """A socket of a pod."""

    def close(self) -> None: ...


@dataclass(slots=True)
class Running:
    """One pod and the sockets of its program."""

    program: Pod
    address: str
    servers: list[Closable]
    waits_for: tuple[Serve, str] | None = None
    """What is to be served by TLS once this Secret is there."""


class Kubelet:
    """Keeps as many pods as the Deployments ask for."""

    def __init__(self, objects: Objects, find_secret: FindSecret) -> None:
        self._objects = objects
        self._find_secret = find_secret
        self._running: dict[tuple[str, str], Running] = {}
        self._addresses = (f"127.2.{high}.{low}" for high in range(256) for low in range(1, 255))

    def program(self, namespace: str, name: str) -> Pod:
        """The program of a pod. Raises KeyError."""
        return self._running[namespace, name].program

    async def settle(self) -> None:
        """Starts what is missing and ends what is too much."""
        wanted = {
            (deployment["metadata"]["namespace"], name): deployment
            for deployment in self._objects.list(DEPLOYMENT)
            for name in _pod_names(deployment)
        }
        for place in self._running.keys() - wanted.keys():
            self._end(place)
        for place in wanted.keys() - self._running.keys():
            await self._start(place, wanted[place])
        for (namespace, _), running in tuple(self._running.items()):
            if running.waits_for is not None:
                await self._serve_tls(namespace, running)

    def end(self) -> None:
        """Closes every socket."""
        for place in tuple(self._running):
            self._end(place)

    async def _start(self, place: tuple[str, str], deployment: Object) -> None:
        namespace, name = place
        template = deployment["spec"]["template"]
        address = next(self._addresses)
        spec = template["spec"]
        variables = _variables(spec)
        pod = Pod(
            name=name,
            namespace=namespace,
            service=variables.get("SERVICE_NAME", ""),
            ingress=variables.get("INGRESS_NAME", ""),
        )
        program = _program(spec)
        running = self._running[place] = Running(pod, address, [])
        for port, serve in program.ports.items():
            running.servers.append(await listen(pod, address, port, serve))
        for port, protocol in program.datagrams.items():
            running.servers.append(await _listen_datagrams(pod, address, port, protocol))
        secret = _secret(spec)
        if program.tls is not None and secret:
            running.waits_for = program.tls, secret
        self._objects.create(POD, namespace, _pod(name, template, address))

    async def _serve_tls(self, namespace: str, running: Running) -> None:
        waiting, running.waits_for = running.waits_for, None  # one of several writes at once is enough
        if waiting is None:
            return
        serve, secret = waiting
        found = await self._find_secret(namespace, secret)
        if not found:
            running.waits_for = waiting
            return
        context = _tls(found)
        server = await listen(running.program, running.address, TLS_PORT, serve, context)
        running.servers.append(server)

    def _end(self, place: tuple[str, str]) -> None:
        for server in self._running.pop(place).servers:
            server.close()
        self._objects.delete(POD, *place)


async def listen(
    program: Pod, address: str, port: int, serve: Serve, tls: ssl.SSLContext | None = None
) -> asyncio.Server:
    """The sockets of one port of a pod."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(program, reader, writer)
        except* (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # the peer has left, which is its right
        finally:
            writer.close()

    return await asyncio.start_server(connected, address, port, ssl=tls)


async def _listen_datagrams(
    program: Pod, address: str, port: int, protocol: type[udp.Echo]
) -> asyncio.DatagramTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: protocol(program), (address, port))
    return transport


def _tls(secret: Mapping[str, str]) -> ssl.SSLContext:
    """With the certificate and key of a Secret."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("tls.crt", "tls.key"):
            Path(folder, name).write_bytes(base64.b64decode(secret[name]))
        context.load_cert_chain(Path(folder, "tls.crt"), Path(folder, "tls.key"))
    context.sni_callback = server_names.note
    return context


def _pod_names(deployment: Object) -> list[str]:
    """`<deployment>-<replica set>-<pod>`: the suite takes the last two parts off."""
    metadata = deployment["metadata"]
    digest = hashlib.sha256(metadata["uid"].encode()).hexdigest()
    replicas = range(deployment["spec"].get("replicas", 1))
    return [f"{metadata['name']}-{digest[:10]}-{digest[10:14]}{one}" for one in replicas]


def _variables(spec: Object) -> dict[str, str]:
    (container,) = spec["containers"]
    return {variable["name"]: variable.get("value", "") for variable in container.get("env", ())}


def _program(spec: Object) -> Program:
    """A pod of an image we do not know is Ready and listens nowhere: who tries is refused."""
    (container,) = spec["containers"]
    if "coredns" in container["image"]:
        return DNS
    if "echo-basic" not in container["image"]:
        return Program()
    named = (PROGRAMS[name] for name in _variables(spec) if name in PROGRAMS)
    return next(named, HTTP)


def _secret(spec: Object) -> str:
    """The Secret with the certificate it presents; empty for none."""
    named = (volume["secret"]["secretName"] for volume in spec.get("volumes", ()) if "secret" in volume)
    return next(named, "")


def _pod(name: str, template: Object, address: str) -> Object:
    return {
        "metadata": {"name": name, "labels": template["metadata"].get("labels", {})},
        "spec": {**template["spec"], "nodeName": "conformance"},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "podIP": address,
            "podIPs": [{"ip": address}],
        },
    }
