"""A listener is programmed when a proxy has taken it, and not when it had taken others before."""

import asyncio
import json
from typing import Any

from tests.kit.clock import FakeClock
from tests.kit.objects import http_listener, shop, write
from tests.kit.system import gateway
from tests.kit.xds import changes
from tests.unit.control.test_loop import WEB, running, until

from sekisho.control.loop import ControlLoop
from sekisho.control.openings import Openings
from sekisho.control.publisher import Publisher
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Store
from sekisho.translate.facts import Opened
from sekisho.translate.gateway.openings import Opening

SET = ResourceId("ListenerSet", "shop", "more")
PROXY = "gateway/shop/web/1"


class Node:
    id = PROXY


async def listeners(store: Store) -> dict[str, dict[str, tuple[str, str]]]:
    """Status and reason of each condition, of each listener, and of the Gateway as `all`."""
    status = json.loads((await store.get(WEB)).body)["status"]

    def said(conditions: list[Any]) -> dict[str, tuple[str, str]]:
        return {one["type"]: (one["status"], one["reason"]) for one in conditions}

    return {"all": said(status["conditions"])} | {
        one["name"]: said(one["conditions"]) for one in status.get("listeners", ())
    }


async def programmed(store: Store, **expected: str) -> None:
    """Returns when this is the reason of Programmed, of listeners and of `all`, the Gateway."""
    async with asyncio.timeout(10):
        while True:
            found = await listeners(store)
            said = {name: found.get(name, {}).get("Programmed", ("", ""))[1] for name in expected}
            if said == expected:
                return
            await asyncio.sleep(0.005)


def answer(loop: ControlLoop) -> None:
    """The proxy takes all there is."""
    view = loop.publisher.view(WEB)
    reached = loop.proxies.connected_now[PROXY].positions
    loop.proxies.arrived(PROXY, view, reached[0], view.seq)
    reached[0] = view.seq


async def in_sync(store: Store, loop: ControlLoop) -> None:
    await store.write([write("create", one) for one in shop()])
    view = loop.publisher.view(WEB)
    await until(lambda: view.seq)
    await programmed(store, all="Pending")
    loop.proxies.connected(PROXY, Node(), [0])
    loop.proxies.synced(PROXY, view, view.seq)
    await programmed(store, all="Programmed", http="Programmed")


def edge(*more: Any) -> Any:
    return write("update", gateway(http_listener(port=8080), *more))


async def test_a_listener_added_later_waits_for_a_proxy_and_the_others_stay_as_they_are() -> None:
    async with running() as (store, loop):
        await in_sync(store, loop)
        await store.write([edge(http_listener("more", port=8081))])
        await programmed(store, all="Pending", http="Programmed", more="Pending")
        answer(loop)
        await programmed(store, all="Programmed", http="Programmed", more="Programmed")


async def test_a_listener_that_changes_waits_again_and_an_answer_to_what_was_before_is_none() -> None:
    async with running() as (store, loop):
        await in_sync(store, loop)
        view, before = loop.publisher.view(WEB), loop.publisher.view(WEB).seq
        await store.write([edge(http_listener("more", port=8081))])
        await programmed(store, more="Pending")
        loop.proxies.arrived(PROXY, view, before, before)
        opened = view.seq
        await store.write([edge(http_listener("more", port=8082))])
        await until(lambda: view.seq > opened)
        await programmed(store, more="Pending", http="Programmed")
        answer(loop)
        await programmed(store, more="Programmed")


def opening(listener: str) -> Opening:
    return Opening(WEB, listener, ("127.0.0.1",), 8080, "http", "*", is_passthrough=False, certificates=())


def test_what_is_taken_or_closed_is_no_longer_waited_for() -> None:
    publisher = Publisher(FakeClock())
    view, openings = publisher.view(WEB), Openings(publisher)
    wanted, more = (opening("a"),), (opening("a"), opening("b"))
    view.commit(changes(lds="a@1"))
    assert not openings.published({WEB: wanted, SET: more}, {view: 0})
    assert openings.answered(view, 0) == {}
    assert openings.answered(view, 1) == {Opened.of(WEB): wanted, Opened.of(SET): more}
    assert not openings.awaited
    view.commit(changes(lds="a@2"))
    assert not openings.published({WEB: more}, {view: 1})
    assert openings.published({WEB: None}, {view: 1}) == {Opened.of(WEB): None}
    assert not openings.awaited
    assert openings.answered(view, 2) == {}


async def test_what_changes_nothing_for_the_proxy_is_so_at_once() -> None:
    """The name of a listener, which no Envoy resource says."""
    async with running() as (store, loop):
        await in_sync(store, loop)
        answer(loop)
        seq = loop.publisher.view(WEB).seq
        await store.write([write("update", gateway(http_listener("renamed", port=8080)))])
        await programmed(store, renamed="Programmed", all="Programmed")
        assert loop.publisher.view(WEB).seq == seq
