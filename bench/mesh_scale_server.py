"""The process that is measured by `mesh_scale`: a whole control plane, driven by lines on stdin.

    python -m bench.mesh_scale_server DIRECTORY fill SERVICES REAL permitted|open
    python -m bench.mesh_scale_server DIRECTORY serve

The first writes a mesh (mesh_world.py) into the store and ends, so that the second has no memory of that; the
first instances of the first REAL services are workloads of this host, for a real agent and real Envoys.
DIRECTORY takes the state and the fleet's certificates. Commands, each answered with a JSON line: `proxies`,
`change SERVICE READY`, `policy SECONDS`, `cost`, `settled`, `quit`.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import uvloop
from tests.kit.objects import id_of

from bench import mesh_world
from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.app import garbage, logs
from sekisho.app.control_plane import Parts, build, run
from sekisho.app.settings import Address, ControlPlane, Logging
from sekisho.engine import Read
from sekisho.identity.authority import Registration
from sekisho.identity.files import private_directory
from sekisho.identity.keys import new_key, signing_request
from sekisho.identity.spiffe import SpiffeId
from sekisho.model.document import check
from sekisho.store.protocol import Store, Write
from sekisho.translate.facts import Readiness

PROCESS = psutil.Process()
_AT_ONCE = 500
"""Objects written in one transaction."""
_PATIENCE = 60.0
"""Seconds for a change to be answered by everybody."""


def _settings(directory: Path) -> ControlPlane:
    logs.configure(Logging(level="warning", file=directory / "control-plane.log"))
    state = private_directory(directory / "state")
    return ControlPlane(state=state, api=Address("127.0.0.1", 0), xds=Address("127.0.0.1", 0), drain=0.1)


async def fill(directory: Path, services: int, real: int, *, open_to_all: bool) -> None:
    async with build(_settings(directory), SystemClock()) as parts:
        await _fill(parts.store, services, real, open_to_all=open_to_all)
        await _certificates(parts, directory, services)


async def serve(directory: Path) -> None:
    stop = asyncio.Event()
    async with build(_settings(directory), SystemClock()) as parts:
        announced: asyncio.Future[tuple[Address, Address]] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        serving = run(parts, lambda *addresses: announced.set_result(addresses), stop)
        async with background(serving, name="control plane") as task:
            _, xds = await announced
            _say(port=xds.port, started=time.perf_counter() - began, rss=PROCESS.memory_info().rss)
            await _commands(parts)
            stop.set()
            await task


async def _fill(store: Store, services: int, real: int, *, open_to_all: bool) -> None:
    """As many writes as an API would have made, in fewer transactions."""
    ours = {id_of(one): one for one in map(mesh_world.real_workload, range(real))}
    waiting: list[Write] = []
    for manifest in mesh_world.mesh(services, open_to_all=open_to_all):
        written = ours.get(id_of(manifest), manifest)
        document = check(written["kind"], written).object
        waiting.append(Write("create", id_of(written), document))
        if "status" in written:
            waiting.append(Write("status", id_of(written), document))
        if len(waiting) >= _AT_ONCE:
            await _write(store, waiting)
            waiting.clear()
    await _write(store, waiting)


async def _write(store: Store, writes: list[Write]) -> None:
    for outcome in await store.write(writes):
        if isinstance(outcome, Exception):
            raise outcome


async def _certificates(parts: Parts, directory: Path, services: int) -> None:
    """One for each sidecar, all with one key, into DIRECTORY: `fleet.key`, `ca.pem`, `<workload>.pem`."""
    authority, key = parts.identities.authority, new_key()
    request = signing_request(key)
    (directory / "fleet.key").write_bytes(key.reveal())
    (directory / "ca.pem").write_bytes(authority.bundle)
    for proxy, name in _proxies(services):
        identity = SpiffeId.make(authority.trust_domain, proxy)
        issued = await authority.issue(request, Registration(identity=identity))
        (directory / f"{name}.pem").write_bytes(issued.chain)


def _proxies(services: int) -> Iterator[tuple[str, str]]:
    for number in range(services):
        for instance in range(mesh_world.INSTANCES):
            name = mesh_world.workload_name(number, instance)
            yield f"workload/{mesh_world.namespace_of(number)}/{name}", name


async def _commands(parts: Parts) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := (await reader.readline()).decode().split():
        match line:
            case ["proxies"]:
                _say(**_seen(parts))
            case ["change", service, ready]:
                workload = mesh_world.workload(int(service), 1, ready=ready == "ready")
                _say(**await _change(parts, workload, "status"))
            case ["policy", seconds]:
                _say(**await _change(parts, mesh_world.mesh_timeout(f"{seconds}s"), "update"))
            case ["cost"]:
                _say(cpu=time.process_time(), rss=PROCESS.memory_info().rss)
            case ["settled"]:
                await asyncio.sleep(1.1 * garbage.EVERY)
                _say(rss=PROCESS.memory_info().rss)
            case ["quit"]:
                return
            case _:
                raise ValueError(line)


def _seen(parts: Parts) -> dict[str, Any]:
    """Proxies, how many of them have everything, and how many different views there are."""
    loop = parts.loop
    proxies = loop.proxies.connected_now.values()
    behind = sum(bool(proxy.behind) for proxy in proxies)
    return {
        "connected": len(proxies),
        "synced": len(proxies) - behind,
        "shared_views": loop.publisher.shared_views,
        "resources": loop.publisher.published,
    }


async def _change(parts: Parts, manifest: dict[str, Any], verb: str) -> dict[str, Any]:
    """From the write to the last answer of a proxy that was sent anything; and what it cost."""
    loop, committed = parts.loop, asyncio.Event()
    loop.engine.runs.clear()
    before = Counter(view for proxy in loop.proxies.connected_now.values() for view in proxy.views)
    seqs = {view: view.seq for view in before}
    key, said = _said(manifest)

    def listener(leaves: Mapping[Any, Any], _: Read) -> None:
        # Not at the commit of a status that was written because of the change before.
        if key in leaves and getattr(leaves[key], "spec", leaves[key]) == said:
            committed.set()

    loop.on_commit.append(listener)
    started, cpu = time.perf_counter(), time.process_time()
    await parts.store.write([Write(verb, id_of(manifest), check(manifest["kind"], manifest).object)])
    await committed.wait()
    translated = time.perf_counter()
    await loop.publisher.idle(_PATIENCE)
    ended = time.perf_counter()
    loop.on_commit.remove(listener)
    return {
        "seconds": ended - started,
        "translating": translated - started,
        "cpu": time.process_time() - cpu,
        "runs": sum(loop.engine.runs.values()),
        "pushed": sum(count for view, count in before.items() if view.seq != seqs[view]),
        "views": sum(view.seq != seqs[view] for view in before),
    }


def _said(manifest: dict[str, Any]) -> tuple[Any, Any]:
    """The leaf by which the engine learns of a change, and the value or the `spec` it has then."""
    id_ = id_of(manifest)
    if id_.kind == "Workload":
        return Readiness.of(id_), manifest["status"]["conditions"][0]["status"] == "True"
    return id_, getattr(check(id_.kind, manifest).resource, "spec")  # noqa: B009 - all policies have one


def _say(**answer: Any) -> None:
    print(json.dumps(answer), flush=True)


def main(directory: str, work: str, *more: str) -> None:
    if work == "fill":
        services, real, access = more
        asyncio.run(fill(Path(directory), int(services), int(real), open_to_all=access == "open"))
    else:
        uvloop.run(serve(Path(directory)))


if __name__ == "__main__":
    main(*sys.argv[1:])
