"""How many streams one identity may begin, whatever node it says it is."""

import pytest
from tests.kit.xds import request

from sekisho.xds.admission import Admission
from sekisho.xds.limits import Limits
from sekisho.xds.rpc import Failed, Status
from sekisho.xds.view import View

CART, STOCK = (
    "spiffe://control-plane.test/workload/shop/cart",
    "spiffe://control-plane.test/workload/shop/stock",
)


@pytest.fixture
def admission() -> Admission:
    view = View("all")
    return Admission(lambda _peer, _node: [view], None, Limits(stream_burst=3, stream_rate=1.0))


def admit(admission: Admission, peer: str | None, now: float, node: str = "n") -> Status | None:
    try:
        admission.admit(request("cds", node=node).node, peer, now)
    except Failed as failed:
        return failed.status
    return None


def test_an_identity_that_begins_stream_after_stream_is_told_to_wait_and_others_are_not(
    admission: Admission,
) -> None:
    answers = [admit(admission, CART, 100.0, node=f"n{number}") for number in range(5)]
    assert answers == [None, None, None, Status.UNAVAILABLE, Status.UNAVAILABLE]
    assert admit(admission, STOCK, 100.0) is None


def test_it_is_let_in_again_after_a_while(admission: Admission) -> None:
    for _ in range(4):
        admit(admission, CART, 100.0)
    assert admit(admission, CART, 103.0) is None


def test_an_identity_has_so_many_streams_at_a_time_and_gets_another_when_one_ends() -> None:
    limits = Limits(identity_streams=2)
    admission = Admission(lambda _peer, _node: [View("all")], None, limits)
    assert [admit(admission, CART, 100.0) for _ in range(3)] == [None, None, Status.RESOURCE_EXHAUSTED]
    assert admit(admission, STOCK, 100.0) is None
    admission.left(CART)
    assert [admit(admission, CART, 100.0) for _ in range(2)] == [None, Status.RESOURCE_EXHAUSTED]
    for peer in (CART, CART, STOCK):
        admission.left(peer)
    assert not admission.open


def test_a_unix_socket_has_no_such_limit(admission: Admission) -> None:
    assert [admit(admission, None, 100.0) for _ in range(10)] == [None] * 10


def test_what_is_remembered_of_identities_is_bounded(
    admission: Admission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sekisho.xds.admission._IDENTITIES", 2)
    for number in range(10):
        admit(admission, f"{CART}-{number}", 100.0)
    assert len(admission.budgets) == 2
