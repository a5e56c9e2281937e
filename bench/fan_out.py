"""One change to 2,000 proxies over mTLS: 1,000 services, all seen by all, some real Envoys among them.

The server has one core and the fleet the other. Beside it, in the same run, a naive server that compares
whole snapshots per proxy (fewer proxies, as it would take minutes; its figures are per proxy).
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.harness import ROOT, Row, at_least, at_most, percentile, shown
from sekisho.envoy.bootstrap import bootstrap
from sekisho.protos import envoy_binary

NAME = "fan-out"
SERVICES, PROXIES, NAIVE_PROXIES, ENVOYS = 1_000, 2_000, 200, 3
SERVER_CORE, FLEET_CORE = "0", "1"
CHANGES = 20
RATE, SECONDS = 500, 10


class Peer:
    """A child process that answers each line with one JSON object."""

    def __init__(self, core: str, command: list[str]) -> None:
        self._process = subprocess.Popen(
            ["taskset", "-c", core, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def ask(self, line: str = "") -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if line:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")
        return json.loads(answer)  # type: ignore[no-any-return]

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def fleet_binary() -> Path:
    """Compiled when its source is newer; into bench/build, which git ignores."""
    folder, binary = ROOT / "bench/fleet", ROOT / "bench/build/fleet"
    newest = max(source.stat().st_mtime for source in folder.iterdir())
    if not binary.exists() or binary.stat().st_mtime < newest:
        binary.parent.mkdir(exist_ok=True)
        subprocess.run(["gcc", "-O2", "-o", binary, folder / "fleet.c", "-lssl", "-lcrypto"], check=True)
    return binary


def fleet_command(role: str, port: int, directory: Path, members: Mapping[str, Path]) -> list[str]:
    """The command of a fleet of `gateways` or `sidecars`: node id → its certificate, whose key is
    `fleet.key` in `directory`, beside `ca.pem`."""
    listed = directory / "members"
    listed.write_text("".join(f"{node} {certificate}\n" for node, certificate in members.items()))
    files = (listed, directory / "fleet.key", directory / "ca.pem")
    return [str(fleet_binary()), role, str(port), *map(str, files)]


def _envoy(directory: Path, number: int) -> subprocess.Popen[bytes]:
    """A real proxy among the simulated ones, in a network namespace of its own: all bind the same port."""
    made = bootstrap(
        node_id=f"gateway/shop/web/envoy-{number}",
        xds_socket=str(directory / "xds.sock"),
        admin_socket=str(directory / f"admin-{number}.sock"),
        max_heap_bytes=1 << 30,
        max_connections=1_000,
    )
    config = directory / f"envoy-{number}.pb"
    config.write_bytes(made.SerializeToString())
    flags = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "critical"]
    command = shlex.join([str(envoy_binary()), "-c", str(config), *flags])
    apart = ["unshare", "--net", *(() if os.geteuid() == 0 else ("--map-root-user",))]
    return subprocess.Popen(
        ["taskset", "-c", FLEET_CORE, *apart, "sh", "-c", f"ip link set lo up; exec {command}"],
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def real_envoys(directory: Path, server: Peer) -> Iterator[None]:
    """Some real Envoys, in sync before anything is measured."""
    envoys = [_envoy(directory, number) for number in range(ENVOYS)]
    try:
        _wait_for(server, "synced", ENVOYS)
        yield
    finally:
        for one in envoys:
            one.kill()
            one.wait()


def _wait_for(server: Peer, figure: str, least: int) -> None:
    """Until so many proxies are `synced`, or `settled`."""
    deadline = time.monotonic() + 120
    while (value := server.ask("connections")[figure]) < least:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{figure} of {least}: {value}")
        time.sleep(0.1)


@contextmanager
def arena(session: str, proxies: int) -> Iterator[tuple[Peer, Peer, dict[str, Any]]]:
    """A server and a fleet that is not connected yet."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        server = Peer(
            SERVER_CORE, [sys.executable, "-m", "bench.fan_out_server", name, str(SERVICES), session]
        )
        try:
            hello = server.ask()
            certificate = directory / "fleet.pem"
            members = {f"gateway/shop/web/sim-{number}": certificate for number in range(proxies)}
            fleet = Peer(FLEET_CORE, fleet_command("gateways", hello["port"], directory, members))
            try:
                yield server, fleet, {**hello, "directory": directory}
            finally:
                fleet.end()
        finally:
            server.end()


def main() -> list[Row]:
    with arena("ours", PROXIES) as (server, fleet, hello), real_envoys(hello["directory"], server):
        hello["rss"] = server.ask("cost")["rss"]
        rows = [shown(NAME, "real Envoys among them", ENVOYS, ""), *_connect(server, fleet, hello)]
        _wait_for(server, "settled", PROXIES + ENVOYS)
        rows += _changes(server)
        rows += _churn(server)
        rows += _reconnect(server, fleet)
    return [*rows, *_naive(rows)]


def _connect(server: Peer, fleet: Peer, hello: dict[str, Any]) -> list[Row]:
    connected = fleet.ask("connect")
    cost = server.ask("cost")
    per_proxy = (cost["rss"] - hello["rss"]) / PROXIES / 1024
    return [
        shown(NAME, "resources in the view", hello["resources"], ""),
        shown(NAME, f"{PROXIES} proxies connect, first sync of all", connected["seconds"], "s"),
        at_most(NAME, "memory per proxy", per_proxy, 60, "KB"),
    ]


def _changes(server: Peer) -> list[Row]:
    for version in range(3):
        server.ask(f"change 3 {version + 1}")
    measured = [server.ask(f"change {7 + number} {number + 5}") for number in range(CHANGES)]
    wall = [one["seconds"] * 1e3 for one in measured]
    cpu = sorted(one["cpu"] for one in measured)[CHANGES // 2]
    return [
        at_most(NAME, "one change → last ACK, median", percentile(wall, 0.5), 70, "ms"),
        shown(NAME, "one change → last ACK, worst of 20", max(wall), "ms"),
        at_most(NAME, "CPU per push and ACK", cpu / PROXIES * 1e6, 30, "µs"),
    ]


def _churn(server: Peer) -> list[Row]:
    churn = server.ask(f"churn {RATE} {SECONDS}")
    lags = [lag * 1e3 for lag in churn["lags"]]
    return [
        at_least(NAME, "changes per second sustained", churn["changes"] / SECONDS, RATE * 0.99, "/s"),
        at_most(NAME, "cores used meanwhile", churn["cores"], 1, ""),
        at_most(NAME, "change → last ACK meanwhile, p99", percentile(lags, 0.99), 100, "ms"),
        at_most(NAME, "changes never answered", churn["unanswered"], 0, ""),
    ]


def _reconnect(server: Peer, fleet: Peer) -> list[Row]:
    """When the network was gone, and when the control plane was: then there is no TLS session any more."""
    back = fleet.ask("reconnect")
    fleet.ask("forget")
    anew = fleet.ask("reconnect")
    connections = server.ask("connections")
    return [
        at_most(NAME, f"{PROXIES} reconnect → all in sync", back["seconds"], 5, "s"),
        shown(NAME, "of whom resumed their TLS session", back["resumed"], ""),
        at_most(NAME, f"{PROXIES} reconnect after a restart → all in sync", anew["seconds"], 5, "s"),
        at_most(NAME, "of whom resumed their TLS session then", anew["resumed"], 0, ""),
        at_most(NAME, "resources re-sent that they have", back["resources"] + anew["resources"], 0, ""),
        at_least(NAME, "proxies back", connections["connections"], PROXIES, ""),
    ]


def _naive(ours: list[Row]) -> list[Row]:
    """CPU per push and ACK, and memory, of the naive server; and how many times ours that is."""
    with arena("naive", NAIVE_PROXIES) as (server, fleet, hello):
        fleet.ask("connect")
        rss = server.ask("cost")["rss"]
        measured = [server.ask(f"change {7 + number} {number + 5}") for number in range(5)]
    cpu = sorted(one["cpu"] for one in measured)[2] / NAIVE_PROXIES * 1e6
    mine = {row.metric: row.value for row in ours}
    return [
        shown(NAME, "naive: CPU per push and ACK", cpu, "µs"),
        shown(NAME, "naive: memory per proxy", (rss - hello["rss"]) / NAIVE_PROXIES / 1024, "KB"),
        shown(NAME, "naive ÷ ours, CPU", cpu / mine["CPU per push and ACK"], "×"),
    ]
