"""A port that somebody else listens on: named on the Gateway, the rest serves, and it mends itself."""

import socket

import pytest
from tests.kit.live_system import system
from tests.kit.objects import http_listener
from tests.kit.ports import free_port
from tests.kit.system import System, attempt, gateway, promised

__all__ = ["system"]

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

NOBODY = "nobody.test"


async def test_a_taken_port_is_named_within_two_seconds_and_served_once_it_is_free(system: System) -> None:
    taken, free = free_port(), free_port()
    await system.apply(gateway(http_listener(port=free)))
    await system.answers(free, NOBODY, status=404)
    with socket.create_server(("127.0.0.1", taken)):
        await system.apply(gateway(http_listener(port=free), http_listener("taken", taken)))

        async def named() -> bool:
            of_listener = await system.condition("Gateway", "web", "Programmed", "taken")
            of_gateway = await system.condition("Gateway", "web", "Programmed")
            words = f"Port {taken}: Address already in use."
            return all(
                (one.get("status"), one.get("message")) == ("False", words)
                for one in (of_listener, of_gateway)
            )

        assert await system.until(named, "the taken port is named") < promised(2)
        assert (await system.condition("Gateway", "web", "Programmed", "http")).get("status") == "True"
        await system.answers(free, NOBODY, status=404)
        assert [trouble["resource"] for trouble in (await system.review())["troubles"]] == [
            "Gateway/shop/web"
        ]
        [envoy] = system.envoys()
    # A refused listener is tried again after 5 s, then ever more slowly up to a minute apart.
    await system.answers(taken, NOBODY, status=404)

    async def well() -> bool:
        return (await system.condition("Gateway", "web", "Programmed")).get("status") == "True"

    assert await system.until(well, "the Gateway is programmed") < promised(2)
    assert (await system.review())["troubles"] == []
    assert system.envoys() == [envoy]


async def test_a_listener_that_moves_to_a_taken_port_is_told_and_moves_on_to_a_free_one(
    system: System,
) -> None:
    old, taken, new = free_port(), free_port(), free_port()
    await system.apply(gateway(http_listener(port=old), name="moving"))
    await system.answers(old, NOBODY, status=404)
    with socket.create_server(("127.0.0.1", taken)):
        await system.apply(gateway(http_listener(port=taken), name="moving"))

        async def named() -> bool:
            condition = await system.condition("Gateway", "moving", "Programmed", "http")
            return condition.get("status") == "False" and f"ort {taken}" in condition["message"]

        assert await system.until(named, "the taken port is named") < promised(2)
        await system.apply(gateway(http_listener(port=new), name="moving"))
        await system.answers(new, NOBODY, status=404)

    async def well() -> bool:
        return (await system.condition("Gateway", "moving", "Programmed")).get("status") == "True"

    await system.until(well, "the Gateway is programmed")
    assert await attempt(old, NOBODY) is None
