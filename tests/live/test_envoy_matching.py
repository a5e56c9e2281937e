"""Which requests a route takes: path, method, headers, query; the first match wins."""

import pytest
from tests.kit.gateway import Gateway, route
from tests.kit.live_gateway import gateway as gateway  # noqa: PLC0414 - a fixture

from sekisho import ir

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

FOUND = ir.Respond(status=200, body="found")


@pytest.mark.parametrize(
    ("path", "matching", "others"),
    [
        (ir.PathExact("/a"), ["/a", "/a?b"], ["/a/", "/ab", "/", "/A"]),
        (ir.PathPrefix("/a"), ["/a", "/a/", "/a/b", "/a?b"], ["/ab", "/", "/b/a", "/A"]),
        (ir.PathPrefix("/"), ["/", "/a", "/?a"], []),
        (ir.PathRegex("/a[0-9]+"), ["/a1", "/a12?b"], ["/a", "/a1/", "/x/a1", "/a1b"]),
    ],
)
async def test_paths(gateway: Gateway, path: ir.PathMatch, matching: list[str], others: list[str]) -> None:
    await gateway.serve(route(FOUND, path), host="path.test")
    assert {each: (await gateway.get(each, host="path.test")).status for each in matching + others} == {
        **dict.fromkeys(matching, 200),
        **dict.fromkeys(others, 404),
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [("//a", "/a"), ("/x/../a", "/a"), ("/./a", "/a"), ("/x/%2e%2e/a", "/a"), ("/%61", "/a")],
)
async def test_a_path_is_matched_in_its_one_normal_spelling(
    gateway: Gateway, written: str, meant: str
) -> None:
    await gateway.serve(route(FOUND, ir.PathExact(meant)), host="normal.test")
    assert (await gateway.get(written, host="normal.test")).status == 200


@pytest.mark.parametrize("written", ["/x%2Fa", "/x%5ca"])
async def test_escaped_slashes_are_sent_back_to_be_written_plainly(gateway: Gateway, written: str) -> None:
    await gateway.serve(route(FOUND, ir.PathPrefix("/")), host="escaped.test")
    answer = await gateway.get(written, host="escaped.test")
    assert (answer.status, answer.header("location")) == (307, "/x/a")


@pytest.mark.parametrize(
    ("match", "headers", "status"),
    [
        (ir.StringMatch("version", "one"), [("Version", "one")], 200),
        (ir.StringMatch("version", "one"), [("Version", "One")], 404),
        (ir.StringMatch("version", "one"), [("Version", "one more")], 404),
        (ir.StringMatch("version", "one"), [], 404),
        (ir.StringMatch("version", "o.*e", regex=True), [("Version", "o and e")], 200),
        (ir.StringMatch("version", "o.*e", regex=True), [("Version", "one two")], 404),
    ],
)
async def test_headers(
    gateway: Gateway, match: ir.StringMatch, headers: list[tuple[str, str]], status: int
) -> None:
    await gateway.serve(route(FOUND, match=ir.RouteMatch(headers=(match,))), host="header.test")
    assert (await gateway.get("/", host="header.test", headers=headers)).status == status


@pytest.mark.parametrize(
    ("match", "path", "status"),
    [
        (ir.StringMatch("animal", "whale"), "/?animal=whale", 200),
        (ir.StringMatch("animal", "whale"), "/?x=y&animal=whale", 200),
        (ir.StringMatch("animal", "whale"), "/?animal=dolphin", 404),
        (ir.StringMatch("animal", "whale"), "/?Animal=whale", 404),
        (ir.StringMatch("animal", "whale"), "/", 404),
        (ir.StringMatch("animal", "w.*e", regex=True), "/?animal=wolfe", 200),
        (ir.StringMatch("animal", "w.*e", regex=True), "/?animal=whales", 404),
    ],
)
async def test_query_parameters(gateway: Gateway, match: ir.StringMatch, path: str, status: int) -> None:
    await gateway.serve(route(FOUND, match=ir.RouteMatch(query=(match,))), host="query.test")
    assert (await gateway.get(path, host="query.test")).status == status


@pytest.mark.parametrize(("method", "status"), [("PATCH", 200), ("GET", 404), ("POST", 404)])
async def test_methods(gateway: Gateway, method: str, status: int) -> None:
    await gateway.serve(route(FOUND, match=ir.RouteMatch(method="PATCH")), host="method.test")
    assert (await gateway.get("/", host="method.test", method=method)).status == status


async def test_all_parts_of_a_match_must_hold(gateway: Gateway) -> None:
    match = ir.RouteMatch(
        path=ir.PathPrefix("/a"),
        method="GET",
        headers=(ir.StringMatch("x", "1"), ir.StringMatch("y", "2")),
        query=(ir.StringMatch("z", "3"),),
    )
    await gateway.serve(route(FOUND, match=match), host="all.test")
    both = [("x", "1"), ("y", "2")]
    assert (await gateway.get("/a/b?z=3", host="all.test", headers=both)).status == 200
    assert (await gateway.get("/b?z=3", host="all.test", headers=both)).status == 404
    assert (await gateway.get("/a/b?z=4", host="all.test", headers=both)).status == 404
    assert (await gateway.get("/a/b?z=3", host="all.test", headers=both[:1])).status == 404
    assert (await gateway.get("/a/b?z=3", host="all.test", headers=both, method="POST")).status == 404


async def test_the_first_match_wins(gateway: Gateway) -> None:
    await gateway.serve(
        route(ir.Respond(status=201), ir.PathPrefix("/a"), name="first"),
        route(ir.Respond(status=202), ir.PathPrefix("/a/b"), name="second"),
        host="first.test",
    )
    assert (await gateway.get("/a/b", host="first.test")).status == 201


@pytest.mark.parametrize("bad", ["with_underscore", "with_underscore-and-dash"])
async def test_header_names_with_underscores_are_refused(gateway: Gateway, bad: str) -> None:
    """Some backends take `a_b` for `a-b`, which lets a client get around a rule for `a-b`."""
    await gateway.serve(route(FOUND), host="underscore.test")
    assert (await gateway.get("/", host="underscore.test", headers=[(bad, "1")])).status == 400
