"""Requests per second from a sidecar of one zone through the ingress of another to a sidecar there.

Ours, and the same hops configured by hand (hand_written/pair_*.yaml): `HTTP`, which is always read on the way
to another zone, with HTTP/2 between the sidecars and as many requests on a connection as ours puts on one;
`bytes`, of a port that is said to be TCP. The ingress passes bytes on either way. All Envoys of a way share
one processor, with one worker each; wrk and the application have the other.

BENCH_ROUNDS: how often each is asked.
"""

import os
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

import uvloop
from tests.kit.mesh import service
from tests.kit.ports import free_port

from bench.backends import running_backend
from bench.data_plane import Figures, Target, compare
from bench.harness import Row, at_least, at_most, shown
from bench.mesh_data_plane import BYTES, HTTP, running_by_hand, until_answered
from bench.placement import MEASURED, place
from bench.wrk import missing
from bench.zone_rig import WEB, Zones, running_zones
from sekisho.translate.zone.clusters import REQUESTS_PER_CONNECTION, STREAMS

NAME = "zone-data-plane"
CALLED = "measured"
PROTOCOLS = {HTTP: "http", BYTES: "tcp"}
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "24"))


def main() -> list[Row]:
    return missing(NAME) or uvloop.run(_measure())


async def _measure() -> list[Row]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sk-")))
        backend = await stack.enter_async_context(running_backend(folder))
        zones = await stack.enter_async_context(running_zones())
        targets = await _ours(zones, backend.port)
        by_hand = running_by_hand(
            folder, backend.port, "server", "ingress", "client",
            streams=STREAMS, requests_per_connection=REQUESTS_PER_CONNECTION,
        )  # fmt: skip
        targets |= await stack.enter_async_context(by_hand)
        return _rows(await compare(targets, ROUNDS))


async def _ours(zones: Zones, application: int) -> dict[str, Target]:
    """A called workload in gcp; both of its Services lead to one application."""
    azure, gcp = zones.azure, zones.gcp
    ports = {name: free_port() for name in (HTTP, BYTES)}
    served = [
        {"name": name, "port": port, "targetPort": application, "appProtocol": PROTOCOLS[name]}
        for name, port in ports.items()
    ]
    await gcp.join(CALLED, ports=served)
    await zones.clouds.permit(CALLED, ("azure", WEB))
    for name, port in ports.items():
        entry = {"name": name, "port": port, "targetPort": port, "appProtocol": PROTOCOLS[name]}
        await gcp.system.apply(service(name, port, selector={"app": CALLED}, ports=[entry]))
        await azure.learns(f"{name}.gcp", port)
    found: dict[str, Target] = {}
    for title, name in (("ours, HTTP", HTTP), ("ours, bytes", BYTES)):
        address = await azure.place(zones.web, f"{name}.gcp")
        await until_answered(address, ports[name])
        found[title] = Target(azure.proxy(f"{WEB}-1").pid, f"http://{address}:{ports[name]}/")
    for pid in (azure.proxy(f"{WEB}-1").pid, gcp.proxy("ingress").pid, gcp.proxy(f"{CALLED}-1").pid):
        place(pid, MEASURED)
    return found


def _rows(figures: Mapping[str, Figures]) -> list[Row]:
    errors = sum(shot.errors for each in figures.values() for shot in each.shots)
    http = figures["ours, HTTP"].over(figures["by hand, HTTP"])
    straight = figures["ours, bytes"].over(figures["by hand, bytes"])
    rows = [
        at_least(NAME, "HTTP: ours ÷ by hand, requests/s", http, 0.95, "×"),
        at_least(NAME, "bytes: ours ÷ by hand, requests/s", straight, 0.95, "×"),
        at_most(NAME, "errors", errors, 0, ""),
    ]
    for name, one in figures.items():
        rows += [
            shown(NAME, f"{name}: requests, median", one.rate, "/s"),
            shown(NAME, f"{name}: p99", one.p99, "µs"),
            shown(NAME, f"{name}: processor time of a request, caller's sidecar", median(one.costs), "µs"),
        ]
    return rows
