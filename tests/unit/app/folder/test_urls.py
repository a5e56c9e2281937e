"""Where a Gateway is reached, and how long `up` waits for it."""

from typing import Any

import pytest

from sekisho.app.folder.urls import reached, urls


def programmed(status: str = "True", reason: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": "Programmed", "status": status, "reason": reason}]}


def gateway(status: dict[str, Any], *served: str) -> dict[str, Any]:
    listeners = [
        {"name": "plain", "protocol": "HTTP", "port": 80}, {"name": "tls", "protocol": "HTTPS", "port": 443},
    ]  # fmt: skip
    states = [{"name": one["name"], **programmed(str(one["name"] in served))} for one in listeners]
    addresses = [{"value": "127.0.0.1"}, {"value": "2001:db8::1"}]
    return {
        "spec": {"listeners": listeners},
        "status": {"addresses": addresses, "listeners": states, **status},
    }


def test_it_has_urls_once_it_is_programmed() -> None:
    assert urls(gateway(programmed(), "plain", "tls")) == (
        "http://localhost:80",
        "https://localhost:443",
        "http://[2001:db8::1]:80",
        "https://[2001:db8::1]:443",
    )
    assert urls(gateway(programmed("False"), "plain", "tls")) == ()
    assert urls({**gateway({}), "status": {}}) == ()
    assert urls({"spec": {}, "status": programmed()}) == (), "its listeners are those of ListenerSets"


def test_a_listener_that_is_closed_has_none() -> None:
    assert urls(gateway(programmed(), "plain")) == ("http://localhost:80", "http://[2001:db8::1]:80")


def test_what_is_reached_alike_is_told_once() -> None:
    shared = gateway(programmed(), "plain", "tls", "other")
    shared["spec"]["listeners"].append({"name": "other", "protocol": "HTTPS", "port": 443})
    shared["status"]["listeners"].append({"name": "other", **programmed()})
    shared["status"]["addresses"] = [{"value": "0.0.0.0"}, {"value": "::"}]
    assert urls(shared) == ("http://localhost:80", "https://localhost:443")


@pytest.mark.parametrize(
    ("status", "is_decided"),
    [
        ({}, False),
        (programmed("Unknown", "Pending"), False),
        (programmed("False", "Pending"), False),
        (programmed("False", "AddressNotUsable"), True),
        (programmed("True", "Programmed"), True),
    ],
)
def test_it_is_waited_for_until_it_is_served_or_known_why_not(
    status: dict[str, Any], *, is_decided: bool
) -> None:
    assert reached(gateway(status, "plain")).is_decided is is_decided
