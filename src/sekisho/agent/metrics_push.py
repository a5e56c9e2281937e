"""Sends metrics to collectors of OpenTelemetry (OTLP over gRPC), again and again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
import structlog

from sekisho.agent.otlp_metrics import request
from sekisho.aio.clock import Clock
from sekisho.ir.agent import MetricsPush

log = structlog.get_logger()

EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
PATIENCE = 5.0
"""Seconds for a collector to take them; what it does not take it gets the next time, as counters go on."""

_aio: Any = grpc.aio  # its published types are those of an older version


class MetricsPusher:
    """One proxy's way to one collector."""

    def __init__(
        self,
        push: MetricsPush,
        text: Callable[[], Awaitable[str]],
        resource: Mapping[str, str],
        clock: Clock,
    ) -> None:
        """`text`: gives all metrics of now, in Prometheus' text form. `resource`: who tells them."""
        self._push = push
        self._text = text
        self._resource = resource
        self._clock = clock
        self._log = log.bind(collector=f"{push.address}:{push.port}")

    async def run(self) -> None:
        """Sends at once, and then every interval, until cancelled."""
        start, told = self._clock.now(), ""
        target = f"[{self._push.address}]" if ":" in self._push.address else self._push.address
        async with _aio.insecure_channel(f"{target}:{self._push.port}") as channel:
            export = channel.unary_unary(EXPORT)
            while True:
                try:
                    text = await self._text()
                    body = await asyncio.to_thread(
                        request, text, self._resource, start=start, now=self._clock.now()
                    )
                    await export(body, timeout=PATIENCE)
                    told = ""
                except (grpc.aio.AioRpcError, ValueError) as error:
                    reason = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error)
                    if reason != told:
                        self._log.warning("metrics are not taken", reason=reason)
                    told = reason or ""
                await self._clock.sleep(self._push.interval)
