"""What sessions say of proxies, and what becomes known of it."""

from typing import Any

from tests.kit.clock import FakeClock
from tests.kit.xds import changes

from sekisho.control.inbox import Inbox
from sekisho.control.proxies import Proxies
from sekisho.control.publisher import Publisher
from sekisho.control.tally import Tally
from sekisho.model.names import ResourceId
from sekisho.translate.facts import SYNCED, ProxyState
from sekisho.xds.view import View

WEB = ResourceId("Gateway", "shop", "web")
PROXY = "gateway/shop/web/1"


class Node:
    id = PROXY


def connected() -> tuple[Proxies, View, list[int], Inbox]:
    """A proxy whose session says how far it is."""
    clock, inbox = FakeClock(), Inbox()
    publisher = Publisher(clock)
    view = publisher.view(WEB)
    proxies = Proxies(inbox, publisher, clock, lambda _owner: [view], Tally(clock))
    reached = [0]
    proxies.connected(PROXY, Node(), reached)
    view.commit(changes(eds="a@1"))
    return proxies, view, reached, inbox


def told(inbox: Inbox) -> dict[Any, Any]:
    return inbox.take()[0]


def test_how_far_a_proxy_is_is_read_off_its_session() -> None:
    proxies, view, reached, _ = connected()
    assert proxies.connected_now[PROXY].behind == 1
    proxies.arrived(PROXY, view, reached[0], 1)
    reached[0] = 1
    assert (proxies.connected_now[PROXY].behind, proxies.connected_now[PROXY].acknowledged) == (0, 1)


def test_the_first_proxy_in_sync_is_told_and_arrivals_after_that_are_not() -> None:
    proxies, view, _, inbox = connected()
    proxies.synced(PROXY, view, 1)
    assert told(inbox) == {ProxyState.of(WEB): SYNCED}
    proxies.arrived(PROXY, view, 1, 2)
    assert not told(inbox)


def test_of_an_owner_that_went_and_came_back_the_next_arrival_is_the_first() -> None:
    proxies, view, _, inbox = connected()
    proxies.synced(PROXY, view, 1)
    proxies.forget(WEB)
    assert told(inbox) == {ProxyState.of(WEB): None}
    proxies.arrived(PROXY, view, 1, 2)
    assert told(inbox) == {ProxyState.of(WEB): SYNCED}


def test_an_owner_that_went_with_its_proxies_is_nobody_to_wait_for() -> None:
    proxies, view, _, inbox = connected()
    proxies.synced(PROXY, view, 1)
    proxies.forget(WEB)
    proxies.disconnected(PROXY, "ended")
    told(inbox)
    proxies.arrived(PROXY, view, 1, 2)
    assert not told(inbox)
