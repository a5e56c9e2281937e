"""`sekisho.model.selectors`."""

from typing import Any

import msgspec
import pytest

from sekisho.model.meta import LabelSelector
from sekisho.model.selectors import selects


def selector(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "cart"}}, True),
        ({"matchLabels": {"app": "cart", "tier": "web"}}, False),
        (selector("app", "In", "shop", "cart"), True),
        (selector("tier", "In", ""), False),
        (selector("app", "NotIn", "cart"), False),
        (selector("tier", "NotIn", "web"), True),
        (selector("app", "Exists"), True),
        (selector("tier", "Exists"), False),
        (selector("tier", "DoesNotExist"), True),
        (selector("app", "DoesNotExist"), False),
        ({"matchLabels": {"app": "cart"}, **selector("tier", "Exists")}, False),
    ],
)
def test_a_selector_picks_as_in_kubernetes(written: dict[str, Any], expected: object) -> None:
    assert selects(msgspec.convert(written, LabelSelector), {"app": "cart"}) is expected
