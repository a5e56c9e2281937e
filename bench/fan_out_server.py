"""The process that is measured by `fan_out`: store, loop and ADS server, driven by lines on stdin.

    python -m bench.fan_out_server DIRECTORY SERVICES ours|naive

Commands, each answered with a JSON line: `connections`, `change SERVICE VERSION`, `churn RATE SECONDS` and
`cost`.
"""

import asyncio
import gc
import json
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import structlog
import uvloop
from tests.kit.objects import id_of

from bench.fan_out_naive import NaiveSession
from bench.world import services, slice_of
from sekisho.aio.clock import SystemClock
from sekisho.control.loop import ControlLoop
from sekisho.identity.authority import Registration, new_credentials
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.spiffe import SpiffeId
from sekisho.model.document import check
from sekisho.model.names import ResourceId
from sekisho.store.memory import open_memory
from sekisho.store.protocol import Store, Write
from sekisho.translate.facts import Settings
from sekisho.xds import admission
from sekisho.xds.contexts import Contexts
from sekisho.xds.server import AdsServer
from sekisho.xds.session import Session
from sekisho.xds.tls import server_context
from sekisho.xds.traveller import Traveller
from sekisho.xds.view import Member, View

WEB = ResourceId("Gateway", "shop", "web")
PROCESS = psutil.Process()


async def main(directory: Path, count: int, session: str) -> None:
    sink = (directory / "server.log").open("w")
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(sink),
        cache_logger_on_first_use=True,
    )
    kind = NaiveSession if session == "naive" else Session
    with mock.patch.object(admission, "Session", kind):
        await _serve(directory, count)


async def _serve(directory: Path, count: int) -> None:
    async with open_memory() as store:
        await store.write([_create(one) for one in services(count)])
        loop = ControlLoop(store, SystemClock(), Settings())
        running = asyncio.ensure_future(loop.run())
        await loop.ready.wait()
        gc.collect()
        gc.freeze()
        gc.set_threshold(700, 10, 1_000_000_000)  # as app/garbage.py does for a control plane that serves
        ads, port = await _listen(directory, loop)
        _say(port=port, resources=loop.publisher.published, rss=PROCESS.memory_info().rss)
        await _commands(store, loop, ads)
        running.cancel()


def _create(manifest: dict[str, Any]) -> Write:
    return Write("create", id_of(manifest), check(manifest["kind"], manifest).object)


async def _listen(directory: Path, loop: ControlLoop) -> tuple[AdsServer, int]:
    """Keys and certificates of server and fleet go into `directory`."""
    authority = BuiltInAuthority(directory / "authority", "default.default.mesh.local")
    for file_name, name in (("server", "server"), ("fleet", "gateway/shop/web")):
        identity = SpiffeId.parse(f"spiffe://default.default.mesh.local/{name}")
        made = await new_credentials(authority, Registration(identity=identity, dns_names=("localhost",)))
        file = directory / file_name
        file.with_suffix(".pem").write_bytes(made.issued.chain)
        file.with_suffix(".key").write_bytes(made.key.reveal())
    (directory / "ca.pem").write_bytes(authority.bundle)
    files, authorities = (directory / "server.pem", directory / "server.key"), authority.bundle.decode()
    contexts = Contexts(lambda: server_context(*files, authorities))
    ads = AdsServer(lambda peer, node: [loop.publisher.view(WEB)], loop.proxies)
    await ads.listen_unix(directory / "xds.sock")
    return ads, await ads.listen_tls("127.0.0.1", 0, contexts)


async def _commands(store: Store, loop: ControlLoop, ads: AdsServer) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := (await reader.readline()).decode().split():
        match line:
            case ["connections"]:
                members = loop.publisher.view(WEB).members
                _say(connections=len(members), synced=_synced(loop), settled=sum(map(_is_settled, members)))
            case ["change", service, version]:
                _say(**await _change(store, loop, int(service), int(version)))
            case ["churn", rate, seconds]:
                _say(**await _churn(store, loop, float(rate), float(seconds)))
            case ["cost"]:
                _say(cpu=time.process_time(), rss=PROCESS.memory_info().rss, connections=ads.connections)
            case _:
                raise ValueError(line)


def _synced(loop: ControlLoop) -> int:
    seq = loop.publisher.view(WEB).seq
    return sum(proxy.acknowledged >= seq for proxy in loop.proxies.connected_now.values())


def _is_settled(member: Member) -> bool:
    """Whether it is past the first two seconds of its stream, in which pushes go the general way."""
    return isinstance(member, Traveller) and member.settled


def _update(service: int, version: int) -> Write:
    manifest = slice_of(service, version)
    return Write("update", id_of(manifest), check("EndpointSlice", manifest).object)


async def _change(store: Store, loop: ControlLoop, service: int, version: int) -> dict[str, Any]:
    """One endpoint change: from the write to the last ACK."""
    started, cpu = time.perf_counter(), time.process_time()
    view = loop.publisher.view(WEB)
    before = view.seq
    await store.write([_update(service, version)])
    while view.seq == before:
        await asyncio.sleep(0)
    await loop.publisher.idle(30)
    return {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}


async def _churn(store: Store, loop: ControlLoop, rate: float, seconds: float) -> dict[str, Any]:
    """`rate` endpoint changes a second; from each write to the ACK of the last proxy that got it.

    The writes are made beforehand: parsing and validating them is the API's work, and `route_propagation`'s.
    """
    writes = [_update(n % 500, n // 500 + 1) for n in range(int(rate * seconds) + 1)]
    lags: list[float] = []
    waiting: list[tuple[int, float]] = []
    view = loop.publisher.view(WEB)
    started, cpu, written = time.perf_counter(), time.process_time(), 0
    gather = asyncio.ensure_future(_gather(loop, view, waiting, lags))
    while (elapsed := time.perf_counter() - started) < seconds:
        due = int(elapsed * rate) - written
        if due > 0:
            moment = time.perf_counter()
            await store.write(writes[written : written + due])
            written += due
            waiting.append((view.seq, moment))
        await asyncio.sleep(0.002)
    spent = time.process_time() - cpu
    await loop.publisher.idle(5)
    await asyncio.sleep(0.3)
    gather.cancel()
    return {"changes": written, "lags": lags, "cores": spent / seconds, "unanswered": len(waiting)}


async def _gather(loop: ControlLoop, view: View, waiting: list[tuple[int, float]], lags: list[float]) -> None:
    """A change is in the first commit after the sequence number its writer saw."""
    while True:
        await asyncio.sleep(0.002)
        answered, now = loop.publisher.answered(view), time.perf_counter()
        while waiting and waiting[0][0] < answered:
            lags.append(now - waiting.pop(0)[1])


def _say(**answer: Any) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
