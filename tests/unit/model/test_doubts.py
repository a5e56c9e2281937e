"""What is stored and warned of: protocols that nobody defines."""

from typing import Any

import pytest

from sekisho.model.document import check
from sekisho.model.doubts import doubts


def doubted(*protocols: str, kind: str = "Gateway") -> list[str]:
    whose: dict[str, Any] = {"gatewayClassName": "sekisho"}
    if kind == "ListenerSet":
        whose = {"parentRef": {"name": "edge"}}
    listeners = [
        {"name": f"l{port}", "port": port, "protocol": protocol} for port, protocol in enumerate(protocols, 1)
    ]
    written = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "edge", "namespace": "shop"},
        "spec": whose | {"listeners": listeners},
    }
    return [str(doubt) for doubt in doubts(check(kind, written).resource)]


@pytest.mark.parametrize("kind", ["Gateway", "ListenerSet"])
def test_a_protocol_in_lower_case_is_doubted_with_the_one_that_was_meant(kind: str) -> None:
    (said,) = doubted("HTTP", "http", kind=kind)
    assert said == (
        'spec.listeners[1].protocol: "http" is not a protocol; HTTP, HTTPS, TLS, TCP, UDP are '
        '(did you mean "HTTP"?)'
    )


def test_a_protocol_without_a_domain_is_doubted_even_when_nothing_is_near() -> None:
    assert doubted("Websocket") == [
        'spec.listeners[0].protocol: "Websocket" is not a protocol; HTTP, HTTPS, TLS, TCP, UDP are'
    ]


def test_protocols_of_the_standard_and_those_with_a_domain_are_not_doubted() -> None:
    assert doubted("HTTP", "TCP", "UDP", "example.com/http") == []
