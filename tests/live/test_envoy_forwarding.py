"""What reaches the backend, and what comes back: shares, headers, rewrites, copies."""

from collections import Counter

import pytest
from tests.kit.gateway import ORIGIN, Gateway, forward, route, share
from tests.kit.live_gateway import gateway as gateway  # noqa: PLC0414 - a fixture
from tests.kit.wait import eventually

from sekisho import envoy, ir

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]


async def test_shares_get_their_part_of_the_requests(gateway: Gateway) -> None:
    await gateway.serve(route(ir.Forward(shares=(share("one", 3), share("two", 1)))), host="share.test")
    pods = Counter([(await gateway.get("/", host="share.test")).json()["pod"] for _ in range(200)])
    assert 120 < pods["one"] < 180  # 150 are expected; the bounds are 5 standard deviations away
    assert pods["one"] + pods["two"] == 200


async def test_the_share_of_an_unresolved_backend_is_answered_500(gateway: Gateway) -> None:
    await gateway.serve(route(ir.Forward(shares=(share("one", 1), share(None, 1)))), host="half.test")
    statuses = Counter([(await gateway.get("/", host="half.test")).status for _ in range(100)])
    assert statuses[200] + statuses[500] == 100
    assert 25 < statuses[500] < 75


async def test_a_route_with_only_an_unresolved_backend_is_answered_500(gateway: Gateway) -> None:
    await gateway.serve(route(forward(None)), host="none.test")
    assert (await gateway.get("/", host="none.test")).status == 500


async def test_a_cluster_that_is_not_there_yet_is_answered_503(gateway: Gateway) -> None:
    await gateway.serve(route(forward("not/there/yet")), host="later.test")
    assert (await gateway.get("/", host="later.test")).status == 503


async def test_a_cluster_without_endpoints_is_answered_503(gateway: Gateway) -> None:
    gateway.ads.put(
        envoy.resource(envoy.cluster(ir.Cluster(name="empty", origin=ORIGIN))),
        envoy.resource(
            envoy.cluster_load_assignment(ir.Endpoints(cluster="empty", endpoints=(), origin=ORIGIN))
        ),
    )
    await gateway.serve(route(forward("empty")), host="empty.test")
    assert (await gateway.get("/", host="empty.test")).status == 503


async def test_request_headers_are_removed_then_set_then_added(gateway: Gateway) -> None:
    edits = ir.HeaderEdits(
        set=(("x-set", "new"),), add=(("x-add", "more"), ("x-fresh", "first")), remove=("x-gone",)
    )
    await gateway.serve(route(forward(), request_headers=edits), host="edit.test")
    sent = [("x-set", "old"), ("x-add", "some"), ("x-gone", "old"), ("x-kept", "kept")]
    seen = (await gateway.get("/", host="edit.test", headers=sent)).json()["headers"]
    assert seen["X-Set"] == ["new"]
    assert ",".join(seen["X-Add"]) == "some,more"
    assert seen["X-Fresh"] == ["first"]
    assert seen["X-Kept"] == ["kept"]
    assert "X-Gone" not in seen


async def test_response_headers_are_removed_then_set_then_added(gateway: Gateway) -> None:
    edits = ir.HeaderEdits(set=(("x-set", "new"),), add=(("x-add", "more"),), remove=("x-gone",))
    await gateway.serve(route(forward(), response_headers=edits), host="edit.test")
    sent = [("x-echo-set-header", text) for text in ("x-set:old", "x-add:some", "x-gone:old")]
    answer = await gateway.get("/", host="edit.test", headers=sent)
    assert answer.header("x-set") == "new"
    assert answer.header("x-add") == "some,more"
    assert answer.header("x-gone") is None


@pytest.mark.parametrize("text", ["100%", "%REQ(:authority)%", "%%", "a%20b", "", "{x}", '"quoted"', "\\1"])
async def test_the_value_of_a_header_is_taken_literally(gateway: Gateway, text: str) -> None:
    edits = ir.HeaderEdits(set=(("x-text", text),))
    await gateway.serve(route(forward(), request_headers=edits, response_headers=edits), host="literal.test")
    answer = await gateway.get("/", host="literal.test")
    assert answer.json()["headers"]["X-Text"] == [text]
    assert answer.header("x-text") == text


async def test_headers_of_a_share_are_for_its_requests_only_and_win_over_the_route(gateway: Gateway) -> None:
    first, second = (ir.HeaderEdits(set=(("x-share", name),)) for name in ("first", "second"))
    await gateway.serve(
        route(
            ir.Forward(
                shares=(
                    share("one", request_headers=first, response_headers=first),
                    share("two", request_headers=second, response_headers=second),
                )
            ),
            request_headers=ir.HeaderEdits(set=(("x-share", "route"), ("x-route", "route"))),
        ),
        host="shares.test",
    )
    seen = set()
    for _ in range(30):
        answer = await gateway.get("/", host="shares.test")
        headers = answer.json()["headers"]
        seen.add((answer.json()["pod"], headers["X-Share"][0], answer.header("x-share")))
        assert headers["X-Route"] == ["route"]
    assert seen == {("one", "first", "first"), ("two", "second", "second")}


async def test_headers_of_the_only_share_are_applied(gateway: Gateway) -> None:
    edits = ir.HeaderEdits(set=(("x-only", "yes"),))
    await gateway.serve(route(ir.Forward(shares=(share(request_headers=edits),))), host="only.test")
    assert (await gateway.get("/", host="only.test")).json()["headers"]["X-Only"] == ["yes"]


# The table of HTTPPathModifier.replacePrefixMatch in the Gateway API, and the root in both places.
PREFIX_TABLE = [
    ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
    ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
    ("/foo", "/foo", "/xyz", "/xyz"),
    ("/foo/", "/foo", "/xyz", "/xyz/"),
    ("/foo/bar", "/foo", "", "/bar"),
    ("/foo/", "/foo", "", "/"),
    ("/foo", "/foo", "", "/"),
    ("/foo/", "/foo", "/", "/"),
    ("/foo", "/foo", "/", "/"),
    ("/foo/bar/baz", "/foo", "/", "/bar/baz"),
    ("/bar", "/", "/xyz", "/xyz/bar"),
    ("/bar", "/", "/xyz/", "/xyz/bar"),
    ("/bar", "/", "/", "/bar"),
    ("/", "/", "/", "/"),
    ("/a.b/c", "/a.b", "/", "/c"),
]


@pytest.mark.parametrize("query", ["", "?x=/foo&y=1"])
@pytest.mark.parametrize(("path", "matched", "replacement", "becomes"), PREFIX_TABLE)
async def test_replacing_a_prefix(
    gateway: Gateway, path: str, matched: str, replacement: str, becomes: str, query: str
) -> None:
    action = forward(path_rewrite=ir.ReplacePrefix(replacement))
    await gateway.serve(route(action, ir.PathPrefix(matched)), host="prefix.test")
    assert (await gateway.get(path + query, host="prefix.test")).json()["path"] == becomes + query


@pytest.mark.parametrize("replacement", ["/new", "/", r"/back\1slash", "/100%25", "/%REQ(x)%"])
@pytest.mark.parametrize("path", ["/", "/old", "/old/and/more?x=1"])
async def test_replacing_the_whole_path(gateway: Gateway, path: str, replacement: str) -> None:
    action = forward(path_rewrite=ir.ReplaceFullPath(replacement))
    await gateway.serve(route(action), host="whole.test")
    query = path.partition("?")[1:]
    assert (await gateway.get(path, host="whole.test")).json()["path"] == replacement + "".join(query)


async def test_the_host_is_rewritten_for_the_backend(gateway: Gateway) -> None:
    await gateway.serve(route(forward(host_rewrite=ir.HostRewrite("inside.test"))), host="host.test")
    assert (await gateway.get("/", host="host.test")).json()["host"] == "inside.test"


async def test_copies_go_to_every_mirror_and_their_answers_nowhere(gateway: Gateway) -> None:
    mirrors = (ir.Mirror(cluster="two"), ir.Mirror(cluster="not/there"))
    await gateway.serve(route(forward(mirrors=mirrors)), host="mirror.test")
    answer = await gateway.get("/mirrored-once", host="mirror.test")
    assert (answer.status, answer.json()["pod"]) == (200, "one")

    async def copied() -> bool:
        return ("/mirrored-once", "mirror.test") in {
            (request["path"], request["host"]) for request in gateway.echoes["two"].received
        }

    await eventually(copied, what="the mirror got a copy")


async def test_a_mirror_with_a_fraction_gets_that_part_of_the_requests(gateway: Gateway) -> None:
    mirrors = (ir.Mirror(cluster="two", numerator=1, denominator=4),)
    await gateway.serve(route(forward(mirrors=mirrors)), host="fraction.test")
    for _ in range(200):
        await gateway.get("/mirrored", host="fraction.test")
    copies = sum(request["path"] == "/mirrored" for request in gateway.echoes["two"].received)
    assert 15 < copies < 85  # 50 are expected; copies may arrive late, so the lower bound is generous


async def test_backends_learn_who_asked_and_clients_cannot_forge_it(gateway: Gateway) -> None:
    await gateway.serve(route(forward()), host="peer.test")
    forged = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-client-cert", "By=me"),
        ("x-envoy-internal", "true"),
        ("x-envoy-original-path", "/forged"),
        ("x-forwarded-proto", "https"),
    ]
    seen = (await gateway.get("/", host="peer.test", headers=forged)).json()["headers"]
    claimed, _, added = seen["X-Forwarded-For"][0].partition(",")
    assert claimed == "6.6.6.6"
    assert added  # Envoy writes an address of the machine for a client on the loopback
    assert seen["X-Envoy-External-Address"] == ["127.0.0.1"]
    assert seen["X-Forwarded-Proto"] == ["http"]
    assert not seen.keys() & {"X-Forwarded-Client-Cert", "X-Envoy-Internal", "X-Envoy-Original-Path"}


async def test_backends_learn_the_address_of_the_client_and_nobody_of_the_inside_of_envoy(
    gateway: Gateway,
) -> None:
    await gateway.serve(route(forward()), host="quiet.test")
    answer = await gateway.get("/", host="quiet.test")
    names = [name for name, _ in answer.headers] + [name.lower() for name in answer.json()["headers"]]
    assert [name for name in names if name.startswith("x-envoy")] == ["x-envoy-external-address"]
