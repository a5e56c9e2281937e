"""Redirects: every part of `Location`, and nothing of the request where it was replaced."""

import pytest
from tests.kit.gateway import Gateway, route
from tests.kit.live_gateway import gateway as gateway  # noqa: PLC0414 - a fixture
from tests.live.test_envoy_forwarding import PREFIX_TABLE

from sekisho import ir

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("configured", ["here.test", "*.wild.test"])
@pytest.mark.parametrize("port", ["", ":80", ":8080", ":443"])
@pytest.mark.parametrize(
    ("redirect", "location"),
    [
        (ir.Redirect(), "http://HOST/a?x=1"),
        (ir.Redirect(scheme="https"), "https://HOST/a?x=1"),
        (ir.Redirect(scheme="https", port=8443), "https://HOST:8443/a?x=1"),
        (ir.Redirect(port=8080), "http://HOST:8080/a?x=1"),
        (ir.Redirect(host="there.test"), "http://there.test/a?x=1"),
        (ir.Redirect(host="there.test", port=81), "http://there.test:81/a?x=1"),
        (ir.Redirect(scheme="https", host="there.test"), "https://there.test/a?x=1"),
        (ir.Redirect(path=ir.ReplaceFullPath("/new")), "http://HOST/new?x=1"),
    ],
)
async def test_location(
    gateway: Gateway, redirect: ir.Redirect, location: str, configured: str, port: str
) -> None:
    host = configured.replace("*", "any.one")
    await gateway.serve(route(redirect), host=configured)
    answer = await gateway.get("/a?x=1", host=host + port)
    assert (answer.status, answer.header("location")) == (302, location.replace("HOST", host))


async def test_a_redirect_for_all_hosts_keeps_an_ipv6_literal(gateway: Gateway) -> None:
    await gateway.serve(route(ir.Redirect(scheme="https")), host="*")
    for host in ("[::1]", "[::1]:8080"):
        assert (await gateway.get("/", host=host)).header("location") == "https://[::1]/"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_status_codes(gateway: Gateway, status: int) -> None:
    await gateway.serve(route(ir.Redirect(status=status, host="there.test")), host="code.test")
    assert (await gateway.get("/", host="code.test")).status == status


@pytest.mark.parametrize("query", ["", "?x=/foo&y=1"])
@pytest.mark.parametrize(("path", "matched", "replacement", "becomes"), PREFIX_TABLE)
async def test_replacing_a_prefix(
    gateway: Gateway, path: str, matched: str, replacement: str, becomes: str, query: str
) -> None:
    redirect = ir.Redirect(path=ir.ReplacePrefix(replacement))
    await gateway.serve(route(redirect, ir.PathPrefix(matched)), host="prefix.test")
    answer = await gateway.get(path + query, host="prefix.test")
    assert answer.header("location") == f"http://prefix.test{becomes}{query}"


@pytest.mark.parametrize("replacement", ["/", "/new", "/100%25", "/%REQ(x)%", r"/back\1slash"])
async def test_replacing_the_whole_path(gateway: Gateway, replacement: str) -> None:
    await gateway.serve(route(ir.Redirect(path=ir.ReplaceFullPath(replacement))), host="whole.test")
    answer = await gateway.get("/old/path?x=1", host="whole.test")
    assert answer.header("location") == f"http://whole.test{replacement}?x=1"


async def test_response_headers_are_changed_on_redirects_too(gateway: Gateway) -> None:
    edits = ir.HeaderEdits(set=(("x-set", "yes"),))
    await gateway.serve(route(ir.Redirect(host="there.test"), response_headers=edits), host="edit.test")
    assert (await gateway.get("/", host="edit.test")).header("x-set") == "yes"


@pytest.mark.parametrize(("status", "body"), [(404, ""), (421, ""), (500, "no backend\n"), (200, "50 %\n")])
async def test_answering_at_once(gateway: Gateway, status: int, body: str) -> None:
    await gateway.serve(route(ir.Respond(status=status, body=body)), host="respond.test")
    answer = await gateway.get("/", host="respond.test")
    assert (answer.status, answer.body.decode()) == (status, body)
