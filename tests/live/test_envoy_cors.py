"""Cross-origin requests: preflights, and the headers of responses."""

import pytest
from tests.kit.gateway import Gateway, forward, route
from tests.kit.http import Answer
from tests.kit.live_gateway import gateway as gateway  # noqa: PLC0414 - a fixture

from sekisho import ir

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]


def cors(*origins: str, **fields: object) -> ir.Cors:
    return ir.Cors(origins=tuple(ir.OriginMatch(value=origin) for origin in origins), **fields)


async def preflight(gateway: Gateway, origin: str, method: str = "PUT", headers: str = "x-a, x-b") -> Answer:
    sent = [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", headers),
    ]
    return await gateway.get("/", host="cors.test", method="OPTIONS", headers=sent)


def cors_headers(answer: Answer) -> dict[str, str]:
    prefix = "access-control-"
    return {name.removeprefix(prefix): text for name, text in answer.headers if name.startswith(prefix)}


async def test_a_preflight_is_answered_by_the_gateway(gateway: Gateway) -> None:
    policy = cors(
        "https://a.test", methods=("PUT", "GET"), headers=("x-a", "x-b"), expose=("x-c",), max_age=7
    )
    await gateway.serve(route(forward(), cors=policy), host="cors.test")
    answer = await preflight(gateway, "https://a.test")
    assert answer.status == 200
    assert cors_headers(answer) == {
        "allow-origin": "https://a.test",
        "allow-methods": "PUT, GET",
        "allow-headers": "x-a, x-b",
        "expose-headers": "x-c",
        "max-age": "7",
    }


async def test_a_response_carries_the_origin_and_what_is_exposed(gateway: Gateway) -> None:
    policy = cors("https://a.test", expose=("x-c", "x-d"), credentials=True)
    await gateway.serve(route(forward(), cors=policy), host="cors.test")
    answer = await gateway.get("/", host="cors.test", headers=[("origin", "https://a.test")])
    assert cors_headers(answer) == {
        "allow-origin": "https://a.test",
        "expose-headers": "x-c, x-d",
        "allow-credentials": "true",
    }


@pytest.mark.parametrize(
    ("allowed", "origin", "matches"),
    [
        ("https://a.test", "https://a.test", True),
        ("https://a.test", "http://a.test", False),
        ("https://a.test", "https://a.test:8443", False),
        ("https://a.test", "https://aXtest", False),
        ("https://*.a.test", "https://b.a.test", True),
        ("https://*.a.test", "https://c.b.a.test", True),
        ("https://*.a.test", "https://a.test", False),
        ("https://*.a.test", "https://b.a.test.evil", False),
        ("https://*.a.test", "https://bXaXtest", False),
        ("http://a.test:*", "http://a.test:81", True),
        ("*", "https://any.thing", True),
    ],
)
async def test_origins(gateway: Gateway, allowed: str, origin: str, matches: bool) -> None:
    await gateway.serve(route(forward(), cors=cors(allowed, methods=("PUT",))), host="cors.test")
    answered = await preflight(gateway, origin)
    assert cors_headers(answered).get("allow-origin") in ({origin, "*"} if matches else {None})
    plain = await gateway.get("/", host="cors.test", headers=[("origin", origin)])
    assert plain.status == 200
    assert ("allow-origin" in cors_headers(plain)) == matches


async def test_a_preflight_from_elsewhere_ends_here_and_allows_nothing(gateway: Gateway) -> None:
    policy = cors("https://a.test", methods=("PUT",), credentials=True)
    await gateway.serve(route(forward(), cors=policy), host="cors.test")
    before = len(gateway.echoes["one"].received)
    answer = await preflight(gateway, "https://evil.test")
    assert (answer.status, cors_headers(answer)) == (403, {})
    assert len(gateway.echoes["one"].received) == before


async def test_with_credentials_wildcards_are_spelled_out(gateway: Gateway) -> None:
    """`*` means a star and not everything as soon as credentials are involved (Fetch, 3.3.5)."""
    policy = cors("*", methods=("*",), headers=("*",), expose=("*",), credentials=True)
    await gateway.serve(route(forward(), cors=policy), host="cors.test")
    assert cors_headers(await preflight(gateway, "https://any.thing")) == {
        "allow-origin": "https://any.thing",
        "allow-methods": "PUT",
        "allow-headers": "x-a, x-b",
        "expose-headers": "*",
        "allow-credentials": "true",
        "max-age": "5",
    }


async def test_cors_holds_for_wildcard_hosts(gateway: Gateway) -> None:
    await gateway.serve(route(forward(), cors=cors("https://a.test")), host="*.test")
    answer = await gateway.get("/", host="any.test", headers=[("origin", "https://a.test")])
    assert cors_headers(answer)["allow-origin"] == "https://a.test"


async def test_without_a_policy_options_and_origins_are_the_backends_business(gateway: Gateway) -> None:
    await gateway.serve(route(forward()), host="cors.test")
    answer = await preflight(gateway, "https://a.test")
    assert answer.json()["method"] == "OPTIONS"
    assert cors_headers(answer) == {}
