"""One endpoint for the metrics of Envoy and of the application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from tests.kit.ports import free_port

from sekisho.agent.admin import Admin, AdminUnavailable
from sekisho.agent.metrics import MetricsServer
from sekisho.ir.agent import ApplicationMetrics, MetricsEndpoint

ENVOY = """\
# TYPE envoy_cluster_upstream_rq counter
envoy_cluster_upstream_rq{envoy_cluster_name="a"} 3
# TYPE envoy_server_live gauge
envoy_server_live{} 1
# TYPE requests_total counter
requests_total 1
"""
APPLICATION = """\
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{path="/"} 5
# EOF
"""


class FakeAdmin(Admin):
    """Envoy's admin with a fixed answer; None for one that is gone."""

    text: str | None = ENVOY
    asked: list[bool]

    async def prometheus(self, *, used_only: bool) -> str:
        if FakeAdmin.text is None:
            raise AdminUnavailable("gone")
        return FakeAdmin.text


@pytest.fixture(autouse=True)
def _present() -> None:
    FakeAdmin.text = ENVOY


@asynccontextmanager
async def application(status: str = "200 OK", body: str = APPLICATION) -> AsyncIterator[ApplicationMetrics]:
    port = free_port()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /m HTTP/1.0\r\n")
        writer.write(f"HTTP/1.0 {status}\r\n\r\n{body}".encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    try:
        yield ApplicationMetrics(name="cart", address="127.0.0.1", port=port, path="/m")
    finally:
        server.close()


def server(*applications: ApplicationMetrics, **more: tuple[str, ...]) -> MetricsServer:
    endpoint = MetricsEndpoint(address="127.0.0.1", port=free_port(), applications=applications, **more)
    return MetricsServer(endpoint, FakeAdmin(Path("/none")))


async def test_both_are_told_and_each_name_is_described_once() -> None:
    async with application() as found:
        text = await server(found).text()
    assert 'envoy_cluster_upstream_rq{envoy_cluster_name="a"} 3' in text
    assert 'requests_total{path="/"} 5' in text
    assert text.count("# TYPE requests_total") == 1
    assert "# EOF" not in text
    assert 'sekisho_scrape_up{source="cart"} 1' in text


@pytest.mark.parametrize("status", ["500 no", "404 Not Found"])
async def test_a_source_that_fails_is_left_out_and_told(status: str) -> None:
    async with application(status, "requests_total 9\n") as found:
        text = await server(found).text()
    assert "requests_total 9" not in text
    assert 'sekisho_scrape_up{source="cart"} 0' in text
    FakeAdmin.text = None
    assert 'sekisho_scrape_up{source="envoy"} 0' in await server().text()


async def test_envoys_metrics_are_chosen_by_name() -> None:
    text = await server(include=("envoy_cluster_.*", "envoy_server_live"), exclude=(".*_live",)).text()
    assert "envoy_cluster_upstream_rq" in text
    assert "envoy_server_live" not in text
    assert "requests_total" not in text


async def test_it_is_served_at_its_path_only() -> None:
    made = server()
    base = f"http://127.0.0.1:{made._endpoint.port}"
    async with made.listening(), httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{base}/metrics?x=1")
        assert (answer.status_code, answer.headers["content-type"][:10]) == (200, "text/plain")
        assert "envoy_server_live" in answer.text
        assert (await http.get(f"{base}/")).status_code == 404
        assert (await http.post(f"{base}/metrics")).status_code == 404
