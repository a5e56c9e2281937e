"""Addresses of Gateways and of services: each its own, the same for as long as it wants one."""

from ipaddress import ip_network
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.control.addresses import (
    GATEWAYS,
    VIRTUAL_RANGES,
    AddressPool,
    virtual_pools,
    zone_services,
)
from sekisho.model.document import check
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedAddress
from sekisho.translate.mesh.names import outbound_address


def gateway_id(name: str) -> ResourceId:
    return ResourceId("Gateway", "default", name)


def gateway(name: str, addresses: list[dict[str, str]] | None = None) -> dict[ResourceId, Any]:
    document = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "gatewayClassName": "sekisho",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
            **({"addresses": addresses} if addresses is not None else {}),
        },
    }
    return {gateway_id(name): check("Gateway", document).resource}


def pool(range_: str = "10.0.0.0/29", statuses: dict[str, list[str]] | None = None) -> AddressPool:
    known = {
        gateway_id(name): {"addresses": [{"type": "IPAddress", "value": one} for one in addresses]}
        for name, addresses in (statuses or {}).items()
    }
    return AddressPool((ip_network(range_),), known.get, GATEWAYS)


def told(changes: dict[AssignedAddress, str | None]) -> dict[str, str | None]:
    return {key.gateway.name: address for key, address in changes.items()}


def test_every_gateway_gets_the_lowest_free_address() -> None:
    addresses = pool()
    assert told(addresses.changes(gateway("b") | gateway("a"))) == {"a": "10.0.0.1", "b": "10.0.0.2"}
    assert told(addresses.changes(gateway("c"))) == {"c": "10.0.0.3"}


def test_an_edited_gateway_keeps_its_address() -> None:
    addresses = pool()
    addresses.changes(gateway("a"))
    assert told(addresses.changes(gateway("a"))) == {}


def test_a_deleted_gateway_gives_its_address_back() -> None:
    addresses = pool()
    addresses.changes(gateway("a") | gateway("b"))
    assert told(addresses.changes({gateway_id("a"): None})) == {"a": None}
    assert told(addresses.changes(gateway("c"))) == {"c": "10.0.0.1"}


@pytest.mark.parametrize(
    "asked", [[{"value": "192.0.2.7"}], [{"type": "Hostname", "value": "a.example.com"}]]
)
def test_a_gateway_that_names_its_address_gets_none_from_us(asked: list[dict[str, str]]) -> None:
    assert told(pool().changes(gateway("a", asked))) == {}


def test_a_gateway_that_leaves_the_value_of_its_address_out_gets_one() -> None:
    assert told(pool().changes(gateway("a", [{"type": "IPAddress"}]))) == {"a": "10.0.0.1"}


def test_a_gateway_that_begins_to_name_its_address_gives_ours_back() -> None:
    addresses = pool()
    addresses.changes(gateway("a"))
    assert told(addresses.changes(gateway("a", [{"value": "192.0.2.7"}]))) == {"a": None}


def test_after_a_restart_everybody_gets_what_the_status_says_whatever_the_names() -> None:
    addresses = pool(statuses={"z": ["10.0.0.1"], "m": ["10.0.0.4"]})
    found = told(addresses.changes(gateway("a") | gateway("m") | gateway("z")))
    assert found == {"a": "10.0.0.2", "m": "10.0.0.4", "z": "10.0.0.1"}


@pytest.mark.parametrize("address", ["127.0.0.1", "a.example.com", ""])
def test_an_address_in_the_status_that_is_not_of_the_range_counts_for_nothing(address: str) -> None:
    assert told(pool(statuses={"a": [address]}).changes(gateway("a"))) == {"a": "10.0.0.1"}


def test_who_comes_too_late_waits_and_is_served_when_an_address_comes_back() -> None:
    addresses = pool("10.0.0.0/30")
    found = told(addresses.changes(gateway("a") | gateway("b") | gateway("c")))
    assert found == {"a": "10.0.0.1", "b": "10.0.0.2", "c": ""}
    assert told(addresses.changes({gateway_id("b"): None})) == {"b": None, "c": "10.0.0.2"}


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["want", "name", "delete"])), max_size=40)
)
def test_no_two_gateways_ever_have_the_same_address(edits: list[tuple[str, str]]) -> None:
    addresses, holders = pool(), dict[str, str]()
    for name, edit in edits:
        leaves: dict[ResourceId, Any] = {gateway_id(name): None}
        if edit != "delete":
            leaves = gateway(name, [{"value": "192.0.2.7"}] if edit == "name" else None)
        for changed, address in told(addresses.changes(leaves)).items():
            holders.pop(changed, None)
            if address:
                holders[changed] = address
        assert len(set(holders.values())) == len(holders)
        assert edit == "want" or name not in holders


def zone_service(name: str, zone: str = "gcp") -> dict[ResourceId, Any]:
    document = {
        "apiVersion": "sekisho.dev/v1alpha1",
        "kind": "ZoneService",
        "metadata": {"name": f"{name}.{zone}", "namespace": "shop"},
        "spec": {"zone": zone, "mesh": "default", "service": name, "ports": [{"port": 80}]},
    }
    return {ResourceId("ZoneService", "shop", f"{name}.{zone}"): check("ZoneService", document).resource}


def virtual(statuses: dict[str, str] | None = None) -> AddressPool:
    """Of ZoneServices, as the zone azure gives them."""
    known = {
        ResourceId("ZoneService", "shop", name): {"vip": {"ip": address}}
        for name, address in (statuses or {}).items()
    }
    return virtual_pools("azure", known.get)[-1]


def vips(changes: dict[Any, str | None]) -> dict[str, str | None]:
    return {key.service.name: address for key, address in changes.items()}


def test_services_of_other_zones_get_virtual_addresses_and_those_of_this_one_have_them_as_services() -> None:
    found = vips(virtual().changes(zone_service("cart") | zone_service("cart", "azure")))
    assert found == {"cart.gcp": "243.0.224.1"}


def test_a_virtual_address_is_the_same_after_a_restart() -> None:
    before = virtual({"web.gcp": "243.0.224.9"})
    assert vips(before.changes(zone_service("cart") | zone_service("web")))["web.gcp"] == "243.0.224.9"


def test_a_service_that_comes_back_has_the_virtual_address_it_had() -> None:
    """As when all records are sent anew: whoever looked its name up goes on."""
    pool = virtual()
    both = zone_service("cart") | zone_service("web")
    before = vips(pool.changes(both))
    pool.changes(dict.fromkeys(both))
    assert vips(pool.changes(zone_service("web") | zone_service("new"))) == {
        "web.gcp": before["web.gcp"], "new.gcp": "243.0.224.3",
    }  # fmt: skip


def test_a_virtual_address_is_not_somebody_elses_as_long_as_there_are_others() -> None:
    pool = virtual()
    for number in range(3):
        (address,) = vips(pool.changes(zone_service(f"s{number}"))).values()
        assert address == f"243.0.224.{number + 1}"
        pool.changes(dict.fromkeys(zone_service(f"s{number}")))


def test_a_second_range_begins_where_the_first_one_ends() -> None:
    pool = AddressPool(
        (ip_network("10.0.0.0/30"), ip_network("10.1.0.0/30")), lambda _: None, zone_services("azure")
    )
    given = [vips(pool.changes(zone_service(f"s{number}")))[f"s{number}.gcp"] for number in range(5)]
    assert given == ["10.0.0.1", "10.0.0.2", "10.1.0.1", "10.1.0.2", ""]


def test_no_kinds_share_an_address_or_the_low_bits_that_outbounds_are_bound_by() -> None:
    firsts = [ranges[0] for ranges in VIRTUAL_RANGES.values()]
    everything = [range_ for ranges in VIRTUAL_RANGES.values() for range_ in ranges]
    assert not any(one.overlaps(two) for one, two in combinations(everything, 2))
    low = [{outbound_address(str(one), "127.2.0.0/16") for one in range_.hosts()} for range_ in firsts]
    assert not any(one & two for one, two in combinations(low, 2))
    assert all(address >= "127.2.128.0" for address in map(min, low)), "below are Services"
