"""Commits on their way: when one has landed, and how long it took."""

import asyncio
from typing import Any

from tests.kit.clock import FakeClock

from sekisho.control.publisher import Publisher
from sekisho.engine import Changes
from sekisho.envoy.outputs import EMISSIONS
from sekisho.envoy.resource import Resource
from sekisho.model.names import ResourceId
from sekisho.xds.order import Part

WEB = ResourceId("Gateway", "shop", "web")
CLUSTERS = EMISSIONS[0]


class Member:
    def wake(self) -> None:
        pass

    def floor(self, log: Any) -> int | None:
        return None


def changes(version: str | None) -> Changes:
    made = version and Resource(CLUSTERS.type_url, "shop/cart/80", version, version.encode())
    return Changes({CLUSTERS.output: {(WEB, "shop/cart/80"): made}})


def with_members(count: int) -> tuple[Publisher, FakeClock, Any]:
    clock = FakeClock()
    publisher = Publisher(clock)
    view = publisher.view(WEB)
    for _ in range(count):
        view.members[Member()] = None
    return publisher, clock, view


def test_a_commit_has_landed_when_the_last_proxy_answered() -> None:
    publisher, clock, view = with_members(2)
    publisher.publish(changes("1"), clock.monotonic())
    clock.advance(0.01)
    publisher.synced(view, 0, 1)
    assert publisher.lag(view) == 0
    clock.advance(0.02)
    publisher.synced(view, 0, 1)
    assert abs(publisher.lag(view) - 0.03) < 1e-9


def test_responses_are_kept_until_everybody_has_answered() -> None:
    publisher, clock, view = with_members(2)
    publisher.publish(changes("1"), clock.monotonic())
    log = view.log(CLUSTERS.type_url)
    told = log.delta(0, 1, Part.BOTH, None)
    publisher.synced(view, 0, 1)
    publisher.left(view, 1)
    assert log.delta(0, 1, Part.BOTH, None) is told
    publisher.synced(view, 0, 1)
    assert log.delta(0, 1, Part.BOTH, None) is not told


def test_responses_to_whoever_comes_are_kept_until_they_are_dropped() -> None:
    publisher, clock, view = with_members(1)
    publisher.publish(changes("1"), clock.monotonic())
    publisher.synced(view, 0, 1)
    log = view.log(CLUSTERS.type_url)
    told = log.delta(0, 1, Part.BOTH, None)
    publisher.left(view, 1)
    assert log.delta(0, 1, Part.BOTH, None) is told
    publisher.forget_built()
    assert log.delta(0, 1, Part.BOTH, None) is not told


def test_a_newer_commit_does_not_make_an_unanswered_one_look_young() -> None:
    publisher, clock, view = with_members(1)
    publisher.publish(changes("1"), clock.monotonic())
    clock.advance(1)
    publisher.publish(changes("2"), clock.monotonic())
    clock.advance(1)
    publisher.synced(view, 0, 1)
    assert publisher.lag(view) == 2
    publisher.synced(view, 1, 2)
    assert publisher.lag(view) == 1


def test_a_proxy_that_left_is_not_waited_for() -> None:
    publisher, clock, view = with_members(2)
    publisher.publish(changes("1"), clock.monotonic())
    publisher.synced(view, 0, 1)
    clock.advance(0.5)
    publisher.left(view, 0)
    assert publisher.lag(view) == 0.5


async def test_idle_waits_for_answers_but_not_for_ever() -> None:
    publisher, clock, view = with_members(1)
    await publisher.idle(10)
    publisher.publish(changes("1"), clock.monotonic())
    await publisher.idle(0.001)
    publisher.synced(view, 0, 1)
    await publisher.idle(10)


async def test_idle_does_not_wait_longer_because_answers_come() -> None:
    publisher, clock, view = with_members(4)
    publisher.publish(changes("1"), clock.monotonic())
    waiting = asyncio.create_task(publisher.idle(0.05))
    while not waiting.done():
        publisher.synced(view, 1, 1)  # an answer that was known
        await asyncio.sleep(0.01)
    assert publisher.answered(view) == 0


def test_published_counts_what_there_is() -> None:
    publisher, clock, _ = with_members(0)
    publisher.publish(changes("1"), clock.monotonic())
    publisher.publish(changes("2"), clock.monotonic())
    assert publisher.published == 1
    publisher.publish(changes(None), clock.monotonic())
    assert publisher.published == 0


def test_the_view_of_a_gateway_that_is_gone_goes_when_nobody_follows_it() -> None:
    publisher, _, view = with_members(1)
    publisher.forget(WEB)
    assert publisher.view(WEB) is view
    view.members.clear()
    publisher.forget(WEB)
    assert publisher.view(WEB) is not view
