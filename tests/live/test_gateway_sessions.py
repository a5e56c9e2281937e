"""Sessions through a real gateway: a caller stays with its instance, by cookie and by header."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.echo import serving_echo
from tests.kit.http import Answer, fetch
from tests.kit.objects import endpoint_slice, http_listener, route, service
from tests.kit.ports import free_port
from tests.kit.system import System, attempt, gateway, running_system

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

CALLS = 20
PERMANENT = {"absoluteTimeout": "1h", "cookieConfig": {"lifetimeType": "Permanent"}}
HOSTS = ("exact.test", "x.wild.test", "Exact.test")
"""An exact hostname, and two that are given their routes late in the chain."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port() -> AsyncIterator[int]:
    """Of a gateway before two instances; `/cookie`, `/header`, `/permanent` keep sessions, `/free` none."""
    number = free_port()
    async with running_system() as system, serving_echo("a") as first, serving_echo("b") as second:
        slices = [endpoint_slice("cart", "127.0.0.1", port=one.port) for one in (first, second)]
        slices[1]["metadata"]["name"] = "cart-2"
        await system.apply(gateway(http_listener(port=number)), service("cart"), *slices)
        for name, host in zip(("exact", "wild"), ("exact.test", "*.wild.test"), strict=True):
            await system.apply(with_sessions(name, host))
            await both_answer(system, number, host.replace("*", "x"))
        yield number


def with_sessions(name: str, host: str) -> dict[str, object]:
    made = route(name, host)
    wanted = {
        "/cookie": {"sessionName": "cart"},
        "/header": {"sessionName": "X-Cart", "type": "Header"},
        "/permanent": {"sessionName": "cart", **PERMANENT},
        "/free": None,
    }
    made["spec"]["rules"] = [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": path}}],
            "backendRefs": [{"name": "cart", "port": 80}],
            **({"sessionPersistence": session} if session else {}),
        }
        for path, session in wanted.items()
    ]
    return made


async def both_answer(system: System, number: int, host: str) -> None:
    seen: set[str] = set()

    async def seen_both() -> bool:
        answer = await attempt(number, host, "/free")
        if answer is not None and answer.status == 200:
            seen.add(pod(answer))
        return seen == {"a", "b"}

    await system.until(seen_both, f"both instances answer {host}")


def pod(answer: Answer) -> str:
    return str(answer.json()["pod"])


@pytest.mark.parametrize("host", HOSTS)
async def test_a_cookie_keeps_a_caller_with_its_instance(port: int, host: str) -> None:
    chosen: Counter[str] = Counter()
    for _ in range(CALLS):
        first = await fetch(port, host, "/cookie/a")
        told = first.header("set-cookie") or ""
        assert told.startswith("cart=")
        assert "Path=/cookie" in told
        assert "Max-Age" not in told
        again = await fetch(port, host, "/cookie/b", headers=[("cookie", told.partition(";")[0])])
        assert pod(again) == pod(first)
        assert again.header("set-cookie") is None
        chosen[pod(first)] += 1
    assert set(chosen) == {"a", "b"}, "without a cookie, callers are spread"


@pytest.mark.parametrize("host", HOSTS)
async def test_a_header_keeps_a_caller_with_its_instance(port: int, host: str) -> None:
    for _ in range(CALLS):
        first = await fetch(port, host, "/header")
        token = first.header("x-cart")
        assert token
        assert pod(await fetch(port, host, "/header", headers=[("x-cart", token)])) == pod(first)


async def test_a_permanent_cookie_says_when_it_ends(port: int) -> None:
    told = (await fetch(port, "exact.test", "/permanent")).header("set-cookie") or ""
    assert "Max-Age=3600" in told


async def test_a_session_that_names_no_instance_is_none(port: int) -> None:
    answer = await fetch(port, "exact.test", "/cookie", headers=[("cookie", "cart=bm9ib2R5")])
    assert answer.status == 200
    assert answer.header("set-cookie")


async def test_rules_without_sessions_tell_nothing(port: int) -> None:
    answer = await fetch(port, "exact.test", "/free")
    assert answer.header("set-cookie") is None
    assert answer.header("x-cart") is None
