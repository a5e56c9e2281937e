"""One look at an application: TCP, HTTP or gRPC, as a kubelet would."""

import asyncio
import ssl
from typing import Any

import grpc

from sekisho.ir.agent import GrpcProbe, HttpProbe, Probe, TcpProbe

_aio: Any = grpc.aio  # its published types are those of an older version

LARGEST_HEAD = 64 * 1024
"""Bytes of an answer's status line and headers."""
_CHECK = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"
"""HealthCheckResponse{status: SERVING}: field 1, varint 1."""
_DIRECT = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
"""Each look is at a connection of its own, and never through a proxy of the environment."""


class Unhealthy(Exception):
    """The application did not pass; the message says how."""


async def look(probe: Probe, address: str) -> None:
    """Returns when the application at `address` passes. Raises Unhealthy."""
    handler = probe.handler
    try:
        async with asyncio.timeout(probe.timeout):
            match handler:
                case TcpProbe():
                    await _connect(address, handler.port)
                case HttpProbe():
                    await _get(handler, address)
                case GrpcProbe():
                    await _check(handler, address)
    except TimeoutError:
        raise Unhealthy(f"no answer within {probe.timeout:g} s") from None
    except (OSError, EOFError, asyncio.LimitOverrunError, ValueError) as error:
        raise Unhealthy(f"port {handler.port}: {error}") from error


async def _connect(address: str, port: int) -> None:
    _, writer = await asyncio.open_connection(address, port)
    writer.close()


async def _get(probe: HttpProbe, address: str) -> None:
    context = _unverified() if probe.scheme == "HTTPS" else None
    reader, writer = await asyncio.open_connection(address, probe.port, ssl=context, limit=LARGEST_HEAD)
    try:
        writer.write(_request(probe, address))
        head = (await reader.readuntil(b"\r\n")).decode("latin-1")
    finally:
        writer.close()
    version, _, rest = head.partition(" ")
    status = int(rest.split(" ")[0]) if version.startswith("HTTP/1.") else 0
    if not 200 <= status < 400:  # noqa: PLR2004  as HttpProbe says
        raise Unhealthy(f"GET {probe.path} on port {probe.port} answered {head.strip()[:100]!r}")


def _request(probe: HttpProbe, address: str) -> bytes:
    host = probe.host or (f"[{address}]:{probe.port}" if ":" in address else f"{address}:{probe.port}")
    headers = {"host": host, "user-agent": "sekisho-probe", "accept": "*/*", "connection": "close"}
    headers |= {name.lower(): value for name, value in probe.headers}
    lines = [f"GET {probe.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1", errors="replace")


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the application's own certificate, for others' names
    return context


async def _check(probe: GrpcProbe, address: str) -> None:
    target = f"[{address}]:{probe.port}" if ":" in address else f"{address}:{probe.port}"
    scheme = "ipv6" if ":" in address else "ipv4"
    async with _aio.insecure_channel(f"{scheme}:{target}", options=_DIRECT) as channel:
        try:
            answer = await channel.unary_unary(_CHECK)(_request_for(probe.service))
        except grpc.aio.AioRpcError as error:
            status = error.code().name.lower().replace("_", " ")
            raise Unhealthy(f"{_CHECK} on port {probe.port}: {status}: {error.details()}") from error
    if answer != _SERVING:
        raise Unhealthy(f"{_CHECK} on port {probe.port} does not say SERVING")


def _request_for(service: str) -> bytes:
    """HealthCheckRequest{service: 1}: a tag, the length as a varint, the name."""
    name = service.encode()
    low, high = len(name) & 0x7F, len(name) >> 7
    return b"\x0a" + bytes([low | 0x80, high] if high else [low]) + name if name else b""
