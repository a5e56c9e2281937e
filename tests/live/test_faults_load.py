"""Changes, restarts and drains while clients ask: not one request fails."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.echo import Echo, serving_echo
from tests.kit.http import Answer, read_answer, request_bytes
from tests.kit.load import under_load
from tests.kit.objects import endpoint_slice, http_listener, route, service
from tests.kit.ports import free_port
from tests.kit.system import System, gateway, running_system

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

HOST = "shop.test"
EDITS = 30
"""Of a route and of endpoints each; the benchmark `route-change` makes 200."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop() -> AsyncIterator[tuple[System, int, tuple[Echo, Echo]]]:
    """A route to two services with a backend each."""
    port = free_port()
    async with running_system() as system, serving_echo("one") as one, serving_echo("two") as two:
        await system.apply(
            gateway(http_listener(port=port)), service("one"), service("two"),
            endpoint_slice("one", "127.0.0.1", port=one.port),
            endpoint_slice("two", "127.0.0.1", port=two.port), route("cart", HOST, backend="one"),
        )  # fmt: skip
        await system.answers(port, HOST)
        await system.in_sync()
        yield system, port, (one, two)


async def test_edits_of_routes_and_endpoints_fail_no_request(
    shop: tuple[System, int, tuple[Echo, Echo]],
) -> None:
    system, port, echoes = shop
    seen = [len(echo.received) for echo in echoes]
    async with under_load(port, HOST) as load:
        for number in range(EDITS):
            header = {"set": [{"name": "x-edit", "value": str(number)}]}
            filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": header}]
            await system.apply(route("cart", HOST, backend=("one", "two")[number % 2], filters=filters))
            await system.apply(
                endpoint_slice("one", "127.0.0.1", port=echoes[number // 2 % 2].port),
                endpoint_slice("two", "127.0.0.1", port=echoes[number // 3 % 2].port),
            )

        async def last_edit_serves() -> bool:
            last = max((echo.received[-1] for echo in echoes if echo.received), key=edit)
            return edit(last) == EDITS - 1

        await system.until(last_edit_serves, "the last edit serves")
        await system.in_sync()
    assert load.failures == []
    assert load.answered > 2 * EDITS
    assert all(len(echo.received) > before for echo, before in zip(echoes, seen, strict=True))


def edit(received: dict[str, dict[str, list[str]]]) -> int:
    """The number of the edit a request came through; -1 for none."""
    return int(received["headers"].get("X-Edit", ["-1"])[0])


async def test_restarts_of_the_control_plane_fail_no_request_and_send_nothing_again(
    shop: tuple[System, int, tuple[Echo, Echo]],
) -> None:
    system, port, _ = shop
    await system.apply(route("cart", HOST, backend="two"))
    await system.in_sync()
    async with under_load(port, HOST) as load:
        for number in range(2):
            await (system.kill("control plane") if number else system.stop("control plane"))
            await system.start_control_plane()
            await system.in_sync()
        await system.apply(route("late", "late.test", backend="two"))
        await system.answers(port, "late.test")
        figures = await system.metrics()
    assert load.failures == []
    sent = {name: count for name, count in figures.items() if name.startswith("sekisho_sent_resources_total")}
    # One new scope; a proxy that comes back says what it has and gets only the difference.
    assert sum(sent.values()) == 1, sent


class Slow:
    """A client with a request under way for a while, that then asks again while it may."""

    def __init__(self, port: int, seconds: float) -> None:
        self._port = port
        self._request = request_bytes("GET", f"/?delay={seconds:g}s", [("host", HOST)])
        self.sent = 0
        self.answers: list[Answer] = []

    async def run(self) -> None:
        """Until it was asked to close its connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while not self.answers or self.answers[-1].header("connection") != "close":
                writer.write(self._request)
                self.sent += 1
                self.answers.append(await read_answer(reader))
        finally:
            writer.close()


async def test_a_drain_of_the_agent_lets_every_accepted_request_end(
    shop: tuple[System, int, tuple[Echo, Echo]],
) -> None:
    system, port, _ = shop
    await system.stop("agent")
    assert system.envoys() == []
    await system.start_agent(drain=4)
    await system.answers(port, HOST)
    clients = [*(Slow(port, 0.02) for _ in range(6)), *(Slow(port, 1.5) for _ in range(3))]
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.run())

        async def all_busy() -> bool:
            return all(client.sent for client in clients) and len(clients[0].answers) > 3

        await system.until(all_busy, "all clients are busy")
        await system.stop("agent")
    assert all(answer.status == 200 for client in clients for answer in client.answers)
    assert [client.sent for client in clients] == [len(client.answers) for client in clients]
    assert system.envoys() == []
    await system.start_agent()
    await system.answers(port, HOST)
