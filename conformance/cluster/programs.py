"""What pods run, by the image of their container and its environment, and the sockets it listens on."""

import asyncio
import base64
import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.cluster import grpc, http1, http2, server_names, tcp, udp
from conformance.cluster.echo import Pod
from conformance.cluster.objects import Object

Serve = Callable[[Pod, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

UDP_PORT, DNS_PORT = 8080, 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What the image does by its environment."""

    ports: Mapping[int, Serve] = field(default_factory=dict)
    tls: Serve | None = None
    """Served by TLS, where a certificate is given."""
    datagrams: Mapping[int, type[udp.Echo]] = field(default_factory=dict)


HTTP = Program(ports={3000: http1.serve, 3001: http2.serve}, tls=http1.serve)
PROGRAMS = {
    "GRPC_ECHO_SERVER": Program(ports={3000: grpc.serve}),
    "TCP_ECHO_SERVER": Program(ports={3000: tcp.serve}, tls=tcp.serve),
    "UDP_ECHO_SERVER": Program(datagrams={UDP_PORT: udp.Echo}),
}
"""By the variable that makes echo-basic something else than a server of HTTP."""
DNS = Program(datagrams={DNS_PORT: udp.Names})
"""What stands for CoreDNS."""
ADVANCED = Program(ports={8080: http1.serve, 9090: tcp.serve, 7070: grpc.serve})
"""What stands for echo-advanced. Nothing asks for its TLS."""


def program(spec: Object) -> Program:
    """A pod of an image we do not know is Ready and listens nowhere: who tries is refused."""
    image = _image(spec)
    if image == "coredns":
        return DNS
    if is_member(spec):
        return ADVANCED
    if image != "echo-basic":
        return Program()
    return next((PROGRAMS[name] for name in variables(spec) if name in PROGRAMS), HTTP)


def is_member(spec: Object) -> bool:
    """Whether the pod is meant to be in the mesh: the suite's tests of meshes have an image of their own."""
    return _image(spec) == "echo-advanced"


def variables(spec: Object) -> dict[str, str]:
    """The environment."""
    (container,) = spec["containers"]
    return {variable["name"]: variable.get("value", "") for variable in container.get("env", ())}


def _image(spec: Object) -> str:
    """Its name, without registry and tag."""
    (container,) = spec["containers"]
    return str(container["image"]).rpartition("/")[2].partition(":")[0]


async def listen(
    pod: Pod, place: socket.socket | tuple[str, int], serve: Serve, tls: ssl.SSLContext | None = None
) -> asyncio.Server:
    """One port of a pod, at an address or on a socket that listens already."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(pod, reader, writer)
        except* (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # the peer has left, which is its right
        finally:
            writer.close()

    if isinstance(place, tuple):
        return await asyncio.start_server(connected, *place, ssl=tls)
    return await asyncio.start_server(connected, sock=place, ssl=tls)


async def listen_datagrams(
    pod: Pod, address: str, port: int, protocol: type[udp.Echo]
) -> asyncio.DatagramTransport:
    """One UDP port of a pod."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: protocol(pod), (address, port))
    return transport


def tls_context(secret: Mapping[str, str], authorities: str = "") -> ssl.SSLContext:
    """With the certificate and key of a Secret. `authorities` (PEM): of whom clients must be; empty where
    nobody is asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("tls.crt", "tls.key"):
            Path(folder, name).write_bytes(base64.b64decode(secret[name]))
        context.load_cert_chain(Path(folder, "tls.crt"), Path(folder, "tls.key"))
    if authorities:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=authorities)
    context.sni_callback = server_names.note
    return context
