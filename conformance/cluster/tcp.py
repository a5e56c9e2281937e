"""Connections to a pod that speaks neither HTTP nor gRPC: the line protocol of the suite's image."""

import asyncio
import json
import ssl

from conformance.cluster.echo import Pod
from conformance.cluster.server_names import server_name

_WELCOME = b"Gateway API Test TCP Server\n"


async def serve(pod: Pod, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers line by line until the peer leaves."""
    tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    answers = {
        b"TEST": json.dumps(_told(pod, writer, tls)).encode(),
        b"IS_TLS": b"false" if tls is None else b"true",
        b"PING": b"PONG",
    }
    writer.write(_WELCOME)
    while line := await reader.readline():
        if answer := answers.get(line.strip()):
            writer.write(answer + b"\n")
        await writer.drain()


def _told(pod: Pod, writer: asyncio.StreamWriter, tls: ssl.SSLObject | None) -> dict[str, object]:
    told: dict[str, object] = {
        **pod.context(),
        "tcpport": "3000",
        "tlsport": "8443",
        "isTLS": tls is not None,
    }
    if tls is not None:
        told["tls"] = {
            "version": (tls.version() or "").replace("TLSv", "TLS "),
            "serverName": server_name(writer),
            "cipherSuite": (tls.cipher() or ("",))[0],
        }
    return told
