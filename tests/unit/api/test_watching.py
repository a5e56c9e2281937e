"""Watches: what is told, from when, to whom, and how they end."""

import asyncio
from typing import Any

import pytest

from sekisho.api import Limits, User, create_app, watching
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Write
from sekisho.store.watches import HistoryLimits

from .harness import ROUTES, USERS, Api, Factory, config_map, route

MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


async def test_a_watch_begins_with_the_present_and_tells_every_change(api: Api) -> None:
    await api.ok("POST", MAPS, config_map("a"))
    async with api.watch(f"{MAPS}?watch=1") as stream:
        assert await stream.told() == ("ADDED", "a")
        await api.ok("POST", MAPS, config_map("b"))
        assert await stream.told() == ("ADDED", "b")
        await api.ok("PUT", f"{MAPS}/a", config_map("a", labels={"x": "y"}))
        assert await stream.told() == ("MODIFIED", "a")
        await api.ok("DELETE", f"{MAPS}/a")
        assert await stream.told() == ("DELETED", "a")


async def test_a_watch_resumes_after_a_revision_and_misses_nothing(api: Api) -> None:
    made = await api.ok("POST", MAPS, config_map("a"))
    await api.ok("POST", MAPS, config_map("b"))
    await api.ok("POST", ROUTES, route())
    since = made["metadata"]["resourceVersion"]
    async with api.watch(f"{MAPS}?watch=1&resourceVersion={since}") as stream:
        assert await stream.told() == ("ADDED", "b")
        await api.ok("POST", MAPS, config_map("c"))
        assert await stream.told() == ("ADDED", "c")


async def test_an_object_comes_into_view_and_leaves_it_by_its_labels(api: Api) -> None:
    async with api.watch(f"{MAPS}?watch=1&labelSelector=app%3Dx") as stream:
        await api.ok("POST", MAPS, config_map("a"))
        await api.ok("PUT", f"{MAPS}/a", config_map("a", labels={"app": "x"}))
        assert await stream.told() == ("ADDED", "a")
        await api.ok("PUT", f"{MAPS}/a", config_map("a", labels={"app": "x", "more": "y"}))
        assert await stream.told() == ("MODIFIED", "a")
        await api.ok("PUT", f"{MAPS}/a", config_map("a", labels={"app": "z"}))
        assert await stream.told() == ("DELETED", "a")
        await api.ok("DELETE", f"{MAPS}/a")
        await api.ok("POST", MAPS, config_map("b", labels={"app": "x"}))
        assert await stream.told() == ("ADDED", "b")
        await api.ok("DELETE", f"{MAPS}/b")
        assert await stream.told() == ("DELETED", "b")


@pytest.mark.parametrize("path", [f"{MAPS}?watch=1&fieldSelector=metadata.name%3Db", f"{MAPS}/b?watch=true"])
async def test_one_object_can_be_watched(api: Api, path: str) -> None:
    async with api.watch(path) as stream:
        await api.ok("POST", MAPS, config_map("a"))
        await api.ok("POST", MAPS, config_map("b"))
        assert await stream.told() == ("ADDED", "b")


class OneToken:
    """Knows one user until the token is revoked."""

    revoked = False

    async def authenticate(self, token: str) -> User | None:
        return None if self.revoked else USERS["reader"]


async def test_a_watch_tells_nothing_more_once_its_token_is_revoked(api: Api) -> None:
    tokens = OneToken()
    app = create_app(api.store, tokens, clock=api.clock)
    async with Api(app, api.store, api.clock).watch(f"{MAPS}?watch=1", user="reader") as stream:
        await api.ok("POST", MAPS, config_map("a"))
        assert await stream.told() == ("ADDED", "a")
        tokens.revoked = True
        await api.ok("POST", MAPS, config_map("b"))
        event = await stream.next()
        assert event is not None
        assert (event["type"], event["object"]["code"]) == ("ERROR", 401)
        assert await stream.next() is None


async def test_a_silent_watch_ends_when_its_token_is_revoked(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "BOOKMARK_SECONDS", 0.01)
    tokens = OneToken()
    app = create_app(api.store, tokens, clock=api.clock)
    async with Api(app, api.store, api.clock).watch(f"{MAPS}?watch=1", user="reader") as stream:
        await api.ok("POST", MAPS, config_map("a"))
        assert await stream.told() == ("ADDED", "a")
        tokens.revoked = True
        event = await stream.next()
        assert event is not None
        assert event["object"]["reason"] == "Unauthorized"


async def test_initial_events_end_with_a_bookmark(api: Api) -> None:
    await api.ok("POST", MAPS, config_map("a"))
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    async with api.watch(f"{MAPS}?{query}") as stream:
        assert await stream.told() == ("ADDED", "a")
        mark = await stream.next()
        assert mark is not None
        assert mark["type"] == "BOOKMARK"
        assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert mark["object"]["metadata"]["resourceVersion"] == str(await api.store.revision())


async def test_bookmarks_move_on_with_changes_of_no_interest(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "BOOKMARK_SECONDS", 0.05)
    async with api.watch(f"{MAPS}?watch=1&allowWatchBookmarks=true") as stream:
        await api.ok("POST", ROUTES, route())
        revision = str(await api.store.revision())
        async with asyncio.timeout(60):
            while True:
                mark = await stream.next()
                assert mark is not None
                assert (mark["type"], mark["object"]["kind"]) == ("BOOKMARK", "ConfigMap")
                if mark["object"]["metadata"]["resourceVersion"] == revision:
                    break


async def test_a_compacted_revision_is_gone(make_api: Factory) -> None:
    api = make_api(history=HistoryLimits(events=2))
    await api.app.start()
    for index in range(5):
        await api.ok("POST", MAPS, config_map(f"map-{index}"))
    status = await api.refused(410, "GET", f"{MAPS}?watch=1&resourceVersion=1")
    assert status["reason"] == "Expired"


async def test_a_watch_that_fell_behind_is_told_to_list_again(make_api: Factory) -> None:
    api = make_api(history=HistoryLimits(events=2))
    await api.app.start()
    async with api.watch(f"{MAPS}?watch=1&resourceVersion={await api.store.revision()}") as stream:
        await api.ok("POST", MAPS, config_map("first"))
        assert await stream.told() == ("ADDED", "first")
        writes = [
            Write("create", ResourceId("ConfigMap", "default", f"m{n}"), config_map()) for n in range(9)
        ]
        await api.store.write(writes)
        event = await stream.next()
        assert event is not None
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        assert await stream.next() is None


async def test_a_watch_ends_in_time(api: Api) -> None:
    async with api.watch(f"{MAPS}?watch=1&timeoutSeconds=1") as stream:
        assert await stream.next() is None


async def test_a_watch_ends_when_the_server_stops(api: Api) -> None:
    await api.ok("POST", MAPS, config_map("a"))
    async with api.watch(f"{MAPS}?watch=1") as stream:
        await stream.told()
        await api.app.stop()
        assert await stream.next() is None
    await api.refused(503, "GET", MAPS)


async def test_a_watch_ends_with_its_client_and_is_forgotten(api: Api) -> None:
    await api.ok("POST", MAPS, config_map("a"))
    async with api.watch(f"{MAPS}?watch=1") as stream:
        await stream.told()
        assert len(api.app._open) == 1
        stream.hang_up()
        assert await stream.next() is None
    assert not api.app._open
    assert api.app._parts.watches.inside == 0


async def test_a_client_that_stops_reading_is_cut(make_api: Factory) -> None:
    api = make_api(Limits(send_seconds=0.02))
    await api.app.start()
    cut: list[bool] = []

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/namespaces",
        "query_string": b"watch=1",
        "headers": [(b"authorization", b"Bearer admin-token")],
        "extensions": {"sekisho.abort": lambda: cut.append(True)},
    }
    async with asyncio.timeout(60):
        await api.app(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]
    assert cut == [True]
    assert not api.app._open


async def test_events_are_encoded_once_for_all_watches(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []
    original = watching.representation.one
    monkeypatch.setattr(watching.representation, "one", lambda *args: made.append(args[0]) or original(*args))  # type: ignore[func-returns-value]
    async with api.watch(f"{MAPS}?watch=1") as first, api.watch(f"{MAPS}?watch=1") as second:
        await api.ok("GET", MAPS)
        made.clear()
        await api.store.revision()
        await api.ok("POST", MAPS, config_map("a"))
        assert await first.told() == await second.told() == ("ADDED", "a")
    assert len(made) == 2, "once for the answer to the create, once for both watches"


async def test_a_table_can_be_watched(api: Api) -> None:
    async with api.watch(f"{MAPS}?watch=1", accept=TABLE) as stream:
        await api.ok("POST", MAPS, config_map("a"))
        event = await stream.next()
        assert event is not None
        assert event["object"]["kind"] == "Table"
        assert event["object"]["rows"][0]["cells"][:2] == ["a", 1]
        assert event["object"]["rows"][0]["object"]["metadata"]["name"] == "a"


async def test_odd_wishes_are_refused(api: Api) -> None:
    await api.refused(400, "GET", f"{MAPS}?watch=1&resourceVersion=later")
    await api.refused(400, "GET", f"{MAPS}?watch=1&timeoutSeconds=soon")
    await api.refused(410, "GET", f"{MAPS}?watch=1&resourceVersion=99999")


def test_the_shared_frames_stay_within_their_bound() -> None:
    frames = watching.Frames(max_bytes=10)
    for index in range(100):
        assert frames.get((index,), lambda: b"12345") == b"12345"
    assert frames._bytes <= 10
    assert frames.get((99,), lambda: b"another") == b"12345"
