"""What real sidecars tell: spans and logs to a collector, metrics with those of the application."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from tests.kit.http import fetch
from tests.kit.mesh import Mesh, running_mesh, spiffe_id
from tests.kit.objects import gateway, manifest
from tests.kit.otlp import LOGS, METRICS, TRACES, Collector, serving_otlp
from tests.kit.ports import free_port
from tests.kit.system import Manifest

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def observed() -> AsyncIterator[tuple[Mesh, Collector]]:
    """One client of one server, and a collector outside the mesh."""
    async with running_mesh() as mesh, serving_otlp() as collector:
        await mesh.permit("server", "client")
        for account in ("client", "server"):
            await mesh.join(account)
        await mesh.answers(mesh.members["client-1"], "server")
        yield mesh, collector


def backend(collector: Collector, **more: object) -> Manifest:
    place = {"collector": {"address": "127.0.0.1", "port": collector.port}}
    return {"type": "OpenTelemetry", "openTelemetry": place | more}


async def test_spans_come_to_the_collector_and_the_application_can_go_on_with_the_trace(
    observed: tuple[Mesh, Collector],
) -> None:
    mesh, collector = observed
    spec = {"default": {"backends": [backend(collector)]}}
    await mesh.system.apply(manifest("Tracing", "all", spec=spec))

    async def told() -> bool:
        await mesh.call(mesh.members["client-1"], "server", "/traced")
        return collector.has(TRACES, "/traced")

    await mesh.system.until(told, "spans come")
    answer = await mesh.call(mesh.members["client-1"], "server", "/traced")
    assert answer is not None
    assert "Traceparent" in answer.json()["headers"]
    await mesh.system.client.delete("Tracing", "all", "shop")


async def test_logs_of_what_a_server_takes_in_name_the_caller(observed: tuple[Mesh, Collector]) -> None:
    mesh, collector = observed
    logged = backend(collector, body="%REQ(:PATH)% by %DOWNSTREAM_PEER_URI_SAN%")
    target = {"kind": "Workload", "labels": {"app": "server"}}
    rules = [{"default": {"backends": [logged]}}]
    await mesh.system.apply(manifest("AccessLog", "in", spec={"targetRef": target, "rules": rules}))

    async def told() -> bool:
        await mesh.call(mesh.members["client-1"], "server", "/logged")
        return collector.has(LOGS, f"by {spiffe_id('client')}")

    await mesh.system.until(told, "a log comes")
    await mesh.system.client.delete("AccessLog", "in", "shop")


@asynccontextmanager
async def serving_metrics(text: str) -> AsyncIterator[int]:
    """An application's own metrics, on a port of the loopback."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n{text}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def test_metrics_of_the_proxy_and_of_the_application_are_at_one_place(
    observed: tuple[Mesh, Collector],
) -> None:
    mesh, _ = observed
    server, port = mesh.members["server-1"], free_port()
    async with serving_metrics("# TYPE sold counter\nsold 42\n") as own:
        default = {
            "backends": [{"type": "Prometheus", "prometheus": {"port": port, "path": "/m"}}],
            "applications": [{"name": "till", "port": own, "path": "/metrics"}],
        }
        target = {"kind": "Workload", "labels": {"app": "server"}}
        await mesh.system.apply(manifest("Metrics", "m", spec={"targetRef": target, "default": default}))

        async def told() -> bool:
            await mesh.call(mesh.members["client-1"], "server")
            try:
                answer = await fetch(port, "metrics", "/m", address=server.address)
            except OSError:
                return False
            return b"sold" in answer.body and b"envoy_cluster_upstream_rq_total" in answer.body

        await mesh.system.until(told, "both are there")
    await mesh.system.client.delete("Metrics", "m", "shop")


async def test_lines_of_a_server_come_to_a_log_server_as_json_and_lie_nowhere(
    observed: tuple[Mesh, Collector],
) -> None:
    mesh, _ = observed
    received: list[dict[str, object]] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            received.append(json.loads(line))
        writer.close()

    fields = {"path": "%REQ(:PATH)%", "code": "%RESPONSE_CODE%", "caller": "%DOWNSTREAM_PEER_URI_SAN%"}
    wanted = {"path": "/carried", "code": 200, "caller": spiffe_id("client")}
    layout = {"type": "Json", "json": [{"key": key, "value": value} for key, value in fields.items()]}
    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        logged = {"type": "Tcp", "tcp": {"address": address, "format": layout}}
        target = {"kind": "Workload", "labels": {"app": "server"}}
        rules = [{"default": {"backends": [logged]}}]
        await mesh.system.apply(manifest("AccessLog", "tcp", spec={"targetRef": target, "rules": rules}))

        async def told() -> bool:
            await mesh.call(mesh.members["client-1"], "server", "/carried")
            return wanted in received

        await mesh.system.until(told, "a line comes")
        await mesh.system.client.delete("AccessLog", "tcp", "shop")
    assert not list(mesh.system.folder.rglob("tcp-log-*"))


async def test_metrics_of_the_proxy_are_sent_to_a_collector(observed: tuple[Mesh, Collector]) -> None:
    mesh, collector = observed
    pushed = {"collector": {"address": "127.0.0.1", "port": collector.port}, "refreshInterval": "1s"}
    default = {"backends": [{"type": "OpenTelemetry", "openTelemetry": pushed}]}
    target = {"kind": "Workload", "labels": {"app": "server"}}
    await mesh.system.apply(manifest("Metrics", "push", spec={"targetRef": target, "default": default}))

    async def told() -> bool:
        await mesh.call(mesh.members["client-1"], "server")
        wanted = ("envoy_cluster_upstream_rq_total", "workload/shop/server-1", "sekisho_scrape_up")
        return collector.has(METRICS, *wanted)

    await mesh.system.until(told, "metrics come")
    assert not any(b"workload/shop/client-1" in body for body in collector.received[METRICS])
    await mesh.system.client.delete("Metrics", "push", "shop")


async def test_so_are_those_of_a_gateway(observed: tuple[Mesh, Collector]) -> None:
    mesh, collector = observed
    pushed = {"collector": {"address": "127.0.0.1", "port": collector.port}, "refreshInterval": "1s"}
    default = {"backends": [{"type": "OpenTelemetry", "openTelemetry": pushed}]}
    spec = {"targetRef": {"kind": "Gateway", "name": "door"}, "default": default}
    await mesh.system.apply(gateway("door", port=free_port()), manifest("Metrics", "door", spec=spec))

    async def told() -> bool:
        return collector.has(METRICS, "envoy_server_live", "gateway/shop/door")

    await mesh.system.until(told, "metrics come")
    for kind, name in (("Metrics", "door"), ("Gateway", "door")):
        await mesh.system.client.delete(kind, name, "shop")
