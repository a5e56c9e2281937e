"""Publishes the metrics of one proxy as it is told to: to who asks for them, and to collectors."""

import asyncio
from contextlib import AsyncExitStack, aclosing

from sekisho.agent.admin import Admin
from sekisho.agent.configuration import Configuration
from sekisho.agent.metrics import MetricsServer
from sekisho.agent.metrics_push import MetricsPusher
from sekisho.aio.clock import Clock
from sekisho.aio.tasks import background
from sekisho.ir.agent import MetricsEndpoint


async def publish(proxy: str, endpoint: MetricsEndpoint, admin: Admin, clock: Clock) -> None:
    """Until cancelled. `proxy`: `workload/<namespace>/<name>` or `gateway/…`. Raises OSError when the port is
    taken."""
    server = MetricsServer(endpoint, admin)
    _, namespace, name = proxy.split("/")
    resource = {"service.name": name, "service.namespace": namespace, "service.instance.id": proxy}
    async with AsyncExitStack() as stack:
        if endpoint.port:
            await stack.enter_async_context(server.listening())
        for push in endpoint.pushes:
            pusher = MetricsPusher(push, server.text, resource, clock)
            sending = background(pusher.run(), name=f"{proxy}: metrics to {push.address}")
            await stack.enter_async_context(sending)
        await asyncio.Event().wait()


async def keep_publishing(proxy: str, configuration: Configuration, admin: Admin, clock: Clock) -> None:
    """As the configuration of now says, until cancelled: for a Gateway, which has nothing else beside it."""
    async with AsyncExitStack() as stack, aclosing(configuration.changes()) as changes:
        current: MetricsEndpoint | None = None
        async for _ in changes:
            config = configuration.sidecar
            wanted = config.metrics if config is not None else None
            if wanted == current:
                continue
            current = wanted
            await stack.aclose()
            if wanted is not None:
                served = publish(proxy, wanted, admin, clock)
                await stack.enter_async_context(background(served, name=f"{proxy}: metrics"))
