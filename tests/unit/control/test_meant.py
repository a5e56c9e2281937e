"""What was meant by a name that leads nowhere."""

from collections.abc import Iterable

import pytest

from sekisho.client.system_status import Trouble
from sekisho.control.meant import MOST, with_what_was_meant
from sekisho.model.names import ResourceId

THERE = {
    "Service": [ResourceId("Service", "shop", "web"), ResourceId("Service", "bank", "ledger")],
    "GatewayClass": [ResourceId("GatewayClass", "", "sekisho")],
}


def told(*messages: str) -> list[str]:
    troubles = (Trouble(resource="HTTPRoute/shop/cart", message=one) for one in messages)
    return [one.message for one in with_what_was_meant(troubles, lambda kind: THERE.get(kind, ()))]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Service/shop/wbe does not exist.", 'Service/shop/wbe does not exist (did you mean "web"?).'),
        (
            "GatewayClass/sekiso does not exist",
            'GatewayClass/sekiso does not exist (did you mean "sekisho"?)',
        ),
        (
            "a: Service/shop/wbe does not exist; b: Service/shop/x does not exist.",
            'a: Service/shop/wbe does not exist (did you mean "web"?); b: Service/shop/x does not exist.',
        ),
    ],
)
def test_the_nearest_name_is_told(message: str, expected: str) -> None:
    assert told(message) == [expected]


@pytest.mark.parametrize(
    "message",
    [
        "Service/shop/ledger does not exist.",  # it is in another namespace
        "Secret/shop/wbe does not exist.",
        "Service/shop/wbe has no TCP port 81.",
    ],
)
def test_what_is_near_nothing_stays_as_it_is(message: str) -> None:
    assert told(message) == [message]


def test_a_name_is_looked_for_once_and_not_too_many_are() -> None:
    asked = []

    def of_kind(kind: str) -> Iterable[ResourceId]:
        asked.append(kind)
        return ()

    messages = [f"Service/shop/s{number % 50} does not exist" for number in range(200)]
    troubles = [Trouble(resource="", message=message) for message in messages]
    assert list(with_what_was_meant(troubles, of_kind)) == troubles
    assert len(asked) == MOST
