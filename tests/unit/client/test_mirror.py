"""The watch that never ends: present first, then changes, whatever the connection does."""

import asyncio
from contextlib import aclosing
from typing import Any

import httpx2
import pytest

from sekisho.client import Key, Unauthorized, Unreachable, present_then_changes
from sekisho.client import mirror as mirror_module

from .server import Server, failure, gateway, line, listing, streamed

DOOR, GATE = Key("shop", "door"), Key("shop", "gate")


def spec(object_: Any) -> Any:
    return object_["spec"]


async def states(server: Server, count: int) -> list[dict[Key, Any]]:
    found: list[dict[Key, Any]] = []
    async with (
        asyncio.timeout(60),
        aclosing(present_then_changes(server.client(), "gateway", spec)) as present,
    ):
        async for state in present:
            found.append(dict(state))
            if len(found) == count:
                break
    return found


def watched_from(server: Server) -> list[str]:
    return [r.url.params["resourceVersion"] for r in server.requests if r.url.params.get("watch")]


async def test_the_present_comes_first_then_each_change(server: Server) -> None:
    server.listings = [listing(5, gateway("door", port=1))]
    server.watches = [
        streamed(
            line("MODIFIED", gateway("door", 6, port=2)),
            line("ADDED", gateway("gate", 7)),
            line("DELETED", gateway("door", 8, port=2)),
        )
    ]
    assert await states(server, 4) == [
        {DOOR: {"port": 1}},
        {DOOR: {"port": 2}},
        {DOOR: {"port": 2}, GATE: {}},
        {GATE: {}},
    ]


async def test_changes_that_arrive_together_are_told_once(server: Server) -> None:
    server.listings = [listing(5, gateway("door", port=1))]
    together = b"".join(line("MODIFIED", gateway("door", 6 + port, port=port)) for port in range(50))
    server.watches = [streamed(together)]
    assert await states(server, 2) == [{DOOR: {"port": 1}}, {DOOR: {"port": 49}}]


async def test_a_write_that_changes_nothing_we_read_is_silent(server: Server) -> None:
    server.listings = [listing(5, gateway("door", port=1))]
    server.watches = [
        streamed(line("MODIFIED", gateway("door", 6, port=1)), line("MODIFIED", gateway("door", 7, port=2)))
    ]
    assert await states(server, 2) == [{DOOR: {"port": 1}}, {DOOR: {"port": 2}}]


async def test_an_ended_watch_resumes_from_the_last_revision_seen_bookmarks_included(server: Server) -> None:
    server.listings = [listing(5, gateway("door", port=1))]
    bookmark = {"metadata": {"resourceVersion": "40"}}
    server.watches = [
        streamed(line("BOOKMARK", bookmark)),
        streamed(line("MODIFIED", gateway("door", 41, port=2))),
    ]
    await states(server, 2)
    assert watched_from(server) == ["5", "40"]


async def test_an_expired_revision_lists_again_and_tells_only_the_difference(server: Server) -> None:
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    server.listings = [listing(5, gateway("door", port=1)), listing(90, gateway("gate"))]
    server.watches = [streamed(line("ERROR", gone)), streamed()]
    assert await states(server, 2) == [{DOOR: {"port": 1}}, {GATE: {}}]
    assert watched_from(server) == ["5"]


async def test_a_lost_server_is_tried_again_until_it_is_back(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_module, "FIRST_WAIT", 0.001)
    server.listings = [
        httpx2.ConnectError("refused"),
        failure(503, "ServiceUnavailable", "starting"),
        listing(5, gateway("door", port=1)),
        listing(6, gateway("door", port=2)),
    ]
    server.watches = [httpx2.ReadError("reset")]
    assert await states(server, 2) == [{DOOR: {"port": 1}}, {DOOR: {"port": 2}}]


async def test_a_refused_token_is_raised(server: Server) -> None:
    server.listings = [failure(401, "Unauthorized", "who are you")]
    with pytest.raises(Unauthorized):
        await states(server, 1)


async def test_silence_is_noticed(server: Server) -> None:
    server.watches = [httpx2.ReadTimeout("")]
    with pytest.raises(Unreachable, match="no answer in time"):
        await anext(server.client().watch("gateway", "1"))
