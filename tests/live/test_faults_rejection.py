"""What Envoy refuses is told to who wrote it within two seconds; the last good version serves on."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.echo import Echo, serving_echo
from tests.kit.faulty_control_plane import MARK
from tests.kit.http import fetch
from tests.kit.load import under_load
from tests.kit.objects import endpoint_slice, http_listener, route, service
from tests.kit.ports import free_port
from tests.kit.system import Manifest, System, gateway, promised, running_system

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop() -> AsyncIterator[tuple[System, int, Echo]]:
    """Two hostnames through one gateway, with a control plane that spoils what is marked."""
    port = free_port()
    async with (
        running_system(program="tests.kit.faulty_control_plane") as system,
        serving_echo("one") as echo,
    ):
        await system.apply(
            gateway(http_listener(port=port)), service("cart"),
            endpoint_slice("cart", "127.0.0.1", port=echo.port), route("good", "good.test"), labelled("1"),
        )  # fmt: skip
        await system.answers(port, "bad.test")
        await system.in_sync()
        yield system, port, echo


def labelled(value: str, name: str = "bad") -> Manifest:
    """A route for `<name>.test` that puts a header into requests."""
    modifier = {"set": [{"name": "x-version", "value": value}]}
    filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": modifier}]
    return route(name, f"{name}.test", filters=filters)


async def version(port: int) -> str:
    """The header as the backend saw it."""
    answer = await fetch(port, "bad.test")
    return str(answer.json()["headers"]["X-Version"][0])


async def told(system: System, name: str = "bad") -> bool:
    condition = await system.condition("HTTPRoute", name, "Programmed")
    return condition.get("status") == "False"


async def test_a_refusal_is_told_on_its_route_the_last_good_version_stays_and_a_good_edit_mends_it(
    shop: tuple[System, int, Echo],
) -> None:
    system, port, _ = shop
    async with under_load(port, "good.test", clients=1) as load:
        await system.apply(labelled(MARK))
        assert await system.until(lambda: told(system), "the refusal is told") < promised(2)
        condition = await system.condition("HTTPRoute", "bad", "Programmed")
        assert condition["reason"] == "Rejected"
        assert "PrefixRewrite: value does not match regex pattern" in condition["message"]
        assert len(condition["message"]) < 1000
        assert (await system.condition("HTTPRoute", "bad", "Accepted"))["status"] == "True"
        assert await version(port) == "1"
        assert await system.condition("HTTPRoute", "good", "Programmed") == {}
        assert (await system.condition("Gateway", "web", "Programmed"))["status"] == "True"
        review = await system.review()
        assert [trouble["resource"] for trouble in review["troubles"]] == ["HTTPRoute/shop/bad"]
        assert [proxy["rejected"] for proxy in review["proxies"]] == [1]

        await system.apply(labelled("other", "good"))  # others' edits get through meanwhile

        async def edited() -> bool:
            headers = (await fetch(port, "good.test")).json()["headers"]
            return bool(headers.get("X-Version") == ["other"])

        await system.until(edited, "the edit of another host serves")
        await system.apply(labelled("2"))

        async def mended() -> bool:
            return await version(port) == "2" and not await told(system)

        await system.until(mended, "the good edit serves, and the status is well")
    assert load.failures == []
    assert (await system.review())["troubles"] == []


async def test_several_refusals_at_once_are_told_each_on_its_own_route(
    shop: tuple[System, int, Echo],
) -> None:
    system, port, _ = shop
    names = [f"r{number}" for number in range(12)]
    bad = set(names[::3])
    await system.apply(*(labelled(MARK if name in bad else "1", name) for name in names))
    for name in bad:
        await system.until(lambda name=name: told(system, name), f"the refusal of {name} is told")
    for name in set(names) - bad:
        await system.answers(port, f"{name}.test")
        assert await system.condition("HTTPRoute", name, "Programmed") == {}
    for name in bad:
        await system.client.delete("HTTPRoute", name, "shop")

    async def well() -> bool:
        review = await system.review()
        return review["troubles"] == [] and [proxy["rejected"] for proxy in review["proxies"]] == [0]

    await system.until(well, "nothing is refused any more")


async def test_a_refusal_is_told_again_by_a_new_envoy_and_by_a_new_control_plane(
    shop: tuple[System, int, Echo],
) -> None:
    system, port, _ = shop
    await system.apply(labelled(MARK))
    await system.until(lambda: told(system), "the refusal is told")
    [envoy] = system.envoys()
    envoy.kill()
    await system.answers(port, "good.test")
    await system.kill("control plane")
    await system.start_control_plane()
    await system.until(lambda: told(system), "the refusal is told")
    await system.answers(port, "good.test")
    await system.apply(labelled("3"))
    await system.answers(port, "bad.test")

    async def mended() -> bool:
        return not await told(system)

    await system.until(mended, "the status is well")
