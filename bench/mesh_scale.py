"""A mesh of 1,000 services with two instances each: 2,000 sidecars over mutual TLS, real Envoys among them.

Once with permissions per namespace, so that each sidecar reaches 20 services, once with everything open to
everybody. What is measured is a whole control plane in one process, with its store on disk; from the write of
a change to the last acknowledgement of a proxy that it concerns. The control plane has one core, fleet, agent
and Envoys the other.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench import mesh_world
from bench.fan_out import FLEET_CORE, SERVER_CORE, Peer, fleet_command
from bench.harness import ROOT, Row, at_least, at_most, percentile, shown
from sekisho.app.processes import own

NAME = "mesh-scale"
SERVICES, REAL = 1_000, 3
SIDECARS = SERVICES * mesh_world.INSTANCES
CHANGES, POLICIES = 20, 5
PERMITTED, OPEN = "20 reachable services each", "all reachable"


def main() -> list[Row]:
    return [*_scenario("permitted", PERMITTED, 20), *_scenario("open", OPEN, 80)]


def _scenario(access: str, title: str, limit: float) -> list[Row]:
    with _arena(access) as (server, fleet, hello):
        rows = [shown(NAME, f"{title}: control plane starts", hello["started"], "s")]
        rows += _connect(server, fleet, title)
        rows += _changes(server, title, limit)
        rows += _policy(server, title)
        rows.append(_memory(server, title, ""))
        rows += _reconnect(server, fleet, title, "reconnect")
        rows.append(_memory(server, title, " after they came back"))
        fleet.ask("forget")
        rows += _reconnect(server, fleet, title, "reconnect after a restart")
        rows.append(_memory(server, title, " with the TLS sessions of before that restart", limited=False))
        return rows


def _memory(server: Peer, title: str, when: str, *, limited: bool = True) -> Row:
    """Once that was done which is done each minute. Not `limited` where a restart was emulated: a real one
    leaves no sessions of proxies that have forgotten them.
    """
    memory = server.ask("settled")["rss"] / 1e6
    what = f"{title}: memory of the control plane{when}"
    return at_most(NAME, what, memory, 300, "MB") if limited else shown(NAME, what, memory, "MB")


def _connect(server: Peer, fleet: Peer, title: str) -> list[Row]:
    connected = fleet.ask("connect")
    seen = _synced(server)
    return [
        shown(NAME, f"{title}: sidecars, {REAL} with real Envoys", seen["connected"], ""),
        shown(NAME, f"{title}: all connect, first sync", connected["seconds"], "s"),
        shown(NAME, f"{title}: resources in all views", seen["resources"], ""),
        at_most(NAME, f"{title}: views that sidecars share", seen["shared_views"], 200, ""),
    ]


def _changes(server: Peer, title: str, limit: float) -> list[Row]:
    """An instance is ready no more, or again."""
    wanted = [f"change {7 + number // 2} {('unready', 'ready')[number % 2]}" for number in range(2 * CHANGES)]
    measured = [server.ask(one) for one in wanted][2:]
    wall = [one["seconds"] * 1e3 for one in measured]
    pushed = median(one["pushed"] for one in measured)
    what = f"{title}: endpoint change"
    return [
        at_most(NAME, f"{what} → last ACK, median", median(wall), limit, "ms"),
        shown(NAME, f"{what} → last ACK, p90", percentile(wall, 0.9), "ms"),
        shown(
            NAME, f"{what}: until it is published", median(one["translating"] for one in measured) * 1e3, "ms"
        ),
        shown(NAME, f"{what}: CPU of the control plane", median(one["cpu"] for one in measured) * 1e3, "ms"),
        shown(NAME, f"{what}: sidecars it concerns", pushed, ""),
        shown(NAME, f"{what}: queries run", median(one["runs"] for one in measured), ""),
    ]


def _policy(server: Peer, title: str) -> list[Row]:
    """The operators change a time for all calls of the mesh."""
    server.ask("policy 20")
    measured = [server.ask(f"policy {21 + number}") for number in range(POLICIES)]
    what = f"{title}: policy of the whole mesh"
    wall = median(one["seconds"] for one in measured) * 1e3
    return [
        at_most(NAME, f"{what} → last ACK, median", wall, 600, "ms")
        if title == PERMITTED
        else shown(NAME, f"{what} → last ACK, median", wall, "ms"),
        shown(
            NAME, f"{what}: until it is published", median(one["translating"] for one in measured) * 1e3, "ms"
        ),
        shown(NAME, f"{what}: CPU of the control plane", median(one["cpu"] for one in measured) * 1e3, "ms"),
        shown(NAME, f"{what}: sidecars it concerns", median(one["pushed"] for one in measured), ""),
        shown(NAME, f"{what}: queries run", median(one["runs"] for one in measured), ""),
    ]


def _reconnect(server: Peer, fleet: Peer, title: str, what: str) -> list[Row]:
    cpu = server.ask("cost")["cpu"]
    again = fleet.ask("reconnect")
    spent = server.ask("cost")["cpu"] - cpu
    seen = _synced(server)
    what = f"{title}: {SIDECARS - REAL} {what}"
    return [
        at_most(NAME, f"{what} → all in sync", again["seconds"], 6, "s")
        if title == PERMITTED
        else shown(NAME, f"{what} → all in sync", again["seconds"], "s"),
        shown(NAME, f"{what}: TLS sessions resumed", again["resumed"], ""),
        shown(NAME, f"{what}: CPU of the control plane", spent, "s"),
        at_most(NAME, f"{what}: resources re-sent that they have", again["resources"], 0, ""),
        at_least(NAME, f"{what}: back and in sync", seen["synced"], SIDECARS, ""),
    ]


def _synced(server: Peer) -> dict[str, Any]:
    """The state once every sidecar there is has everything."""
    deadline = time.monotonic() + 60
    while (seen := server.ask("proxies"))["synced"] < SIDECARS and time.monotonic() < deadline:
        time.sleep(0.05)
    return seen


@contextmanager
def _arena(access: str) -> Iterator[tuple[Peer, Peer, dict[str, Any]]]:
    """A control plane, real sidecars that are in sync, and a fleet that is not connected yet."""
    with tempfile.TemporaryDirectory(prefix="sk-") as name:
        directory = Path(name)
        program = [sys.executable, "-m", "bench.mesh_scale_server", name]
        subprocess.run([*program, "fill", str(SERVICES), str(REAL), access], cwd=ROOT, check=True)
        server = Peer(SERVER_CORE, [*program, "serve"])
        try:
            hello = server.ask()
            with _real_sidecars(directory, server, hello["port"]):
                members = dict(list(_members(directory))[REAL:])
                fleet = Peer(FLEET_CORE, fleet_command("sidecars", hello["port"], directory, members))
                try:
                    yield server, fleet, hello
                finally:
                    fleet.end()
        finally:
            server.end()


def _members(directory: Path) -> Iterator[tuple[str, Path]]:
    """The node id and the certificate of each sidecar; those of this host come first."""
    for instance in range(mesh_world.INSTANCES):
        for number in range(SERVICES):
            name = mesh_world.workload_name(number, instance)
            node = f"workload/{mesh_world.namespace_of(number)}/{name}/fleet"
            yield node, directory / f"{name}.pem"


@contextmanager
def _real_sidecars(directory: Path, server: Peer, port: int) -> Iterator[None]:
    """Of the workloads of this host, by an agent as it is."""
    state = directory / "state" / "agent"
    arguments = own(
        "agent", "--state", str(state), "--kubeconfig", str(state / "kubeconfig"), "--drain", "0.1",
        "--xds", f"127.0.0.1:{port}", "--concurrency", "1", "--log-file", str(directory / "agent.log"),
    )  # fmt: skip
    agent = subprocess.Popen(["taskset", "-c", FLEET_CORE, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while server.ask("proxies")["synced"] < REAL:
            if time.monotonic() > deadline:
                raise RuntimeError("the real sidecars did not come into sync")
            time.sleep(0.1)
        yield
    finally:
        agent.terminate()
        agent.wait()
