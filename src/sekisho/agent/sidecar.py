"""What the agent does beside a workload's Envoy: capture, DNS, readiness, metrics, as configured now."""

import asyncio
import pwd
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TypeVar

import structlog

from sekisho.agent.admin import AdminUnavailable
from sekisho.agent.capture.kernel import CaptureFailed, install, remove
from sekisho.agent.capture.plan import DNS_PORT, Plan, ranges, table_name
from sekisho.agent.configuration import Configuration
from sekisho.agent.dns.answering import Answering
from sekisho.agent.dns.forwarding import Forwarder
from sekisho.agent.dns.records import Records
from sekisho.agent.dns.resolvers import host_resolvers
from sekisho.agent.dns.server import Listen, Server
from sekisho.agent.envoy import Envoy
from sekisho.agent.publishing import publish
from sekisho.agent.readiness import Readiness, Reporting, verdicts
from sekisho.aio.clock import Clock
from sekisho.aio.tasks import is_ending, run_until
from sekisho.ir.agent import AgentConfig, MetricsEndpoint, Probe

log = structlog.get_logger()

SERVING = Readiness(ready=True, reason="ProxyServes", message="It has no readiness probe.")
AGAIN_AFTER = 2.0
"""Seconds after which a part that failed is tried again: a port is taken, the kernel refuses."""
LOOPBACK = (Listen("127.0.0.1", DNS_PORT), Listen("::1", DNS_PORT))

Part = TypeVar("Part")


class Sidecar:
    """The parts beside one Envoy; each is started anew when its own configuration changes, and only then."""

    def __init__(
        self,
        workload: str,
        configuration: Configuration,
        envoy: Envoy,
        reporting: Reporting,
        clock: Clock,
        *,
        may_capture: bool,
    ) -> None:
        """`workload`: `<namespace>/<name>`. `may_capture`: this network namespace is the workload's alone."""
        self._workload = workload
        self._configuration = configuration
        self._envoy = envoy
        self._reporting = reporting
        self._clock = clock
        self._answering = Answering(Records((), ()))
        self._log = log.bind(workload=workload)
        self._may_capture = may_capture
        self._installed: Plan | None = None
        self.captured = asyncio.Event()
        """Set once the capture that is configured is in place; at once when none is."""

    async def run(self) -> None:
        """Runs until cancelled; then the capture is removed."""
        services = {
            "names": self._keep_names(),
            "dns": self._follow(self._dns_places, self._serve_names),
            "capture": self._follow(self._plan, self._capture),
            "readiness": self._follow(_probed, self._watch_readiness),
            "metrics": self._follow(_metrics, self._serve_metrics),
        }
        named = {f"{self._workload}: {name}": service for name, service in services.items()}
        try:
            await run_until(asyncio.Event(), named)
        finally:
            await asyncio.shield(self._release())

    async def _keep_names(self) -> None:
        async with aclosing(self._configuration.changes()) as changes:
            async for _ in changes:
                config = self._configuration.sidecar
                zones = config.zones if config else ()
                self._answering.use(Records(self._configuration.hostnames, zones))

    async def _follow(
        self, part: Callable[[AgentConfig], Part | None], serve: Callable[[Part | None], Awaitable[None]]
    ) -> None:
        """Serves the newest value of one part of the configuration, until cancelled."""
        async with aclosing(self._parts(part)) as values:
            current = await anext(values)
            while True:
                task = asyncio.ensure_future(self._persistently(current, serve))
                try:
                    current = await anext(values)
                finally:
                    task.cancel()
                    await asyncio.wait({task})

    async def _parts(self, part: Callable[[AgentConfig], Part | None]) -> AsyncGenerator[Part | None]:
        said: object = self  # no part is equal to it
        async with aclosing(self._configuration.changes()) as changes:
            async for _ in changes:
                config = self._configuration.sidecar
                if config is not None and (value := part(config)) != said:
                    said = value
                    yield value

    async def _persistently(
        self, value: Part | None, serve: Callable[[Part | None], Awaitable[None]]
    ) -> None:
        while True:
            try:
                await serve(value)
            except (OSError, CaptureFailed) as error:
                self._log.error("a part of the sidecar failed", part=serve.__name__, reason=str(error))
            except Exception:  # noqa: BLE001  a mistake of ours must not end the other parts
                self._log.exception("a part of the sidecar failed", part=serve.__name__)
            if is_ending():
                return
            await self._clock.sleep(AGAIN_AFTER)

    # The parts

    async def _serve_names(self, places: Iterable[Listen] | None) -> None:
        if places:
            server = Server(self._answering, Forwarder(host_resolvers()))
            await _for_ever(server.listening(places))
        await asyncio.Event().wait()

    def _plan(self, config: AgentConfig) -> Plan | None:
        if config.capture == "None":
            return None
        if not self._may_capture:
            self._log.error("capture is configured, but this agent was not started with --capture")
            return None
        return plan(self._workload, config)

    def _dns_places(self, config: AgentConfig) -> tuple[Listen, ...] | None:
        return LOOPBACK if self._may_capture and config.capture != "None" else None

    async def _capture(self, wanted: Plan | None) -> None:
        """A capture that changes is replaced in one step; it is never removed in between."""
        if wanted is None:
            await self._release()
        else:
            before, self._installed = self._installed, wanted  # to be removed even if this ends half-way
            try:
                await install(wanted, before)
            except CaptureFailed:
                self._installed = before or wanted
                raise
        self.captured.set()
        await asyncio.Event().wait()

    async def _release(self) -> None:
        installed, self._installed = self._installed, None
        if installed is not None:
            await remove(installed)

    async def _watch_readiness(self, probed: tuple[Probe, str] | None) -> None:
        """Nobody is to call a workload before its proxy serves, whatever its application says."""
        await self._envoy.ready()
        if probed is None:
            self._reporting.tell(SERVING)
        else:
            async with aclosing(verdicts(*probed, self._clock)) as found:
                async for readiness in found:
                    self._reporting.tell(readiness)
                    await self._keep_clients(readiness)
        await asyncio.Event().wait()

    async def _keep_clients(self, readiness: Readiness) -> None:
        """Those who hold a connection do not come by the list of instances, as those of other zones do not:
        the proxy itself tells them that they had better go to another one."""
        try:
            await (self._envoy.admin.welcome() if readiness.ready else self._envoy.admin.send_elsewhere())
        except AdminUnavailable as error:
            self._log.warning("clients are not told of the readiness", reason=str(error))

    async def _serve_metrics(self, endpoint: MetricsEndpoint | None) -> None:
        if endpoint:
            await publish(f"workload/{self._workload}", endpoint, self._envoy.admin, self._clock)
        await asyncio.Event().wait()


def plan(workload: str, config: AgentConfig) -> Plan:
    """The capture that is configured."""
    excluded = config.excluded
    return Plan(
        table=table_name(workload),
        transparent=config.capture == "TransparentProxy",
        strict=config.strict,
        application_ports=config.application_ports,
        uncaptured_inbound_ports=excluded.inbound_ports,
        uncaptured_outbound_ports=excluded.outbound_ports,
        uncaptured_ranges=ranges(excluded.outbound_ranges),
        uncaptured_users=tuple(_users(excluded.users)),
        virtual_ranges=config.virtual_ranges,
    )


def _users(users: Iterable[str]) -> Iterable[int]:
    for user in users:
        try:
            yield int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
        except KeyError:  # captured, then: nothing goes past the proxy by mistake
            log.warning("a user that is not to be captured does not exist on this host", user=user)


def _probed(config: AgentConfig) -> tuple[Probe, str] | None:
    return (config.probe, config.application_address) if config.probe else None


def _metrics(config: AgentConfig) -> MetricsEndpoint | None:
    return config.metrics


async def _for_ever(served: AbstractAsyncContextManager[None]) -> None:
    async with served:
        await asyncio.Event().wait()
