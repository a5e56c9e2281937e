"""An endpoint that fails is found out once for all routes of a Service, and stays out during their edits."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from tests.kit.echo import Echo, serving_echo
from tests.kit.objects import endpoint_slice, http_listener, manifest, route, service
from tests.kit.ports import free_port
from tests.kit.system import Manifest, System, attempt, gateway, running_system

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

HOSTS = ("a.test", "b.test")
CONSECUTIVE = 5


class Shop:
    """A Service of three endpoints behind two routes; one endpoint can leave, and stays in the list."""

    def __init__(self, system: System, port: int, leaving: AsyncExitStack) -> None:
        self.system, self.port, self.leaving = system, port, leaving

    async def failures(self, requests: int) -> int:
        """How many of so many requests to each hostname, in turn, are not answered with 200."""
        failed = 0
        for _ in range(requests):
            for host in HOSTS:
                answer = await attempt(self.port, host)
                failed += answer is None or answer.status != 200
        return failed

    async def edit(self, name: str, host: str) -> None:
        """The route gets a response header; returns when that is seen."""
        change = {"set": [{"name": "x-edited", "value": "yes"}]}
        filters = [{"type": "ResponseHeaderModifier", "responseHeaderModifier": change}]
        await self.system.apply(route(name, host, filters=filters))

        async def seen() -> bool:
            answer = await attempt(self.port, host)
            return answer is not None and answer.header("x-edited") == "yes"

        await self.system.until(seen, f"the edit of {name} is in effect")


@pytest_asyncio.fixture(loop_scope="module")
async def shop() -> AsyncIterator[Shop]:
    port = free_port()
    async with (
        running_system() as system, AsyncExitStack() as leaving,
        serving_echo("one") as one, serving_echo("two") as two,
    ):  # fmt: skip
        ill = await leaving.enter_async_context(serving_echo("ill"))
        await system.apply(
            gateway(http_listener(port=port)), service("cart"),
            *(_slice(echo) for echo in (one, two, ill)),
            route("a", "a.test"), route("b", "b.test"), _outlier_detection(),
        )  # fmt: skip
        for host in HOSTS:
            await system.answers(port, host)
        await system.in_sync()
        yield Shop(system, port, leaving)


def _slice(echo: Echo) -> Manifest:
    found = endpoint_slice("cart", "127.0.0.1", port=echo.port)
    return found | {"metadata": found["metadata"] | {"name": f"cart-{echo.pod}"}}


def _outlier_detection() -> Manifest:
    """With the share of endpoints that may be left out as it is unless said: less than one of three."""
    detectors = {"totalFailures": {"consecutive": CONSECUTIVE}}
    default = {"outlierDetection": {"detectors": detectors, "baseEjectionTime": "1h"}}
    to = [{"targetRef": {"kind": "Service", "name": "cart"}, "default": default}]
    return manifest("CircuitBreaker", "cart", spec={"to": to})


async def test_an_endpoint_that_leaves_costs_one_ejection_and_edits_of_routes_do_not_bring_it_back(
    shop: Shop,
) -> None:
    assert await shop.failures(20) == 0
    await shop.leaving.aclose()
    assert CONSECUTIVE <= await shop.failures(60) < CONSECUTIVE * len(HOSTS), "each route for itself"
    for name, host in zip("ab", HOSTS, strict=True):
        await shop.edit(name, host)
        assert await shop.failures(15) == 0
