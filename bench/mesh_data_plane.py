"""Requests per second through two sidecars with mutual TLS between them: ours, and a pair configured by hand.

`HTTP`: both sidecars read requests, HTTP/2 between them, as a policy for requests makes them. `bytes`: nobody
needs to read HTTP, so bytes travel as they are. The pair by hand (hand_written/pair_*.yaml) does the same
with no statistics, permissions or limits. Both sidecars of a pair share one processor, with one worker each;
wrk and the application have the other.

BENCH_ROUNDS: how often each is asked.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from string import Template
from typing import Any

import uvloop
import yaml
from google.protobuf import json_format
from tests.kit.envoy import running_envoy
from tests.kit.http import fetch
from tests.kit.mesh import Mesh, running_mesh, service
from tests.kit.objects import manifest
from tests.kit.pki import TestAuthority
from tests.kit.ports import free_port
from tests.kit.wait import eventually

from bench.backends import running_backend
from bench.data_plane import Figures, Target, compare
from bench.harness import ROOT, Row, at_least, at_most, shown
from bench.placement import MEASURED, place
from bench.wrk import missing
from sekisho.protos import descriptor_pool, message

NAME = "mesh-data-plane"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "24"))
HTTP, BYTES = "requests", "straight"
"""Services of the called workload: one with a policy for requests, one without."""


def main() -> list[Row]:
    return missing(NAME) or uvloop.run(_measure())


async def _measure() -> list[Row]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sk-")))
        backend = await stack.enter_async_context(running_backend(folder))
        mesh = await stack.enter_async_context(running_mesh())
        targets = await _ours(mesh, backend.port)
        targets |= await stack.enter_async_context(_by_hand(folder, backend.port))
        return _rows(await compare(targets, ROUNDS))


def _rows(figures: Mapping[str, Figures]) -> list[Row]:
    errors = sum(shot.errors for each in figures.values() for shot in each.shots)
    http = figures["ours, HTTP"].over(figures["by hand, HTTP"])
    straight = figures["ours, bytes"].over(figures["by hand, bytes"])
    rows = [
        at_least(NAME, "HTTP: ours ÷ by hand, requests/s", http, 0.95, "×"),
        at_least(NAME, "bytes: ours ÷ by hand, requests/s", straight, 0.95, "×"),
        at_most(NAME, "errors", errors, 0, ""),
        shown(NAME, "ours: bytes ÷ HTTP", figures["ours, bytes"].over(figures["ours, HTTP"]), "×"),
    ]
    for name, one in figures.items():
        rows += [
            shown(NAME, f"{name}: requests, median", one.rate, "/s"),
            shown(NAME, f"{name}: p99", one.p99, "µs"),
            shown(NAME, f"{name}: processor time of a request, caller's sidecar", median(one.costs), "µs"),
        ]
    return rows


async def _ours(mesh: Mesh, application: int) -> dict[str, Target]:
    """A caller and a called workload; both Services of the latter lead to one application."""
    ports = {name: free_port() for name in (HTTP, BYTES)}
    served = [
        {"name": name, "port": port, "targetPort": application, "appProtocol": "http"}
        for name, port in ports.items()
    ]
    caller, called = await mesh.join("caller"), await mesh.join("called", ports=served)
    for name, port in ports.items():
        entry = {"name": name, "port": port, "targetPort": port, "appProtocol": "http"}
        await mesh.system.apply(service(name, port, selector={"app": called.account}, ports=[entry]))
    times = {"targetRef": {"kind": "Service", "name": HTTP}, "default": {"http": {"requestTimeout": "15s"}}}
    await mesh.system.apply(manifest("Timeout", HTTP, spec={"to": [times]}))
    await mesh.permit("called", "caller")
    found: dict[str, Target] = {}
    for title, name in (("ours, HTTP", HTTP), ("ours, bytes", BYTES)):
        address = await mesh.place(caller, name)
        await until_answered(address, ports[name])
        found[title] = Target(mesh.envoy(caller).pid, f"http://{address}:{ports[name]}/")
    for member in (caller, called):
        place(mesh.envoy(member).pid, MEASURED)
    return found


@asynccontextmanager
async def _by_hand(folder: Path, application: int) -> AsyncIterator[dict[str, Target]]:
    """The pair of hand_written/."""
    async with running_by_hand(folder, application, "server", "client") as found:
        yield found


@asynccontextmanager
async def running_by_hand(
    folder: Path, application: int, *sides: str, streams: int = 1024, requests_per_connection: int = 0
) -> AsyncIterator[dict[str, Target]]:
    """Those of hand_written/pair_*.yaml, the last one called first; it calls the one before it.

    `streams`: at a time on a connection between them; `requests_per_connection`: in all, 0 for any number.
    """
    authority = TestAuthority()
    ports = {f"{side}_{way}": free_port() for side in sides for way in ("http", "bytes")}
    ports |= {f"next_{way}": ports[f"{sides[-2]}_{way}"] for way in ("http", "bytes")}
    bounds = {"streams": streams, "requests_per_connection": requests_per_connection}
    async with AsyncExitStack() as stack:
        pids = {}
        for side in sides:
            own = folder / side
            own.mkdir()
            (own / "ca.pem").write_bytes(authority.certificate)
            authority.svid(f"spiffe://mesh.local/ns/bench/sa/{side}").write(own, side)
            values = {"folder": own, "backend_port": application, **ports, **bounds}
            started = _bootstrap(f"pair_{side}.yaml", **values)
            envoy = await stack.enter_async_context(running_envoy(started, own))
            pids[side] = envoy.process.pid
            place(envoy.process.pid, MEASURED)
        found = {}
        for title, port in (("HTTP", ports["client_http"]), ("bytes", ports["client_bytes"])):
            await until_answered("127.0.0.1", port)
            found[f"by hand, {title}"] = Target(pids["client"], f"http://127.0.0.1:{port}/")
        yield found


def _bootstrap(name: str, **values: object) -> Any:
    text = Template((ROOT / "bench/hand_written" / name).read_text()).safe_substitute(values)
    made = message("envoy.config.bootstrap.v3.Bootstrap")()
    json_format.ParseDict(yaml.safe_load(text), made, descriptor_pool=descriptor_pool())
    return made


async def until_answered(address: str, port: int) -> None:
    """With 200."""

    async def answered() -> bool:
        try:
            return (await fetch(port, "bench.example.com", address=address)).status == 200
        except (OSError, EOFError, TimeoutError):
            return False

    await eventually(answered, what=f"{address}:{port} answers", within=60, every=0.02)
