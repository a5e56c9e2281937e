"""Virtual addresses of Services."""

import asyncio
from ipaddress import IPv4Network, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.api.addresses import AddressTaken, OutOfRange, RangeExhausted, ServiceAddresses
from sekisho.model.names import ResourceId
from sekisho.store.memory import MemoryStore, open_memory
from sekisho.store.protocol import Record, Write

RANGE = IPv4Network("241.0.0.0/9")


def id_of(name: str) -> ResourceId:
    return ResourceId("Service", "shop", name)


async def store_service(store: MemoryStore, name: str, *addresses: str, **spec: str) -> None:
    fields = {"clusterIP": addresses[0], "clusterIPs": list(addresses)} if addresses else {}
    await store.write([Write("create", id_of(name), {"spec": fields | spec})])


async def delete(store: MemoryStore, name: str) -> Record:
    (record,) = await store.write([Write("delete", id_of(name))])
    assert isinstance(record, Record)
    return record


async def create(store: MemoryStore, addresses: ServiceAddresses, name: str, *chosen: str) -> str:
    """What the API does: the address is reserved while the Service is written."""
    async with addresses.reserved(id_of(name), chosen) as given_ones:
        await asyncio.sleep(0)
        await store_service(store, name, *given_ones)
    return given_ones[0]


async def test_addresses_are_unique_until_the_range_is_used_up() -> None:
    async with open_memory() as store:
        addresses = ServiceAddresses(store, IPv4Network("10.0.0.0/28"))
        given_ones = {await create(store, addresses, f"s{index}") for index in range(14)}
        assert given_ones == {f"10.0.0.{index}" for index in range(1, 15)}
        with pytest.raises(RangeExhausted):
            await create(store, addresses, "one-more")


async def test_a_name_gets_the_same_address_again() -> None:
    async with open_memory() as store:
        first = await create(store, ServiceAddresses(store, RANGE), "a")
        await delete(store, "a")
        assert await create(store, ServiceAddresses(store, RANGE), "a") == first


async def test_low_bits_differ_as_long_as_they_can() -> None:
    async with open_memory() as store:
        addresses = ServiceAddresses(store, RANGE)
        given_ones = [await create(store, addresses, f"s{index}") for index in range(500)]
        assert len({int(ip_address(address)) & 0xFFFF for address in given_ones}) == 500


async def test_creates_at_the_same_time_never_share_an_address() -> None:
    async with open_memory() as store:
        addresses = ServiceAddresses(store, IPv4Network("10.0.0.0/27"))
        given_ones = await asyncio.gather(*(create(store, addresses, f"s{index}") for index in range(30)))
        assert len(set(given_ones)) == 30


async def test_what_is_in_the_store_is_respected_after_a_restart() -> None:
    async with open_memory() as store:
        await store_service(store, "old", "10.0.0.1")
        assert await create(store, ServiceAddresses(store, IPv4Network("10.0.0.0/30")), "new") == "10.0.0.2"


async def test_a_deleted_service_gives_its_address_back() -> None:
    async with open_memory() as store:
        addresses = ServiceAddresses(store, IPv4Network("10.0.0.0/30"))
        await create(store, addresses, "a", "10.0.0.1")
        await create(store, addresses, "b", "10.0.0.2")
        addresses.forget(await delete(store, "a"))
        assert await create(store, addresses, "c") == "10.0.0.1"


async def test_an_address_is_free_too_when_nobody_told_of_the_deletion() -> None:
    async with open_memory() as store:
        addresses = ServiceAddresses(store, IPv4Network("10.0.0.0/30"))
        await create(store, addresses, "a", "10.0.0.1")
        await delete(store, "a")
        assert await create(store, addresses, "b", "10.0.0.1") == "10.0.0.1"


async def test_a_service_held_by_finalizers_keeps_its_address() -> None:
    async with open_memory() as store:
        addresses = ServiceAddresses(store, RANGE)
        held = {"metadata": {"finalizers": ["a/b"]}, "spec": {"clusterIP": "241.0.0.1"}}
        await store.write([Write("create", id_of("a"), held)])
        addresses.forget(await delete(store, "a"))
        with pytest.raises(AddressTaken):
            await create(store, addresses, "b", "241.0.0.1")


async def test_a_write_that_failed_leaves_nothing_reserved() -> None:
    async with open_memory() as store:
        addresses = ServiceAddresses(store, RANGE)
        with pytest.raises(OSError, match="disk"):
            async with addresses.reserved(id_of("a"), ("241.0.0.1",)):
                raise OSError("disk")
        assert await create(store, addresses, "b", "241.0.0.1") == "241.0.0.1"


async def test_of_several_addresses_all_are_taken_or_none() -> None:
    async with open_memory() as store:
        addresses = ServiceAddresses(store, RANGE)
        await create(store, addresses, "a", "241.0.0.1", "241.0.0.9")
        with pytest.raises(AddressTaken, match=r"241\.0\.0\.9"):
            await create(store, addresses, "b", "241.0.0.2", "241.0.0.9")
        assert await create(store, addresses, "c", "241.0.0.2") == "241.0.0.2"


@pytest.mark.parametrize("chosen", ["10.0.0.5", "242.0.0.1", "240.255.255.255", "127.0.0.1", "fd00::1"])
async def test_an_address_of_somebody_else_cannot_be_chosen(chosen: str) -> None:
    """Workloads would be answered by the Service when they call a database, or an ExternalService."""
    async with open_memory() as store:
        addresses = ServiceAddresses(store, RANGE)
        with pytest.raises(OutOfRange):
            await create(store, addresses, "thief", "241.0.0.1", chosen)
        assert await create(store, addresses, "b", "241.0.0.1") == "241.0.0.1"


async def test_services_without_address_get_one_at_the_start() -> None:
    async with open_memory() as store:
        await store_service(store, "old")
        await store_service(store, "headless", "None")
        await store_service(store, "elsewhere", type="ExternalName", externalName="a.b")
        await store_service(store, "has-one", "241.0.0.1")
        addresses = ServiceAddresses(store, RANGE)
        assert await addresses.complete() == 1
        assert await addresses.complete() == 0
        record = await store.get(id_of("old"))
        assert b'"clusterIP":"241.0.' in record.body


async def test_low_bits_are_those_of_the_lower_half() -> None:
    """The others are those of ExternalServices, which share the loopback addresses of a sidecar."""
    async with open_memory() as store:
        addresses = ServiceAddresses(store, RANGE)
        given_ones = [await create(store, addresses, f"s{index}") for index in range(200)]
    assert all(int(ip_address(address)) & 0xFFFF < 0x8000 for address in given_ones)


async def test_a_block_in_use_is_left_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that finding a free address never takes long."""
    for name, size in (("_BLOCK", 16), ("_FIRST", 8), ("_ROOM", 6)):
        monkeypatch.setattr(f"sekisho.api.addresses.{name}", size)
    async with open_memory() as store:
        addresses = ServiceAddresses(store, IPv4Network("10.0.0.0/26"))
        given_ones = [await create(store, addresses, f"s{index}") for index in range(60)]
    blocks = [int(address.rpartition(".")[2]) // 16 for address in given_ones]
    assert blocks[:24] == [0] * 6 + [1] * 6 + [2] * 6 + [3] * 6
    assert len(set(given_ones)) == 60


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "choose", "delete", "restart"]), st.integers(0, 9), st.integers(1, 14)
    ),
    max_size=60,
)


@given(STEPS)
@settings(max_examples=60)
async def test_whatever_happens_no_two_services_have_one_address(steps: list[tuple[str, int, int]]) -> None:
    range_ = IPv4Network("10.0.0.0/28")
    async with open_memory() as store:
        addresses, model = ServiceAddresses(store, range_), dict[str, str]()
        for step, number, place in steps:
            name, chosen = f"s{number}", f"10.0.0.{place}"
            if step == "restart":
                addresses = ServiceAddresses(store, range_)
            elif step == "delete" and name in model:
                addresses.forget(await delete(store, name))
                del model[name]
            elif step == "create" and name not in model:
                model[name] = await create(store, addresses, name)
            elif step == "choose" and name not in model:
                if chosen in model.values():
                    with pytest.raises(AddressTaken):
                        await create(store, addresses, name, chosen)
                else:
                    model[name] = await create(store, addresses, name, chosen)
            assert len(set(model.values())) == len(model)
