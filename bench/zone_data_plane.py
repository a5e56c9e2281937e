"""Requests per second from a sidecar of one zone through the ingress of another to a sidecar there.

Ours, and the same hops configured by hand (hand_written/pair_*.yaml): `HTTP`, which is always read on the way
to another zone, with HTTP/2 between the sidecars and as many requests on a connection as ours puts on one
(no TLS session is taken up again by either); `bytes`, of a port that is said to be TCP. The ingress passes
bytes on either way. All Envoys of a way share one processor, with one worker each; wrk and the application
have the other. What ours promises beyond those by hand is in `mesh_data_plane.py`; on the way to another zone
it also tries again what failed on the way, leaves out ingresses that do not answer, and asks after them.

BENCH_ROUNDS as for mesh-data-plane.
"""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import uvloop
from tests.kit.mesh import service
from tests.kit.ports import free_port

from bench.backends import running_backend
from bench.data_plane import Target
from bench.harness import Row
from bench.mesh_data_plane import BYTES, HTTP, over_starts, rows_of_both, running_by_hand, until_answered
from bench.placement import MEASURED, place
from bench.wrk import missing
from bench.zone_rig import WEB, Zones, running_zones
from sekisho.translate.zone.clusters import REQUESTS_PER_CONNECTION, STREAMS

NAME = "zone-data-plane"
CALLED = "measured"
PROTOCOLS = {HTTP: "http", BYTES: "tcp"}


def main() -> list[Row]:
    return missing(NAME) or uvloop.run(_measure())


async def _measure() -> list[Row]:
    return rows_of_both(NAME, await over_starts(_running))


@asynccontextmanager
async def _running() -> AsyncIterator[dict[str, Target]]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sk-")))
        backend = await stack.enter_async_context(running_backend(folder))
        zones = await stack.enter_async_context(running_zones())
        targets = await _ours(zones, backend.port)
        by_hand = running_by_hand(
            folder, backend.port, "server", "ingress", "client",
            streams=STREAMS, requests_per_connection=REQUESTS_PER_CONNECTION,
        )  # fmt: skip
        yield targets | await stack.enter_async_context(by_hand)


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
    pids = (azure.proxy(f"{WEB}-1").pid, gcp.proxy("ingress").pid, gcp.proxy(f"{CALLED}-1").pid)
    for title, name in (("ours, HTTP", HTTP), ("ours, bytes", BYTES)):
        address = await azure.place(zones.web, f"{name}.gcp")
        await until_answered(address, ports[name])
        found[title] = Target(pids, f"http://{address}:{ports[name]}/")
    for pid in pids:
        place(pid, MEASURED)
    return found
