"""The agent with real Envoys, real certificates, and a control plane that dies on demand."""

import asyncio
import json
import os
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from tests.kit.control_plane import DOMAIN, ControlPlane
from tests.kit.echo import serving_echo
from tests.kit.evidence import process_folder
from tests.kit.gateway import backend, forward, plain_listener, route
from tests.kit.http import fetch, read_answer
from tests.kit.ports import free_port
from tests.kit.system import PATIENCE, promised
from tests.kit.wait import eventually

from sekisho import envoy, ir
from sekisho.agent.envoy import EnvoyOptions, State
from sekisho.agent.host import Agent
from sekisho.agent.journal import load
from sekisho.agent.options import HostOptions, directory_name
from sekisho.agent.processes import command_of, running
from sekisho.agent.proxy import ProxyStatus
from sekisho.agent.relay import Mode
from sekisho.agent.streams import grpc_dial
from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.protos import envoy_binary

pytestmark = pytest.mark.live

GATEWAY = "gateway/shop/public"
ROOT = Path(__file__).parents[2]
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

    async def answers(self, expected: str, *, within: float = PATIENCE) -> float:
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
    with process_folder() as path:
        yield path


@pytest.fixture(params=["own", "reference"])
async def host(tmp_path: Path, run_directory: Path, request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    control_plane = ControlPlane(tmp_path / "authority", GATEWAY, on_own_server=request.param == "own")
    host = Host(control_plane, run_directory, tmp_path / "state")
    async with serving_echo("one") as echo:
        listener = envoy.resource(envoy.listener(plain_listener(host.port)))
        control_plane.put(listener, hello("one"), *backend("one", echo.port))
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
        host.control_plane.put(hello("two"))
        assert await host.answers("200 two") < promised(1)
        await agent.ready()
        status = only(agent)
        assert (status.state, status.mode, status.restarts, status.fault) == (State.READY, Mode.RELAY, 0, "")
        assert status.certificate_expires
        assert host.control_plane.peers == [f"spiffe://test.example/{GATEWAY}"]


async def test_a_killed_envoy_serves_again_within_two_seconds(host: Host) -> None:
    async with host.control_plane.running(), host.running() as agent:
        await host.answers("200 one")
        for deaths in range(1, 4):
            await kill_envoy(agent)
            assert await host.answers("200 one") < promised(2)
            assert only(agent).restarts == deaths


async def test_without_a_control_plane_a_killed_envoy_serves_the_last_known_good(host: Host) -> None:
    async with host.running() as agent:
        async with host.control_plane.running():
            await host.answers("200 one")
            await saved(host)
        await mode(agent, Mode.LOCAL)
        assert await host.answer() == "200 one"
        for _ in range(2):
            await kill_envoy(agent)
            assert await host.answers("200 one") < promised(5)


async def test_when_the_control_plane_comes_back_its_configuration_counts_again(host: Host) -> None:
    async with host.running() as agent:
        async with host.control_plane.running():
            await host.answers("200 one")
        await mode(agent, Mode.LOCAL)
        host.control_plane.put(hello("two"))
        async with host.control_plane.running():
            assert await host.answers("200 two") < promised(5)
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
        assert await host.answers("200 one") < promised(5)
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
        await agent.ready()
        await saved(host)
        for top in (host.options.run_directory, host.options.state_directory):
            paths = [top, *top.rglob("*")]
            assert len(paths) > 3
            for path in paths:
                mode_ = stat.S_IMODE(path.stat().st_mode)
                assert mode_ == (0o700 if path.is_dir() else 0o600), path
        names = {path.name for path in host.options.run_directory.rglob("*")}
        assert {"admin.sock", "xds.sock", "envoy.log"} <= names
    assert not list(host.options.run_directory.rglob("*.sock")), "a clean end leaves none"


async def test_a_proxy_that_is_no_longer_wanted_is_drained_and_forgotten(host: Host) -> None:
    async with host.control_plane.running():
        async with host.running():
            await host.answers("200 one")
        host.control_plane.wanted = frozenset()
        async with host.running() as agent:

            async def nothing_left() -> bool:
                return agent.status() == () and host.envoys() == [] and not host.state.exists()

            await eventually(nothing_left, what="nothing is left of the proxy")


async def test_a_drain_under_load_loses_no_request(host: Host) -> None:
    """As behind a load balancer: once it drains no new connections come; open ones are asked to close."""
    leaving = asyncio.Event()
    async with host.control_plane.running(), asyncio.TaskGroup() as group, host.running() as agent:
        await host.answers("200 one")
        clients = [Client(host.port, "/echo?delay=0.02s", leaving) for _ in range(8)]
        clients += [Client(host.port, "/echo?delay=1.5s", leaving) for _ in range(2)]
        for client in clients:
            group.create_task(client.run())

        async def busy() -> bool:
            return all(client.sent for client in clients) and clients[0].answered > 3

        async def draining() -> bool:
            return only(agent).state is State.DRAINING

        await eventually(busy, what="all clients are busy")
        group.create_task(noticed(draining, leaving))
    assert [client.failure for client in clients] == [""] * 10
    assert all(client.answered == client.sent for client in clients)


async def noticed(condition: Callable[[], Awaitable[bool]], event: asyncio.Event) -> None:
    await eventually(condition, what="the drain begins")
    event.set()


class Client:
    """Asks again and again, on one connection while it may, until it is to leave and was asked to close."""

    def __init__(self, port: int, path: str, leaving: asyncio.Event) -> None:
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode()
        self._leaving = leaving
        self.sent = self.answered = 0
        self.failure = ""

    async def run(self) -> None:
        try:
            while not self._leaving.is_set():
                await self._connection(*await asyncio.open_connection("127.0.0.1", self._port))
        except (OSError, asyncio.IncompleteReadError) as error:
            self.failure = repr(error)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            closing = False
            while not closing:
                self.sent += 1
                writer.write(self._request)
                answer = await read_answer(reader)
                assert answer.status == 200, answer
                self.answered += 1
                closing = answer.header("connection") == "close"
        finally:
            writer.close()


@asynccontextmanager
async def agent_process(host: Host) -> AsyncIterator[asyncio.subprocess.Process]:
    """An agent in a process of its own, killed at the end."""
    arguments = {
        "authority": str(host.control_plane.directory),
        "trust_domain": DOMAIN,
        "proxy": GATEWAY,
        "port": host.control_plane.port,
        "run": str(host.options.run_directory),
        "state": str(host.options.state_directory),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.kit.agent_process", json.dumps(arguments), cwd=ROOT
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def test_an_envoy_survives_the_kill_of_its_agent_and_the_next_agent_takes_it_over(host: Host) -> None:
    async with host.control_plane.running():
        async with agent_process(host):
            await host.answers("200 one")
            await saved(host)
        [orphan] = host.envoys()
        assert await host.answer() == "200 one"
        async with host.running() as agent:
            await mode(agent, Mode.RELAY)
            assert (only(agent).pid, only(agent).restarts) == (orphan, 0)
            host.control_plane.put(hello("two"))
            await host.answers("200 two")
            await kill_envoy(agent)
            await host.answers("200 two")
            assert only(agent).restarts == 1


async def test_an_agent_killed_and_started_without_a_control_plane_keeps_its_envoy(host: Host) -> None:
    async with host.control_plane.running(), agent_process(host):
        await host.answers("200 one")
        await saved(host)
    [orphan] = host.envoys()
    async with host.running() as agent:
        await mode(agent, Mode.LOCAL)
        assert only(agent).pid == orphan
        assert await host.answer() == "200 one"


async def test_an_envoy_with_another_bootstrap_is_replaced(host: Host) -> None:
    async with host.control_plane.running():
        async with agent_process(host):
            await host.answers("200 one")
        [orphan] = host.envoys()
        host.options = replace(host.options, zone="elsewhere")
        async with host.running() as agent:
            await agent.ready()
            await host.answers("200 one")
            assert host.envoys() == [only(agent).pid] != [orphan]


async def test_a_certificate_for_another_proxy_is_not_taken(host: Host) -> None:
    host.control_plane.signs_for = "gateway/shop/private"
    async with host.control_plane.running(), host.running() as agent:

        async def asked_again() -> bool:
            return len(host.control_plane.signed) > 1

        await eventually(asked_again, what="the certificate is not taken")
        assert host.control_plane.peers == []
        assert only(agent).certificate_expires is None
        assert only(agent).fault == "there is no certificate for this proxy yet"


async def test_certificates_are_renewed_and_used_without_a_lost_request(host: Host) -> None:
    host.control_plane.lifetime = timedelta(seconds=2)
    async with host.control_plane.running(), host.running() as agent:
        await host.answers("200 one")

        async def renewed_twice() -> bool:
            assert await host.answer() == "200 one"
            return len(host.control_plane.peers) >= 3

        await eventually(renewed_twice, what="three streams, each with a certificate of its own")
        host.control_plane.put(hello("two"))
        await host.answers("200 two")
        assert only(agent).restarts == 0
