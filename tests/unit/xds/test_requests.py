"""Requests that many proxies send alike are parsed once, and mean the same as when parsed each by itself."""

from typing import Any

import pytest
from tests.kit.xds import request

from sekisho.xds.requests import Requests
from sekisho.xds.rpc import Failed, Status

NAMES = [f"service-{number:04}" for number in range(500)]


def resumption(node: str, **changes: str) -> Any:
    """A long first request of a proxy that holds NAMES."""
    made = request("cds", node=node)
    made.initial_resource_versions.update(dict.fromkeys(NAMES, "1") | changes)
    return made


def octets(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def test_the_node_is_each_proxys_own_and_the_rest_is_shared() -> None:
    requests = Requests()
    one = requests.parse(octets(resumption("n1")))
    two = requests.parse(octets(resumption("another-node")))
    assert (one.node.id, two.node.id) == ("n1", "another-node")
    assert two.request is one.request
    assert one.request.initial_resource_versions == resumption("n1").initial_resource_versions


def test_what_differs_in_one_version_is_not_shared() -> None:
    requests = Requests()
    requests.parse(octets(resumption("n1")))
    other = requests.parse(octets(resumption("n1", **{NAMES[0]: "2"})))
    assert other.request.initial_resource_versions[NAMES[0]] == "2"


def test_a_request_without_a_node_is_shared_too() -> None:
    requests = Requests()
    made = resumption("")
    made.ClearField("node")
    first, second = requests.parse(octets(made)), requests.parse(octets(made))
    assert second.request is first.request
    assert first.node.id == ""


def test_what_is_remembered_can_be_forgotten() -> None:
    requests, made = Requests(), resumption("n1")
    first = requests.parse(octets(made))
    requests.forget()
    second = requests.parse(octets(made))
    assert second.request is not first.request
    assert second.request == first.request


def test_short_requests_are_parsed_as_they_are() -> None:
    made = request("cds", node="n1")
    asked = Requests().parse(octets(made))
    assert asked.request == made
    assert asked.node.id == "n1"


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff",
        b"\x0a\xff\xff\xff\xff\xff" + bytes(5_000),  # a length that does not end
        b"\x0a\xff\xff\xff\x0f" + bytes(5_000),  # a node longer than the request
        b"\x0a\x02\xff\xff" + b"\xff" * 5_000,  # a node that is none, and no request after it
    ],
)
def test_what_is_no_request_fails_the_call(raw: bytes) -> None:
    with pytest.raises(Failed) as failed:
        Requests().parse(raw)
    assert failed.value.status == Status.INVALID_ARGUMENT
