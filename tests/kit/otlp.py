"""A collector of OpenTelemetry (OTLP over gRPC) that keeps what it is sent, as bytes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from tests.kit.ports import free_port

TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
METRICS = "opentelemetry.proto.collector.metrics.v1.MetricsService"
LOGS = "opentelemetry.proto.collector.logs.v1.LogsService"


@dataclass
class Collector:
    """Requests by service, in the order they came."""

    port: int
    received: dict[str, list[bytes]] = field(default_factory=lambda: {TRACES: [], LOGS: [], METRICS: []})

    def has(self, service: str, *texts: str) -> bool:
        """Whether one request to `service` has all these texts in it: protobuf keeps them as they are."""
        return any(all(text.encode() in body for text in texts) for body in self.received[service])


@asynccontextmanager
async def serving_otlp() -> AsyncIterator[Collector]:
    """On the loopback."""
    server, collector = grpc.aio.server(), Collector(free_port())
    for service, received in collector.received.items():
        handler = grpc.unary_unary_rpc_method_handler(_keeping(received))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
    server.add_insecure_port(f"127.0.0.1:{collector.port}")
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(grace=None)


def _keeping(received: list[bytes]) -> Callable[[bytes, object], Awaitable[bytes]]:
    async def export(request: bytes, _: object) -> bytes:
        received.append(request)
        return b""  # an ExportServiceResponse without complaints

    return export
