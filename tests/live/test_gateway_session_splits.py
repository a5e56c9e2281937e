"""Sessions through a real gateway where a rule has several backends: a caller stays, whatever the weights."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from tests.kit.echo import serving_echo
from tests.kit.http import Answer, fetch
from tests.kit.objects import endpoint_slice, http_listener, manifest, route, service
from tests.kit.ports import free_port
from tests.kit.system import Manifest, System, gateway, running_system

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

CALLS = 20
HOSTS = ("split.test", "x.wild.test", "Split.test")
"""An exact hostname, and two that are given their routes late in the chain."""
COOKIE: Manifest = {"sessionName": "cart"}
HEADER: Manifest = {"sessionName": "X-Cart", "type": "Header"}


class Shop:
    """A gateway before three Services with an instance each."""

    def __init__(self, system: System, port: int) -> None:
        self.system, self.port = system, port
        self._edits = 0

    async def serve(self, rule: Manifest, host: str = "split.test") -> None:
        """Returns when the rule, and nothing older, is in effect."""
        self._edits += 1
        told = {"set": [{"name": "x-edit", "value": str(self._edits)}]}
        filters = [{"type": "ResponseHeaderModifier", "responseHeaderModifier": told}]
        made = route(host.replace("*", "any").lower(), host.lower())
        made["spec"]["rules"] = [{**rule, "filters": filters}]
        await self.system.apply(made)

        async def in_effect() -> bool:
            return (await self.call(host.replace("*", "x"))).header("x-edit") == str(self._edits)

        await self.system.until(in_effect, f"edit {self._edits} is in effect")

    async def call(self, host: str = "split.test", *headers: tuple[str, str]) -> Answer:
        return await fetch(self.port, host, "/a/b", headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop() -> AsyncIterator[Shop]:
    port = free_port()
    async with running_system() as system, AsyncExitStack() as stack:
        for name in ("a", "b", "c"):
            echo = await stack.enter_async_context(serving_echo(name))
            await system.apply(service(name), endpoint_slice(name, "127.0.0.1", port=echo.port))
        await system.apply(gateway(http_listener(port=port)), route("probe", "probe.test", backend="a"))
        await system.answers(port, "probe.test")
        yield Shop(system, port)


def split(session: Manifest | None, **weights: int) -> Manifest:
    backends = [{"name": name, "port": 80, "weight": weight} for name, weight in weights.items()]
    rule: Manifest = {"matches": [{"path": {"type": "PathPrefix", "value": "/a"}}], "backendRefs": backends}
    return rule if session is None else {**rule, "sessionPersistence": session}


def pod(answer: Answer) -> str:
    assert answer.status == 200
    return str(answer.json()["pod"])


def cookies(answer: Answer) -> tuple[str, str]:
    """The request header of a browser that was told these."""
    told = [value.partition(";")[0] for name, value in answer.headers if name == "set-cookie"]
    return "cookie", "; ".join(["other=1", *told])


def echoed(answer: Answer) -> list[tuple[str, str]]:
    """What a caller of a session by header sends back."""
    return [pair for pair in answer.headers if pair[0].startswith("x-cart")]


@pytest.mark.parametrize("host", HOSTS)
async def test_a_cookie_keeps_a_caller_with_its_backend(shop: Shop, host: str) -> None:
    await shop.serve(split(COOKIE, a=1, b=1), host.replace("x.wild", "*.wild"))
    first_calls: Counter[str] = Counter()
    for _ in range(CALLS):
        first = await shop.call(host)
        first_calls[pod(first)] += 1
        again = await shop.call(host, cookies(first))
        assert pod(again) == pod(first)
        assert again.header("set-cookie") is None, "it has been told"
    assert set(first_calls) == {"a", "b"}, "without a session, weights count"


async def test_its_backend_is_told_for_the_path_of_the_rule_and_without_its_name(shop: Shop) -> None:
    await shop.serve(split(COOKIE, a=1, b=1))
    headers = (await shop.call()).headers
    (told,) = [value for _, value in headers if value.startswith("cart-backend=")]
    value, *attributes = told.split("; ")
    assert attributes == ["Path=/a", "HttpOnly"]
    assert len(value.partition("=")[2]) == 12


async def test_a_session_outlives_changes_of_weights_down_to_0(shop: Shop) -> None:
    await shop.serve(split(COOKIE, a=1, b=0, c=0))
    told = cookies(first := await shop.call())
    assert pod(first) == "a"
    for weights in ({"a": 1, "b": 9, "c": 9}, {"a": 0, "b": 1, "c": 0}, {"a": 0, "b": 0, "c": 0}):
        await shop.serve(split(COOKIE, **weights))
        assert [pod(await shop.call("split.test", told)) for _ in range(CALLS)] == ["a"] * CALLS
    assert (await shop.call()).status == 500, "nobody new is sent anywhere"


async def test_a_session_whose_backend_is_gone_is_drawn_anew(shop: Shop) -> None:
    await shop.serve(split(COOKIE, a=1, b=0))
    told = cookies(await shop.call())
    await shop.serve(split(COOKIE, b=1, c=1))
    again = await shop.call("split.test", told)
    assert pod(again) in {"b", "c"}
    assert pod(await shop.call("split.test", cookies(again))) == pod(again)


async def test_a_header_keeps_a_caller_with_its_backend(shop: Shop) -> None:
    await shop.serve(split(HEADER, a=1, b=1))
    for _ in range(CALLS):
        first = await shop.call()
        assert len(echoed(first)) == 2
        assert pod(await shop.call("split.test", *echoed(first))) == pod(first)


async def test_a_policy_of_a_backend_gives_sessions_to_rules_that_say_nothing(shop: Shop) -> None:
    target = {"group": "", "kind": "Service", "name": "b"}
    spec = {"targetRefs": [target], "sessionPersistence": {"sessionName": "kept"}}
    await shop.system.apply(manifest("XBackendTrafficPolicy", "b", spec=spec))
    await shop.serve(split(None, a=1, b=1))
    for _ in range(CALLS):
        first = await shop.call()
        assert (first.header("set-cookie") or "").count("kept") == 2
        assert pod(await shop.call("split.test", cookies(first))) == pod(first)

    async def accepted() -> bool:
        found = await shop.system.client.get("XBackendTrafficPolicy", "b", "shop")
        reasons = [one["conditions"][0]["reason"] for one in found.get("status", {}).get("ancestors", ())]
        return reasons == ["Accepted"]

    await shop.system.until(accepted, "its status says so")
