"""Virtual addresses of Services."""

import ipaddress

import pytest

from sekisho.api.addresses import RangeExhausted, ServiceAddresses
from sekisho.model.names import ResourceId
from sekisho.store.memory import MemoryStore, open_memory
from sekisho.store.protocol import Write


def id_of(name: str) -> ResourceId:
    return ResourceId("Service", "shop", name)


async def store_service(store: MemoryStore, name: str, address: str) -> None:
    await store.write([Write("create", id_of(name), {"spec": {"clusterIP": address}})])


async def test_addresses_are_unique_until_the_range_is_used_up() -> None:
    async with open_memory() as store:
        addresses = ServiceAddresses(store, ipaddress.ip_network("10.0.0.0/28"))
        given = set()
        for index in range(14):
            address = await addresses.assign(id_of(str(index)))
            await store_service(store, str(index), address)
            given.add(address)
        assert given == {f"10.0.0.{index}" for index in range(1, 15)}
        with pytest.raises(RangeExhausted):
            await addresses.assign(id_of("one more"))


async def test_a_name_gets_the_same_address_again() -> None:
    async with open_memory() as store:
        range_ = ipaddress.ip_network("10.96.0.0/12")
        assert await ServiceAddresses(store, range_).assign(id_of("a")) == await ServiceAddresses(
            store, range_
        ).assign(id_of("a"))


async def test_addresses_in_the_store_are_respected_and_freed_ones_given_again() -> None:
    async with open_memory() as store:
        range_ = ipaddress.ip_network("10.0.0.0/30")
        await store_service(store, "old", "10.0.0.1")
        addresses = ServiceAddresses(store, range_)
        assert await addresses.assign(id_of("new")) == "10.0.0.2"
        await store_service(store, "new", "10.0.0.2")
        await store.write([Write("delete", id_of("old"))])
        assert await addresses.assign(id_of("newer")) == "10.0.0.1"


async def test_a_chosen_address_is_not_given_to_another() -> None:
    async with open_memory() as store:
        addresses = ServiceAddresses(store, ipaddress.ip_network("10.0.0.0/30"))
        await addresses.claim("10.0.0.1", id_of("chosen"))
        await store_service(store, "chosen", "10.0.0.1")
        assert await addresses.assign(id_of("other")) == "10.0.0.2"
