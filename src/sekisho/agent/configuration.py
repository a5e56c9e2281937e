"""What the agent itself is configured with: names for DNS, and how to run the sidecar beside its Envoy.

It comes over a second stream of delta ADS on the proxy's connection, under the node id `agent/<proxy>/…`, as
JSON; and while the control plane is away, from a last known good of its own.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import msgspec
import structlog

from sekisho.agent.link import Connection, Link, Stream, UpstreamBroken
from sekisho.agent.snapshot import Snapshot
from sekisho.agent.tracking import Request, Response
from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.ir.agent import HOSTNAME_TYPE, SIDECAR_TYPE, AgentConfig, HostnameRecord
from sekisho.xds.types import Blob, Name

log = structlog.get_logger()

TYPES: Mapping[str, type[msgspec.Struct]] = {HOSTNAME_TYPE: HostnameRecord, SIDECAR_TYPE: AgentConfig}
SIDECAR = Name(SIDECAR_TYPE, "sidecar")
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
"""Seconds between streams, doubling; the first one again after a stream that brought something."""
_INVALID_ARGUMENT = 3
"""google.rpc.Code of an error_detail."""


class Configuration:
    """The configuration of one proxy's agent, always the newest that could be read."""

    def __init__(
        self,
        proxy: str,
        node: str,
        link: Link,
        snapshot: Snapshot,
        *,
        clock: Clock,
        random: Callable[[], float],
        given: AgentConfig | None = None,
    ) -> None:
        """`node`: id to ask with. `given` counts until the control plane, or the snapshot, says otherwise."""
        self._node = node
        self._link = link
        self._snapshot = snapshot
        self._clock = clock
        self._backoff = Backoff(random, first=FIRST_PAUSE, limit=LONGEST_PAUSE)
        self._log = log.bind(proxy=proxy)
        self._values: dict[Name, Any] = {} if given is None else {SIDECAR: given}
        self._waiters: set[asyncio.Event] = set()
        for name, blob in snapshot.resources.items():
            try:
                self._values[name] = _decoded(name.type_url, blob.body)
            except (msgspec.MsgspecError, KeyError):  # of another version of this program; it is sent again
                self._log.warning("stored configuration of the agent is not used", name=name.name)

    @property
    def sidecar(self) -> AgentConfig | None:
        """How to run the sidecar; None while nobody has said."""
        found: AgentConfig | None = self._values.get(SIDECAR)
        return found

    @property
    def hostnames(self) -> tuple[HostnameRecord, ...]:
        """All names of the mesh the workload may know."""
        return tuple(value for name, value in self._values.items() if name.type_url == HOSTNAME_TYPE)

    async def changes(self) -> AsyncGenerator[None]:
        """Yields at once, and after each change; several at a time may be one."""
        changed = asyncio.Event()
        self._waiters.add(changed)
        try:
            while True:
                yield
                await changed.wait()
                changed.clear()
        finally:
            self._waiters.discard(changed)

    async def run(self) -> None:
        """Follows the control plane until cancelled, through any absence of it."""
        while True:
            await self._link.up.wait()
            if connection := self._link.connection:
                try:
                    await self._follow(connection)
                except UpstreamBroken as error:
                    self._log.debug("stream of the agent's configuration ended", reason=str(error))
            await self._clock.sleep(self._backoff.next())

    async def _follow(self, connection: Connection) -> None:
        async with connection.open() as stream:
            for type_url in TYPES:
                await stream.write(self._first_request(type_url))
            while (message := await stream.read()) is not None:
                self._backoff.reset()
                await self._take(stream, Response.FromString(message))

    def _first_request(self, type_url: str) -> bytes:
        held = self._snapshot.resources.items()
        request = Request(
            node={"id": self._node, "cluster": "sekisho"},
            type_url=type_url,
            resource_names_subscribe=["*"],
            initial_resource_versions={
                name.name: blob.version
                for name, blob in held
                if name.type_url == type_url and name in self._values
            },
        )
        return bytes(request.SerializeToString())

    async def _take(self, stream: Stream, response: Any) -> None:
        answer = Request(type_url=response.type_url, response_nonce=response.nonce)
        if refused := self._applied(response):
            answer.error_detail.code = _INVALID_ARGUMENT
            answer.error_detail.message = refused
        await stream.write(bytes(answer.SerializeToString()))

    def _applied(self, response: Any) -> str:
        """Puts a response into effect, all of it or nothing; returns why not."""
        try:
            values = {
                Name(response.type_url, each.name): _decoded(response.type_url, each.resource.value)
                for each in response.resources
                if each.HasField("resource")
            }
        except (msgspec.MsgspecError, KeyError) as error:
            self._log.error("configuration of the agent is refused", reason=str(error))
            return f"{error}"
        gone = [Name(response.type_url, name) for name in response.removed_resources]
        self._values |= values
        for name in gone:
            self._values.pop(name, None)
        self._snapshot.put(
            {
                Name(response.type_url, each.name): Blob(each.version, each.resource.value)
                for each in response.resources
                if each.HasField("resource")
            }
        )
        self._snapshot.drop(gone)
        for changed in self._waiters:
            changed.set()
        return ""


def _decoded(type_url: str, body: bytes) -> Any:
    return msgspec.json.decode(body, type=TYPES[type_url])
