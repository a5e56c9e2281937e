"""Documents made to cost us time: refused in bounded time, with a bounded answer."""

import time
from typing import Any

import pytest

from sekisho.model.document import check
from sekisho.model.mistakes import MAX_TOLD
from sekisho.model.problems import Invalid

HEAD: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "a"},
    "spec": {},
}
MANY = 300_000
WORST_EXPRESSION = r"(\pL{30}){30}"


def rules_with_expressions(count: int) -> list[dict[str, Any]]:
    """Rules of 8 matches with distinct costly expressions."""
    path = {"type": "RegularExpression"}
    values = [f"{WORST_EXPRESSION}{number}" for number in range(count)]
    matches = [{"path": {**path, "value": value}} for value in values]
    return [{"matches": matches[start : start + 8]} for start in range(0, count, 8)]


@pytest.mark.parametrize(
    "written",
    [
        {**HEAD, "spec": {f"field{number}": 1 for number in range(MANY)}},
        {**HEAD, "spec": {"hostnames": ["A"] * MANY}},
        {**HEAD, "spec": {"hostnames": ["a"] * MANY}},
        {**HEAD, "spec": {"rules": [{}] * MANY}},
        {**HEAD, "spec": {"rules": rules_with_expressions(128)}},
        {**HEAD, "metadata": {"name": "a", "labels": {f"_{number}": "-" for number in range(MANY)}}},
        {**HEAD, "metadata": {"name": "a", "finalizers": [*["a"] * MANY, 5]}},
        {**HEAD, "h" * 1_000_000: 1},
        {**HEAD, "spec": {"hostnames": ["a" * 1_000_000 + "!"]}},
        {
            **HEAD,
            "spec": {"rules": [{"matches": [{"headers": [{"name": "a", "value": "a" * 4000 + "\n"}]}]}]},
        },
    ],
    ids=[
        "fields",
        "bad-items",
        "items",
        "rules",
        "regexes",
        "labels",
        "finalizers",
        "long-key",
        "long-host",
        "header",
    ],
)
def test_a_hostile_document_is_refused_fast_and_briefly(written: dict[str, Any]) -> None:
    start = time.process_time()
    with pytest.raises(Invalid) as refused:
        check("HTTPRoute", written)
    assert time.process_time() - start < 1.5
    assert 1 <= len(refused.value.problems) <= MAX_TOLD
    assert len(str(refused.value)) < 30_000
