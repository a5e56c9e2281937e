"""Calls: the requests they make and what they make of the answers."""

import json

import httpx2
import pytest

from sekisho.client import (
    AlreadyExists,
    Conflict,
    Gone,
    Invalid,
    NotFound,
    Selection,
    StorageFull,
    TooManyRequests,
    Unauthorized,
    UnknownKind,
    Unreachable,
)

from .server import GROUP, Server, failure, gateway, listing, streamed

PATH = f"/apis/{GROUP}/v1/namespaces/shop/gateways"


@pytest.mark.parametrize("name", ["Gateway", "gateways", "gateway", "GTW", f"gateways.{GROUP}"])
async def test_a_kind_is_found_by_any_of_its_names(server: Server, name: str) -> None:
    assert (await server.client().resource_type(name)).plural == "gateways"


async def test_discovery_happens_once(server: Server) -> None:
    client = server.client()
    await client.resource_type("gateway")
    asked = len(server.requests)
    await client.resource_type("ns")
    assert len(server.requests) == asked


async def test_an_unknown_kind_is_asked_for_again_and_then_refused_with_the_names_that_exist(
    server: Server,
) -> None:
    with pytest.raises(UnknownKind) as refused:
        await server.client().resource_type("gatewayz")
    assert "gateway" in refused.value.known
    assert len([r for r in server.requests if r.url.path == "/apis"]) == 2


async def test_get_addresses_one_object_and_sends_the_token(server: Server) -> None:
    server.answers = [httpx2.Response(200, json=gateway("door"))]
    found = await server.client().get("gateway", "door", "shop")
    assert found["metadata"]["name"] == "door"
    assert server.requests[-1].url.path == f"{PATH}/door"
    assert server.requests[-1].headers["authorization"] == "Bearer secret-token"


async def test_list_fills_in_what_servers_leave_out_and_passes_selectors(server: Server) -> None:
    server.listings = [listing(7, gateway("door"))]
    found = await server.client().list("gateway", Selection(labels="app=shop", fields="metadata.name=door"))
    assert found.items[0]["kind"] == "Gateway"
    assert found.revision == "7"
    request = server.requests[-1]
    assert request.url.path == f"/apis/{GROUP}/v1/gateways"
    assert request.url.params["labelSelector"] == "app=shop"
    assert request.url.params["fieldSelector"] == "metadata.name=door"


async def test_apply_is_a_server_side_apply_of_one_manager(server: Server) -> None:
    server.answers = [httpx2.Response(200, json=gateway("door"))]
    await server.client().apply(gateway("door"), manager="sekisho", force=True, dry_run=True)
    request = server.requests[-1]
    assert (request.method, request.url.path) == ("PATCH", f"{PATH}/door")
    assert request.headers["content-type"] == "application/apply-patch+yaml"
    assert dict(request.url.params) == {"fieldManager": "sekisho", "force": "true", "dryRun": "All"}
    assert json.loads(request.content)["kind"] == "Gateway"


async def test_an_object_without_namespace_goes_to_the_one_of_the_kubeconfig(server: Server) -> None:
    server.answers = [httpx2.Response(201, json=gateway("door"))]
    object_ = gateway("door")
    del object_["metadata"]["namespace"]
    await server.client().create(object_)
    assert server.requests[-1].url.path == f"/apis/{GROUP}/v1/namespaces/default/gateways"


@pytest.mark.parametrize(
    ("patch", "content_type"),
    [({"spec": {}}, "application/merge-patch+json"), ([{"op": "remove"}], "application/json-patch+json")],
)
async def test_the_kind_of_patch_follows_its_shape(server: Server, patch: object, content_type: str) -> None:
    server.answers = [httpx2.Response(200, json=gateway("door"))]
    await server.client().patch("gateway", "door", "shop", patch=patch)
    assert server.requests[-1].headers["content-type"] == content_type


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (401, "Unauthorized", Unauthorized),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", Gone),
        (422, "Invalid", Invalid),
        (507, "", StorageFull),
    ],
)
async def test_failures_are_typed(server: Server, code: int, reason: str, expected: type[Exception]) -> None:
    server.answers = [failure(code, reason, "because")]
    with pytest.raises(expected, match="because"):
        await server.client().get("gateway", "door", "shop")


async def test_causes_say_which_field_is_wrong(server: Server) -> None:
    causes = [{"field": "spec.listeners", "message": "required", "reason": "FieldValueRequired"}]
    server.answers = [failure(422, "Invalid", "refused", details={"causes": causes})]
    with pytest.raises(Invalid) as refused:
        await server.client().create(gateway("door"))
    assert refused.value.status.causes[0].field == "spec.listeners"


async def test_the_wait_a_busy_server_asks_for_is_kept(server: Server) -> None:
    server.answers = [httpx2.Response(429, headers={"Retry-After": "3"}, text="slow down")]
    with pytest.raises(TooManyRequests) as refused:
        await server.client().get("gateway", "door", "shop")
    assert refused.value.status.retry_after == 3


async def test_a_server_that_is_not_there_is_unreachable_and_named(server: Server) -> None:
    server.answers = [httpx2.ConnectError("connection refused")]
    with pytest.raises(Unreachable, match=r"http://api\.test: connection refused"):
        await server.client().get("gateway", "door", "shop")


async def test_a_review_returns_the_status_of_what_it_posted(server: Server) -> None:
    server.answers = [httpx2.Response(201, json={"kind": "Explanation", "status": {"outcome": "200"}})]
    answer = await server.client().review("explanations", "Explanation", {"url": "http://a/"})
    assert answer == {"outcome": "200"}
    assert server.requests[-1].url.path == "/apis/sekisho.dev/v1alpha1/explanations"


async def test_a_watch_line_may_hold_any_unicode_and_come_in_pieces(server: Server) -> None:
    raw = '{"type":"ADDED","object":{"metadata":{"name":"a\u2028b","resourceVersion":"9"}}}\n'.encode()
    server.watches = [streamed(raw[:20], raw[20:])]
    batches = [batch async for batch in server.client().watch("gateway", "1")]
    assert [(event.type, event.object["metadata"]["name"]) for batch in batches for event in batch] == [
        ("ADDED", "a\u2028b")
    ]


async def test_a_token_never_shows_in_a_repr(server: Server) -> None:
    assert "secret-token" not in repr(server.client().transport.access)
