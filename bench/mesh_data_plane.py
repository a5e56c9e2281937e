"""Requests per second through two sidecars with mutual TLS between them: ours, and a pair configured by hand.

`HTTP`: both sidecars read requests, HTTP/2 between them, as a policy for requests makes them. `bytes`: nobody
needs to read HTTP, so bytes travel as they are. Both sidecars of a pair share one processor, with one worker
each; wrk and the application have the other. All are asked over 16 connections that are kept, of which HTTP/2
makes one.

The pair by hand (hand_written/pair_*.yaml) is the fastest there is, and promises less: mutual TLS 1.3 where
the caller knows the server's identity, and the server lets in whoever has a certificate. What ours does
beyond it costs something, and is not taken off for the comparison: who may call is judged (HTTP: for each
request), the application is told who calls, paths are normal, requests and idle streams end, memory and
connections have limits, figures are kept. `by hand, careful` is that pair with most of it done by hand, for
HTTP, but no limits of memory, and no figures; it is shown.

Ways of one kind are asked one right after another, in every order equally often: the processor's speed drifts
by a tenth within seconds on shared machines. Requests per second say something on a quiet machine only;
processor time per request, of both sidecars and the kernel, can be compared on any, and is shown as a ratio,
too.

BENCH_ROUNDS: how often each is asked; a multiple of 6, the number of orders of three.
"""

import os
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
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
STARTS = 4
HTTP, BYTES = "requests", "straight"
"""Services of the called workload: one with a policy for requests, one without."""
WAYS = {"HTTP": "http", "bytes": "bytes", "careful": "careful"}
"""Through those by hand: title, and what listeners are called."""


def main() -> list[Row]:
    return missing(NAME) or uvloop.run(_measure())


async def _measure() -> list[Row]:
    figures = await over_starts(_running)
    ours, careful = figures["ours, HTTP"], figures["by hand, careful"]
    return [
        *rows_of_both(NAME, figures),
        shown(NAME, "HTTP: ours ÷ by hand, careful, requests/s", ours.over(careful), "×"),
        shown(NAME, "HTTP: ours ÷ by hand, careful, by processor time", ours.costing(careful), "×"),
        shown(NAME, "ours: bytes ÷ HTTP", figures["ours, bytes"].rate / ours.rate, "×"),
    ]


@asynccontextmanager
async def _running() -> AsyncIterator[dict[str, Target]]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sk-")))
        backend = await stack.enter_async_context(running_backend(folder))
        mesh = await stack.enter_async_context(running_mesh())
        targets = await _ours(mesh, backend.port)
        yield targets | await stack.enter_async_context(_by_hand(folder, backend.port))


Running = Callable[[], AbstractAsyncContextManager[dict[str, Target]]]


async def over_starts(running: Running) -> dict[str, Figures]:
    """Asks ROUNDS times, of processes started STARTS times: two of one configuration differ by up to 6 %."""
    figures: dict[str, Figures] = defaultdict(Figures)
    for _ in range(STARTS):
        async with running() as targets:
            for name, found in (await compare_by_kind(targets, ROUNDS // STARTS)).items():
                figures[name].shots += found.shots
                figures[name].costs += found.costs
    return figures


async def compare_by_kind(targets: Mapping[str, Target], rounds: int) -> dict[str, Figures]:
    """Those that read requests among themselves, and those that do not.

    All of them in one round have 120 orders, of which the first 24 begin with the same one.
    """
    unread = {name: each for name, each in targets.items() if name.endswith("bytes")}
    read = {name: each for name, each in targets.items() if name not in unread}
    return await compare(read, rounds) | await compare(unread, rounds)


def rows_of_both(bench: str, figures: Mapping[str, Figures]) -> list[Row]:
    """HTTP and bytes, each of ours and by hand; beside them whatever else was asked."""
    errors = sum(shot.errors for each in figures.values() for shot in each.shots)
    rows = [at_most(bench, "errors", errors, 0, "")]
    for way in ("HTTP", "bytes"):
        ours, by_hand = figures[f"ours, {way}"], figures[f"by hand, {way}"]
        rows += [
            at_least(bench, f"{way}: ours ÷ by hand, requests/s", ours.over(by_hand), 0.95, "×"),
            shown(bench, f"{way}: ours ÷ by hand, by processor time", ours.costing(by_hand), "×"),
        ]
    for name, one in figures.items():
        rows += [
            shown(bench, f"{name}: requests, median", one.rate, "/s"),
            shown(bench, f"{name}: p99", one.p99, "µs"),
            shown(bench, f"{name}: processor time of a request, all proxies", median(one.costs), "µs"),
        ]
    return rows


async def _ours(mesh: Mesh, application: int) -> dict[str, Target]:
    """A caller and a called workload; both Services of the latter lead to one application.

    Their sidecars start when everything else is there, as those by hand do.
    """
    ports = {name: free_port() for name in (HTTP, BYTES)}
    for name, port in ports.items():
        entry = {"name": name, "port": port, "targetPort": port, "appProtocol": "http"}
        await mesh.system.apply(service(name, port, selector={"app": "called"}, ports=[entry]))
    times = {"targetRef": {"kind": "Service", "name": HTTP}, "default": {"http": {"requestTimeout": "15s"}}}
    await mesh.system.apply(manifest("Timeout", HTTP, spec={"to": [times]}))
    await mesh.permit("called", "caller")
    served = [
        {"name": name, "port": port, "targetPort": application, "appProtocol": "http"}
        for name, port in ports.items()
    ]
    called, caller = await mesh.join("called", ports=served), await mesh.join("caller")
    found: dict[str, Target] = {}
    for title, name in (("ours, HTTP", HTTP), ("ours, bytes", BYTES)):
        address = await mesh.place(caller, name)
        await until_answered(address, ports[name])
        pids = (mesh.envoy(caller).pid, mesh.envoy(called).pid)
        found[title] = Target(pids, f"http://{address}:{ports[name]}/")
    for member in (caller, called):
        place(mesh.envoy(member).pid, MEASURED)
    return found


@asynccontextmanager
async def _by_hand(folder: Path, application: int) -> AsyncIterator[dict[str, Target]]:
    """The pair of hand_written/."""
    async with running_by_hand(folder, application, "server", "client", titles=tuple(WAYS)) as found:
        yield found


@asynccontextmanager
async def running_by_hand(
    folder: Path,
    application: int,
    *sides: str,
    titles: Sequence[str] = ("HTTP", "bytes"),
    streams: int = 1024,
    requests_per_connection: int = 0,
) -> AsyncIterator[dict[str, Target]]:
    """Those of hand_written/pair_*.yaml, the last one called first; it calls the one before it.

    `titles`: which of WAYS. `streams`: at a time on a connection between them; `requests_per_connection`: in
    all, 0 for any number.
    """
    authority = TestAuthority()
    ports = {f"{side}_{way}": free_port() for side in sides for way in WAYS.values()}
    ports |= {f"next_{way}": ports[f"{sides[-2]}_{way}"] for way in WAYS.values()}
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
        for title in titles:
            port = ports[f"client_{WAYS[title]}"]
            await until_answered("127.0.0.1", port)
            found[f"by hand, {title}"] = Target(tuple(pids.values()), f"http://127.0.0.1:{port}/")
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
