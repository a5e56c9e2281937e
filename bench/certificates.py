"""Certificates: how many an authority signs, and what renewing a thousand identities costs over the API."""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tests.kit.objects import manifest
from tests.kit.system import System, running_system

from bench.harness import Row, at_least, at_most, shown
from sekisho.agent.keys import Purpose
from sekisho.app.host.signer import ApiSigner
from sekisho.client.client import REVIEWS
from sekisho.client.kubeconfig import Access
from sekisho.client.reviews import PLURALS
from sekisho.identity.authority import Registration
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import new_key, signing_request
from sekisho.identity.spiffe import SpiffeId

NAME = "certificates"
IDENTITIES = 1_000
AT_ONCE = 16
"""Requests under way: as many agents whose moment has come."""
DOMAIN = "default.default.mesh.local"


def main() -> list[Row]:
    """Keys and signing requests are the agents' work and made beforehand."""
    requests = [signing_request(new_key()) for _ in range(IDENTITIES)]
    alone = asyncio.run(_alone(requests))
    seconds, cpu = asyncio.run(_over_the_api(requests))
    return [
        at_least(NAME, "signed by the authority, of CPU time", alone, 500, "/s"),
        at_least(NAME, "issued over the API, of CPU time of the control plane", IDENTITIES / cpu, 500, "/s"),
        shown(
            NAME,
            "issued over the API, one control plane, caller on the same processors",
            IDENTITIES / seconds,
            "/s",
        ),
        at_most(NAME, f"CPU of the control plane for {IDENTITIES} identities", cpu, 5, "s"),
    ]


async def _alone(requests: Sequence[bytes]) -> float:
    """Certificates a second, of CPU time."""
    registration = Registration(SpiffeId.make(DOMAIN, "ns/shop/sa/cart"))
    with tempfile.TemporaryDirectory() as folder:
        authority = BuiltInAuthority(Path(folder) / "authority", DOMAIN)
        started = time.process_time()
        for request in requests:
            await authority.issue(request, registration)
        return len(requests) / (time.process_time() - started)


async def _over_the_api(requests: Sequence[bytes]) -> tuple[float, float]:
    """Seconds for all of them, and of CPU that the control plane took."""
    async with running_system(agent=False) as system:
        await _register(system)
        await ApiSigner(system.client).sign(requests[0], _proxy(0), Purpose.TRAFFIC)
        access = system.client.transport.access
        waiting = [_written(access, request, _proxy(number)) for number, request in enumerate(requests)]
        before, started = _cpu(system), time.perf_counter()
        await asyncio.gather(*(_ask(access, waiting) for _ in range(AT_ONCE)))
        return time.perf_counter() - started, _cpu(system) - before


def _written(access: Access, request: bytes, proxy: str) -> bytes:
    """A request as HTTP/1.1 has it: a client library takes twice the time of the control plane for one."""
    spec = {"csr": request.decode(), "proxy": proxy, "purpose": Purpose.TRAFFIC.value, "instance": "bench"}
    body = json.dumps({"apiVersion": "sekisho.dev/v1alpha1", "kind": "CertificateRequest", "spec": spec})
    head = [
        f"POST {REVIEWS}/{PLURALS['CertificateRequest']} HTTP/1.1",
        f"host: {urlsplit(access.server).netloc}",
        f"authorization: Bearer {access.bearer()}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    return "\r\n".join([*head, "", body]).encode()


async def _ask(access: Access, waiting: list[bytes]) -> None:
    """On one connection, until nothing is left. Raises RuntimeError for what is refused."""
    url = urlsplit(access.server)
    reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=access.tls())
    while waiting:
        writer.write(waiting.pop())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r\n")[0]))
        if " 201 " not in head.partition("\r\n")[0]:
            raise RuntimeError(head)
    writer.close()


async def _register(system: System) -> None:
    """A mesh of so many workloads; returns when the control plane knows the last one."""
    await system.apply(manifest("Mesh", "default"))
    for number in range(IDENTITIES):
        spec = {
            "address": f"10.0.{number >> 8}.{number & 255}",
            "serviceAccountName": f"a{number}",
            "sidecar": {},
        }
        await system.client.create(manifest("Workload", f"w{number}", spec=spec))

    async def known() -> bool:
        return bool((await system.review())["controlPlane"]["resources"] > IDENTITIES)

    await system.until(known, "all workloads are known")


def _proxy(number: int) -> str:
    return f"workload/shop/w{number}"


def _cpu(system: System) -> float:
    times = system.process("control plane").cpu_times()
    return float(times.user + times.system)
