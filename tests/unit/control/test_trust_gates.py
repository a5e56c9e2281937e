"""Whom a rotation waits for before each step."""

from datetime import UTC, datetime

import pytest

from sekisho.control.trust_gates import Member, Waiting, waiting
from sekisho.identity.ledger import Holder
from sekisho.identity.trust import Stage, Trust

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CART, STOCK, WEB = "workload/shop/cart-1", "workload/shop/stock-1", "gateway/shop/web"
OLD, NEW = 1, 2


def trust(stage: Stage) -> Trust:
    new_signs = stage in {Stage.ACTIVE, Stage.RETIRED}
    signing, other = (NEW, OLD) if new_signs else (OLD, NEW)
    return Trust(stage=stage, signing=signing, other=other, newest=2, since=NOW)


def holder(proxy: str, generation: int = OLD, instance: str = "") -> Holder:
    return Holder(proxy, instance, generation, NOW)


def member(proxy: str, instance: str = "", *, in_sync: bool = True) -> Member:
    return Member(proxy, instance, in_sync)


def found(stage: Stage, holders: list[Holder], members: list[Member]) -> list[tuple[str, bool]]:
    return [(one.proxy, one.offline) for one in waiting(trust(stage), holders, members, lambda _: True)]


def test_both_roots_must_be_acknowledged_by_all_that_are_connected() -> None:
    members = [member(CART), member(STOCK, in_sync=False), member(WEB, "host-1", in_sync=False)]
    assert found(Stage.PUBLISHED, [], members) == [(f"{WEB}/host-1", False), (STOCK, False)]


def test_who_holds_a_certificate_and_is_not_connected_is_waited_for_and_said_to_be_offline() -> None:
    holders = [holder(CART), holder(STOCK), holder(WEB, instance="host-1"), holder(WEB, instance="host-2")]
    members = [member(CART), member(WEB, "host-1")]
    assert found(Stage.PUBLISHED, holders, members) == [(f"{WEB}/host-2", True), (STOCK, True)]


def test_while_the_new_root_signs_certificates_of_the_old_one_are_waited_for() -> None:
    holders = [holder(CART, NEW), holder(STOCK, OLD), holder(WEB, OLD)]
    assert found(Stage.ACTIVE, holders, [member(CART), member(STOCK)]) == [(WEB, True), (STOCK, False)]


def test_at_the_end_only_who_is_connected_must_acknowledge_that_the_old_root_is_gone() -> None:
    members = [member(CART, in_sync=False)]
    assert found(Stage.RETIRED, [holder(STOCK)], members) == [(CART, False)]


@pytest.mark.parametrize("stage", [Stage.STEADY, Stage.PREPARED])
def test_nobody_is_waited_for_before_anybody_is_told(stage: Stage) -> None:
    assert found(stage, [holder(STOCK)], [member(CART, in_sync=False)]) == []


@pytest.mark.parametrize("stage", [Stage.PUBLISHED, Stage.ACTIVE])
def test_who_is_not_registered_any_more_is_not_waited_for(stage: Stage) -> None:
    gone = waiting(trust(stage), [holder(CART), holder(STOCK)], [], lambda proxy: proxy == STOCK)
    assert [one.proxy for one in gone] == [STOCK]


def test_the_reason_is_told() -> None:
    told = waiting(trust(Stage.ACTIVE), [holder(CART)], [], lambda _: True)
    reason = "has a certificate of the other root until 2026-01-01T00:00:00Z"
    assert told == (Waiting(CART, reason, offline=True),)
