"""The agent with real Envoys, real certificates, and a control plane that dies on demand."""

import asyncio
import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from tests.kit.control_plane import ControlPlane
from tests.kit.echo import serving_echo
from tests.kit.gateway import backend, forward, plain_listener, route
from tests.kit.http import fetch
from tests.kit.ports import free_port
from tests.kit.wait import eventually

from sekisho import envoy, ir
from sekisho.agent.envoy import EnvoyOptions, State
from sekisho.agent.host import Agent, AgentRunning
from sekisho.agent.processes import command_of, running
from sekisho.agent.proxy import HostOptions, ProxyStatus, directory_name
from sekisho.agent.relay import Mode
from sekisho.agent.snapshot import load
from sekisho.agent.streams import grpc_dial
from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.protos import envoy_binary

pytestmark = pytest.mark.live

GATEWAY = "gateway/shop/public"
HOST = "shop.test"


def hello(text: str) -> envoy.Resource:
    """The routes of the test's host: a fixed answer, and the echo backend below `/echo`."""
    routes = (
        route(forward("one"), ir.PathPrefix("/echo"), name="echo"),
        route(ir.Respond(status=200, body=text), name="hello"),
    )
    host = ir.VirtualHost(table="8080", hostname=HOST, routes=routes)
    return envoy.resource(envoy.scoped_route_configuration(host))


class Host:
    """A host for an agent, and the traffic through its only Envoy."""

    def __init__(self, control_plane: ControlPlane, run_directory: Path, state_directory: Path) -> None:
        self.control_plane = control_plane
        self.port = free_port()
        self.options = HostOptions(
            run_directory=run_directory,
            state_directory=state_directory,
            instance="host-1",
            envoy=EnvoyOptions(binary=envoy_binary(), concurrency=1, drain=1.0, deadline=10.0),
        )

    def agent(self) -> Agent:
        return Agent(
            self.options,
            self.control_plane,
            self.control_plane,
            grpc_dial(f"127.0.0.1:{self.control_plane.port}", "control-plane.test"),
            clock=SystemClock(),
            random=Random(1),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Agent]:
        agent = self.agent()
        async with background(agent.run(), name="agent"):
            yield agent

    async def answer(self, path: str = "/") -> str:
        """The body of an answer, or what went wrong."""
        try:
            answer = await fetch(self.port, HOST, path)
        except (OSError, asyncio.IncompleteReadError) as error:
            return type(error).__name__
        return f"{answer.status} {answer.body.decode()}"

    async def answers(self, expected: str, *, within: float = 10) -> float:
        """Waits for this answer. Returns after how many seconds it came."""
        start = time.monotonic()

        async def as_expected() -> bool:
            return await self.answer() == expected

        await eventually(as_expected, what=f"answer {expected!r}", within=within)
        return time.monotonic() - start

    @property
    def state(self) -> Path:
        return self.options.state_directory / directory_name(GATEWAY)

    def envoys(self) -> list[int]:
        """The Envoys of this host in the process table."""
        prefix = str(self.options.run_directory)
        return [pid for pid in running() if any(word.startswith(prefix) for word in command_of(pid))]


@pytest.fixture
def run_directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="sk-", dir="/tmp"))  # sockets want short paths
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def host(tmp_path: Path, run_directory: Path) -> AsyncIterator[Host]:
    control_plane = ControlPlane(tmp_path / "authority", GATEWAY)
    host = Host(control_plane, run_directory, tmp_path / "state")
    async with serving_echo("one") as echo:
        listener = envoy.resource(envoy.listener(plain_listener(host.port)))
        control_plane.ads.put(listener, hello("one"), *backend("one", echo.port))
        yield host
    left = host.envoys()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == [], "an Envoy outlived its test"


def only(agent: Agent) -> ProxyStatus:
    [status] = agent.status()
    return status


async def mode(agent: Agent, expected: Mode) -> None:
    async def reached() -> bool:
        return [status.mode for status in agent.status()] == [expected]

    await eventually(reached, what=f"mode {expected}")


async def kill_envoy(agent: Agent) -> None:
    """`kill -9`; returns when it is dead, and its port free."""
    pid = only(agent).pid
    assert pid
    os.kill(pid, signal.SIGKILL)

    async def gone() -> bool:
        return not command_of(pid)

    await eventually(gone, what="the process is gone")


async def saved(host: Host) -> None:
    """Waits until the last known good on the disk holds every resource there is."""
    expected = sum(len(by_name) for by_name in host.control_plane.ads.resources.values())

    async def complete() -> bool:
        return len(load(host.state / "last-known-good")) == expected

    await eventually(complete, what="the last known good is complete")


async def test_an_envoy_is_served_by_the_control_plane_and_changes_reach_it(host: Host) -> None:
    async with host.control_plane.running(), host.running() as agent:
        await agent.ready()
        await host.answers("200 one")
        host.control_plane.ads.put(hello("two"))
        assert await host.answers("200 two") < 1
        status = only(agent)
        assert (status.state, status.mode, status.restarts, status.fault) == (State.READY, Mode.RELAY, 0, "")
        assert status.certificate_expires
        assert host.control_plane.peers == [f"spiffe://test.example/{GATEWAY}"]


async def test_a_killed_envoy_serves_again_within_two_seconds(host: Host) -> None:
    async with host.control_plane.running(), host.running() as agent:
        await host.answers("200 one")
        for deaths in range(1, 4):
            await kill_envoy(agent)
            assert await host.answers("200 one") < 2
            assert only(agent).restarts == deaths


async def test_without_a_control_plane_a_killed_envoy_serves_the_last_known_good(host: Host) -> None:
    async with host.running() as agent:
        async with host.control_plane.running():
            await host.answers("200 one")
        await mode(agent, Mode.LOCAL)
        assert await host.answer() == "200 one"
        for _ in range(2):
            await kill_envoy(agent)
            assert await host.answers("200 one") < 5


async def test_when_the_control_plane_comes_back_its_configuration_counts_again(host: Host) -> None:
    async with host.running() as agent:
        async with host.control_plane.running():
            await host.answers("200 one")
        await mode(agent, Mode.LOCAL)
        host.control_plane.ads.put(hello("two"))
        async with host.control_plane.running():
            assert await host.answers("200 two") < 5
            await mode(agent, Mode.RELAY)


async def test_no_request_is_lost_while_the_control_plane_goes_and_comes(host: Host) -> None:
    failures: list[str] = []

    async def load_until_cancelled() -> None:
        while True:
            if (answer := await host.answer()) != "200 one":
                failures.append(answer)

    async with host.running() as agent:
        async with host.control_plane.running():
            await host.answers("200 one")
            await mode(agent, Mode.RELAY)
        async with background(load_until_cancelled(), name="load"):
            for _ in range(2):
                await mode(agent, Mode.LOCAL)
                async with host.control_plane.running():
                    await mode(agent, Mode.RELAY)
    assert failures == []


async def test_an_agent_started_without_a_control_plane_serves_the_last_known_good(host: Host) -> None:
    async with host.control_plane.running(), host.running():
        await host.answers("200 one")
        await saved(host)
    assert host.envoys() == []
    async with host.running() as agent:
        assert await host.answers("200 one") < 5
        assert only(agent).mode is Mode.LOCAL
        assert only(agent).certificate_expires
        assert "no connection" in only(agent).fault


async def test_without_control_plane_and_last_known_good_nothing_is_served_and_the_status_says_so(
    host: Host,
) -> None:
    async with host.control_plane.running(), host.running():
        await host.answers("200 one")
    (host.state / "last-known-good").unlink()
    async with host.running() as agent:
        await mode(agent, Mode.WAITING)
        assert await host.answer() == "ConnectionRefusedError"
        assert only(agent).state is State.STARTING


async def test_a_damaged_last_known_good_is_ignored_and_made_whole_again(host: Host) -> None:
    async with host.control_plane.running(), host.running():
        await host.answers("200 one")
        await saved(host)
    file = host.state / "last-known-good"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    async with host.control_plane.running(), host.running():
        await host.answers("200 one")
        await saved(host)


async def test_every_file_and_socket_is_its_owners_only(host: Host) -> None:
    async with host.control_plane.running(), host.running() as agent:
        await host.answers("200 one")
        await saved(host)
        for top in (host.options.run_directory, host.options.state_directory):
            paths = [top, *top.rglob("*")]
            assert len(paths) > 3
            for path in paths:
                mode_ = stat.S_IMODE(path.stat().st_mode)
                assert mode_ == (0o700 if path.is_dir() else 0o600), path
        names = {path.name for path in host.options.run_directory.rglob("*")}
        assert {"admin.sock", "xds.sock", "envoy.log", "agent.lock"} <= names
        assert only(agent).state is State.READY


async def test_a_proxy_that_is_no_longer_wanted_is_drained_and_forgotten(host: Host) -> None:
    async with host.control_plane.running():
        async with host.running():
            await host.answers("200 one")
        host.control_plane.wanted = frozenset()
        async with host.running() as agent:

            async def nothing_left() -> bool:
                return agent.status() == () and host.envoys() == [] and not host.state.exists()

            await eventually(nothing_left, what="nothing is left of the proxy")


async def test_two_agents_do_not_share_a_run_directory(host: Host) -> None:
    async with host.control_plane.running(), host.running():
        await host.answers("200 one")
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(host.agent().run())
        assert caught.group_contains(AgentRunning)


async def test_a_drain_under_load_loses_no_request(host: Host) -> None:
    """Each client keeps its connection while it may, opens a new one when told, stops when nobody listens."""
    async with host.control_plane.running(), host.running():
        await host.answers("200 one")
        clients = [Client(host.port, "/echo?delay=0.02s") for _ in range(8)]
        clients += [Client(host.port, "/echo?delay=1.5s") for _ in range(2)]
        tasks = [asyncio.create_task(client.run()) for client in clients]

        async def busy() -> bool:
            return all(client.sent for client in clients) and clients[0].answered > 3

        await eventually(busy, what="all clients are busy")
    await asyncio.wait_for(asyncio.gather(*tasks), 10)
    assert [client.failure for client in clients] == [""] * 10
    assert all(client.answered == client.sent for client in clients)


class Client:
    """Asks again and again until connections are refused."""

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode()
        self.sent = self.answered = 0
        self.failure = ""

    async def run(self) -> None:
        with suppress(ConnectionRefusedError):
            while not self.failure:
                await self._connection(*await asyncio.open_connection("127.0.0.1", self._port))

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.sent += 1
                writer.write(self._request)
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = head.partition("content-length: ")[2].partition("\r\n")[0]
                await reader.readexactly(int(length or 0))
                if not head.startswith("http/1.1 200"):
                    self.failure = head
                    return
                self.answered += 1
                if "connection: close" in head:
                    return
        except (OSError, asyncio.IncompleteReadError) as error:
            self.failure = repr(error)
        finally:
            writer.close()
