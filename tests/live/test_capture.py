"""The kernel's side of a capture, in real network namespaces, with sockets in the place of a proxy."""

import asyncio
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kit.netns import Namespace, namespaces, needs_namespaces
from tests.kit.system import PATIENCE

from sekisho.agent.capture.plan import Plan, ranges
from sekisho.agent.capture.rules import INBOUND_MARK

pytestmark = [pytest.mark.live, needs_namespaces]

ROOT = Path(__file__).parents[2]
VIRTUAL, VIRTUAL6 = "241.0.0.9", "fd5e:6b69:7368:6f::f100:9"
APPLICATION, PROXY, EXCLUDED = 1000, 1337, 1500
APPLICATION_PORT, OTHER_PORT = 8080, 9090
PLAN = Plan(
    table="sekisho_test",
    application_ports=(APPLICATION_PORT,),
    uncaptured_outbound_ports=(2525,),
    uncaptured_inbound_ports=(2222,),
    uncaptured_ranges=ranges(("10.77.0.64/26",)),
    uncaptured_users=(EXCLUDED,),
)
SCRIPT = """
import ast, asyncio, sys
from ipaddress import ip_network
from sekisho.agent.capture.kernel import install, remove
from sekisho.agent.capture.plan import Plan, ranges
fields = ast.literal_eval(sys.argv[2])
fields["uncaptured_ranges"] = ranges(fields["uncaptured_ranges"])
plan = Plan(**fields)
asyncio.run(install(plan) if sys.argv[1] == "install" else remove(plan))
"""


def kernel(inside: Namespace, what: str, plan: Plan) -> None:
    """Installs or removes the capture, in the namespace, as an agent there would."""
    fields = {name: getattr(plan, name) for name in plan.__slots__}
    fields["uncaptured_ranges"] = tuple(map(str, plan.uncaptured_ranges))
    inside.run(sys.executable, "-c", SCRIPT, what, repr(fields))


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Namespace, Namespace]]:
    with namespaces("a", "b") as made:
        yield made[0], made[1]


@asynccontextmanager
async def naming(
    inside: Namespace, name: str, port: int, *, transparent: bool = False
) -> AsyncIterator[None]:
    """Servers of both families that tell who they are, whom the caller wanted, where it calls from."""

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        wanted = f"{writer.get_extra_info('sockname')[0]}" if transparent else original(connection)
        peer = writer.get_extra_info("peername")[0]
        writer.write(f"{name} {wanted} {peer}\n".encode())
        writer.close()

    async with AsyncExitStack() as stack:
        for address in ("0.0.0.0", "::"):
            listener = inside.listener(port, address)
            if transparent:
                option = socket.IP_TRANSPARENT if address == "0.0.0.0" else 75
                level = socket.IPPROTO_IP if address == "0.0.0.0" else socket.IPPROTO_IPV6
                listener.setsockopt(level, option, 1)
            stack.callback((await asyncio.start_server(tell, sock=listener)).close)
        yield


def original(connection: socket.socket) -> str:
    """Whom a redirected connection was for (SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST)."""
    try:
        if connection.family == socket.AF_INET6:
            raw = connection.getsockopt(socket.IPPROTO_IPV6, 80, 28)
            return socket.inet_ntop(socket.AF_INET6, raw[8:24])
        raw = connection.getsockopt(socket.IPPROTO_IP, 80, 16)
        return f"{socket.inet_ntoa(raw[4:8])}:{struct.unpack('!H', raw[2:4])[0]}"
    except OSError:
        return "-"


async def call(inside: Namespace, address: str, port: int, user: int = APPLICATION) -> str:
    """What a program of this user hears; what goes wrong for it, otherwise."""
    script = f"exec 3<>/dev/tcp/{address}/{port} && head -n 1 <&3"
    command = inside.command("timeout", "3", "bash", "-c", script, user=user)
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    heard, errors = await process.communicate()
    if process.returncode == 0:
        return heard.decode().strip()
    return "refused" if b"refused" in errors else "silence" if process.returncode == 124 else errors.decode()


@pytest.fixture(params=["redirect", "tproxy"])
async def captured(
    hosts: tuple[Namespace, Namespace], request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Namespace, Namespace, Plan]]:
    """The first host captures; both have something on the ports of an application."""
    inside, outside = hosts
    plan = replace(PLAN, transparent=request.param == "tproxy")
    async with AsyncExitStack() as stack:
        for name, port in (("outbound", 15001), ("inbound", 15006)):
            await stack.enter_async_context(naming(inside, name, port, transparent=plan.transparent))
        for port in (APPLICATION_PORT, 2222):
            await stack.enter_async_context(naming(inside, f"application-{port}", port))
        for port in (OTHER_PORT, 2525):
            await stack.enter_async_context(naming(outside, f"outside-{port}", port))
        kernel(inside, "install", plan)
        try:
            yield inside, outside, plan
        finally:
            kernel(inside, "remove", plan)
            assert "sekisho" not in inside.run("nft", "list", "ruleset")


Captured = tuple[Namespace, Namespace, Plan]


@pytest.mark.parametrize("address", [VIRTUAL, VIRTUAL6])
async def test_what_the_application_sends_gets_to_the_proxy_with_its_destination(
    captured: Captured, address: str
) -> None:
    inside, _, _ = captured
    heard = await call(inside, address, 80)
    assert heard.startswith(f"outbound {address}")


async def test_real_addresses_are_captured_as_well_on_both_families(captured: Captured) -> None:
    inside, outside, _ = captured
    for address in (outside.address, outside.address6):
        assert (await call(inside, address, OTHER_PORT)).startswith(f"outbound {address}")


async def test_what_is_excluded_goes_its_own_way(captured: Captured) -> None:
    inside, outside, _ = captured
    for port, user in ((2525, APPLICATION), (OTHER_PORT, EXCLUDED), (OTHER_PORT, PROXY)):
        assert (await call(inside, outside.address, port, user)).startswith(f"outside-{port}")
    assert (await call(inside, "127.0.0.1", APPLICATION_PORT)).startswith("application-8080")


@pytest.mark.parametrize("family", ["address", "address6"])
async def test_whoever_calls_the_workload_gets_to_the_proxy(captured: Captured, family: str) -> None:
    inside, outside, plan = captured
    heard = await call(outside, getattr(inside, family), APPLICATION_PORT)
    assert heard.startswith(f"inbound {getattr(inside, family)}")
    assert heard.endswith(getattr(outside, family))
    assert (await call(outside, getattr(inside, family), 2222)).startswith("application-2222")
    assert plan.strict


async def test_the_ports_of_the_proxy_itself_do_not_lead_past_it(captured: Captured) -> None:
    """Nobody outside can use the outbound side: it would be a way into the mesh under the workload's name."""
    inside, outside, _ = captured
    assert not (await call(outside, inside.address, 15001)).startswith("outbound")


async def test_datagrams_past_the_proxy_are_dropped(captured: Captured) -> None:
    inside, outside, _ = captured
    listener = inside.listener(APPLICATION_PORT, kind=socket.SOCK_DGRAM)
    open_one = inside.listener(7777, kind=socket.SOCK_DGRAM)
    sender = outside.caller(inside.address, socket.SOCK_DGRAM)
    with listener, open_one, sender:
        sender.sendto(b"past", (inside.address, APPLICATION_PORT))
        sender.sendto(b"beside", (inside.address, 7777))
        loop = asyncio.get_running_loop()
        assert await asyncio.wait_for(loop.sock_recv(open_one, 16), PATIENCE) == b"beside"
        with pytest.raises(BlockingIOError):
            listener.recv(16)


async def test_questions_to_any_resolver_come_to_the_agent(captured: Captured) -> None:
    inside, outside, _ = captured
    answering = inside.listener(15053, "127.0.0.1", socket.SOCK_DGRAM)
    client = inside.caller("127.0.0.1", socket.SOCK_DGRAM)
    loop = asyncio.get_running_loop()
    with answering, client:
        for resolver in (outside.address, "127.0.0.53"):
            client.sendto(b"question", (resolver, 53))
            question, sender = await asyncio.wait_for(loop.sock_recvfrom(answering, 64), PATIENCE)
            answering.sendto(b"answer to " + question, sender)
            answer, source = await asyncio.wait_for(loop.sock_recvfrom(client, 64), PATIENCE)
            assert (answer, source) == (b"answer to question", (resolver, 53))
    async with naming(inside, "names", 15053):
        assert (await call(inside, outside.address, 53)).startswith("names")


async def test_a_workload_that_calls_itself_through_its_proxy_is_inbound(captured: Captured) -> None:
    inside, _, plan = captured
    assert (await call(inside, inside.address, APPLICATION_PORT, PROXY)).startswith("inbound")
    assert (await call(inside, inside.address, APPLICATION_PORT)).startswith("application")
    if not plan.transparent:  # as the proxy calls its application
        for source, own in (("127.0.0.6", inside.address), ("::6", inside.address6)):
            with inside.caller(own, group=PROXY) as proxy:
                proxy.bind((source, 0))
                loop = asyncio.get_running_loop()
                await loop.sock_connect(proxy, (own, APPLICATION_PORT))
                assert (await loop.sock_recv(proxy, 64)).startswith(b"application")


async def test_tproxy_lets_the_application_see_its_caller(hosts: tuple[Namespace, Namespace]) -> None:
    """The proxy connects to the application from the caller's address, with the mark, over `lo`."""
    inside, outside = hosts
    plan = replace(PLAN, transparent=True)
    async with naming(inside, "application", APPLICATION_PORT):
        kernel(inside, "install", plan)
        try:
            with inside.caller(inside.address) as proxy:
                proxy.setsockopt(socket.IPPROTO_IP, socket.IP_TRANSPARENT, 1)
                proxy.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, INBOUND_MARK)
                proxy.bind((outside.address, 0))
                loop = asyncio.get_running_loop()
                await asyncio.wait_for(loop.sock_connect(proxy, (inside.address, APPLICATION_PORT)), PATIENCE)
                heard = (await asyncio.wait_for(loop.sock_recv(proxy, 64), PATIENCE)).decode()
        finally:
            kernel(inside, "remove", plan)
    assert heard.split()[2] == outside.address


async def test_a_capture_is_replaced_at_once_and_as_often_as_one_likes(captured: Captured) -> None:
    inside, outside, plan = captured
    kernel(inside, "install", plan)
    kernel(inside, "install", replace(plan, uncaptured_outbound_ports=(OTHER_PORT,)))
    assert (await call(inside, outside.address, OTHER_PORT)).startswith("outside")
    assert (await call(inside, outside.address, 2525)).startswith("outbound")
    assert inside.run("nft", "list", "tables").count("sekisho") == 1


@pytest.mark.parametrize("transparent", [False, True])
async def test_connections_from_before_the_capture_go_on(
    hosts: tuple[Namespace, Namespace], transparent: bool
) -> None:
    """Of the agent to its control plane, to begin with."""
    inside, outside = hosts
    plan = replace(PLAN, transparent=transparent)
    loop = asyncio.get_running_loop()
    made = []
    for own, other in ((inside, outside), (outside, inside)):
        with other.listener(OTHER_PORT) as listener:
            caller = own.caller(other.address)
            await loop.sock_connect(caller, (other.address, OTHER_PORT))
            made.append((caller, (await loop.sock_accept(listener))[0]))
    kernel(inside, "install", plan)
    try:
        for ends in made:
            for one, other in (ends, ends[::-1]):
                await loop.sock_sendall(one, b"still here")
                assert await asyncio.wait_for(loop.sock_recv(other, 64), PATIENCE) == b"still here"
    finally:
        kernel(inside, "remove", plan)
        for end in (each for ends in made for each in ends):
            end.close()


async def test_without_a_proxy_what_is_captured_is_refused(hosts: tuple[Namespace, Namespace]) -> None:
    """Closed, never open: the rules stay when an agent is killed."""
    inside, outside = hosts
    async with naming(outside, "outside", OTHER_PORT), naming(inside, "application", APPLICATION_PORT):
        kernel(inside, "install", PLAN)
        try:
            assert await call(inside, outside.address, OTHER_PORT) == "refused"
            assert await call(outside, inside.address, APPLICATION_PORT) == "refused"
        finally:
            kernel(inside, "remove", PLAN)
        assert (await call(inside, outside.address, OTHER_PORT)).startswith("outside")
        assert (await call(outside, inside.address, APPLICATION_PORT)).startswith("application")
