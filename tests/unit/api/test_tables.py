"""Tables: the columns kubectl shows, and ages as it writes them."""

from typing import Any

import pytest

from sekisho.api.tables import age, columns
from sekisho.model.kinds import KINDS
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Write

from .harness import ROUTES, SERVICES, Api, config_map, route, service

TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,"
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io,"
    "application/json"
)
"""What kubectl sends."""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59, "59s"),
        (61, "1m1s"),
        (120, "2m"),
        (599, "9m59s"),
        (600, "10m"),
        (3_600, "1h"),
        (5 * 3_600 + 90, "5h1m"),
        (30 * 3_600, "1d6h"),
        (40 * 86_400, "40d"),
        (800 * 86_400, "2y70d"),
    ],
)
def test_ages_are_short(seconds: int, text: str) -> None:
    assert age("1970-01-01T00:00:00Z", seconds) == text


def test_an_object_without_a_time_has_no_age() -> None:
    assert age(None, 5) == "<unknown>"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_begins_with_its_name_and_shows_its_age(kind: str) -> None:
    names = [column["name"] for column in columns(kind)]
    assert names[0] == "Name"
    assert "Age" in names


async def rows(api: Api, path: str) -> list[list[Any]]:
    """The cells of the columns shown without -o wide, less the age."""
    table = await api.ok("GET", path, accept=TABLE)
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    shown = [
        index
        for index, column in enumerate(table["columnDefinitions"])
        if not column["priority"] and column["name"] != "Age"
    ]
    return [[row["cells"][index] for index in shown] for row in table["rows"]]


async def test_routes_show_their_hostnames(api: Api) -> None:
    await api.ok("POST", ROUTES, route())
    assert await rows(api, ROUTES) == [["cart", '["shop.example.com"]']]
    assert await rows(api, f"{ROUTES}/cart") == [["cart", '["shop.example.com"]']]


async def test_services_show_what_callers_need(api: Api) -> None:
    made = await api.ok("POST", SERVICES, service(selector={"app": "x"}))
    address = made["spec"]["clusterIP"]
    assert await rows(api, SERVICES) == [["cart", "ClusterIP", address, "<none>", "80/TCP"]]


async def test_a_gateway_shows_its_address_and_whether_it_is_programmed(api: Api) -> None:
    gateways = ROUTES.replace("httproutes", "gateways")
    listeners = [{"name": "http", "port": 80, "protocol": "HTTP"}]
    await api.ok(
        "POST",
        gateways,
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "gw"},
            "spec": {"gatewayClassName": "sekisho", "listeners": listeners},
        },
    )
    assert await rows(api, gateways) == [["gw", "sekisho", "", "Unknown"]]
    status = {
        "addresses": [{"type": "IPAddress", "value": "127.0.0.1"}],
        "conditions": [{"type": "Programmed", "status": "True"}],
    }
    await api.store.write([Write("status", ResourceId("Gateway", "default", "gw"), {"status": status})])
    assert await rows(api, gateways) == [["gw", "sekisho", "127.0.0.1", "True"]]


async def test_other_kinds_show_what_upstream_shows(api: Api) -> None:
    await api.ok("POST", "/api/v1/namespaces/default/configmaps", config_map())
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}
    await api.ok("POST", "/api/v1/namespaces/default/secrets", secret)
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "s"},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 80}],
        "endpoints": [{"addresses": [f"10.0.0.{index}"]} for index in range(5)],
    }
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    await api.ok("POST", slices, slice_)
    assert await rows(api, "/api/v1/namespaces") == [["default", "Active"], ["sekisho-system", "Active"]]
    assert await rows(api, "/api/v1/configmaps") == [["settings", 1]]
    assert await rows(api, "/api/v1/secrets") == [["s", "Opaque", 1]]
    assert await rows(api, slices) == [["s", "IPv4", "80", "10.0.0.0,10.0.0.1,10.0.0.2 + 2 more..."]]


@pytest.mark.parametrize(
    ("include", "kind"), [("None", None), ("Metadata", "PartialObjectMetadata"), ("Object", "HTTPRoute")]
)
async def test_a_row_carries_as_much_of_its_object_as_asked(api: Api, include: str, kind: str | None) -> None:
    await api.ok("POST", ROUTES, route())
    table = await api.ok("GET", f"{ROUTES}?includeObject={include}", accept=TABLE)
    assert table["rows"][0].get("object", {}).get("kind") == kind
