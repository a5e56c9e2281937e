"""Virtual addresses of Services: stable, never two alike, out of one range."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Any

import msgspec

from sekisho.model.core import HEADLESS
from sekisho.model.names import ResourceId
from sekisho.store.protocol import NotFound, Record, Store, Write

_BLOCK = 0x1_0000
"""Addresses are given out block by block of so many.

The low 16 bits of an address are all that is left of it on loopback addresses (`translate.mesh.names`), so
within one block no two Services meet there.
"""
_FIRST = _BLOCK // 2
"""Of each block, these are given first: the low bits of the rest are those of everything else that has
virtual addresses (`control.addresses`)."""
_ROOM = _FIRST * 3 // 4
"""So many of them; the others stay empty, which keeps the search for a free one short."""
_BATCH = 500
"""Services that get an address in one commit."""
_NO_ADDRESS = ("", HEADLESS)


class _Spec(msgspec.Struct, frozen=True, rename={"cluster_ip": "clusterIP", "cluster_ips": "clusterIPs"}):
    cluster_ip: str = ""
    cluster_ips: tuple[str, ...] = ()
    type: str = "ClusterIP"


class _Metadata(msgspec.Struct, frozen=True):
    finalizers: tuple[str, ...] = ()


class _Service(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    spec: _Spec = _Spec()


_decoder = msgspec.json.Decoder(_Service)


class RangeExhausted(Exception):
    """Every address of the range is taken."""


class AddressTaken(Exception):
    """Another Service has the address in `args[0]`."""


class OutOfRange(Exception):
    """The address in `args[0]` is not one of the range in `args[1]`."""


class ServiceAddresses:
    """Gives each new Service an address that follows from its name, or the next free one.

    Nothing is stored apart from the Services themselves: they are read once, at the start. Whoever is listed
    here as a holder is looked at again before it keeps somebody from an address, so an entry that is out of
    date does no harm. One process gives out the addresses of a store.
    """

    def __init__(self, store: Store, range_: IPv4Network) -> None:
        self._store = store
        self._range = range_
        self._holders: dict[str, ResourceId] | None = None
        self._pending: set[str] = set()
        """Addresses of writes that are on their way to the store."""
        self._used = [0] * max(1, -(-range_.num_addresses // _BLOCK))
        """Addresses held, by block."""

    @asynccontextmanager
    async def reserved(self, id: ResourceId, chosen: Sequence[str] = ()) -> AsyncIterator[tuple[str, ...]]:
        """The addresses of a Service that is written within the block: those chosen, or a free one.

        Only addresses of the range can be chosen, as in Kubernetes: whoever could name any other would get
        what workloads send to it, be it a database of somebody else's. Raises AddressTaken, OutOfRange or
        RangeExhausted.
        """
        holders = await self._known()
        for address in chosen:
            if ip_address(address) not in self._range:
                raise OutOfRange(address, self._range)
        addresses: list[str] = []
        try:
            for wanted in chosen or (None,):  # one by one, so that a failure gives back the ones before
                take = self._assign(holders, id) if wanted is None else self._claim(holders, wanted, id)
                addresses += [await take]
            yield tuple(addresses)
        finally:
            self._pending.difference_update(addresses)

    def forget(self, record: Record) -> None:
        """Frees the addresses of a Service that was deleted, unless finalizers still hold it."""
        if record.id.kind == "Service" and _decoder.decode(record.body).metadata.finalizers:
            return
        for address in _addresses(record):
            if (
                self._holders is not None
                and self._holders.get(address) == record.id
                and address not in self._pending
            ):
                self._drop(self._holders, address)

    async def complete(self) -> int:
        """Gives an address to each Service in the store that should have one and has not; says to how many.

        To be called before the first request, which then need not wait for the Services to be read. Raises
        RangeExhausted.
        """
        await self._known()
        listing = await self._store.list(["Service"])
        missing = [record for record in listing.records if _lacks_address(record)]
        for start in range(0, len(missing), _BATCH):
            await self._complete(missing[start : start + _BATCH])
        return len(missing)

    async def _complete(self, records: Sequence[Record]) -> None:
        """Whoever changes one of them meanwhile does it through the API, and gets an address there."""
        async with AsyncExitStack() as stack:
            writes = []
            for record in records:
                addresses = await stack.enter_async_context(self.reserved(record.id))
                object_ = msgspec.json.decode(record.body)
                object_["spec"] |= fields(addresses)
                writes.append(Write("update", record.id, object_, record.revision))
            await self._store.write(writes)

    async def _assign(self, holders: dict[str, ResourceId], id: ResourceId) -> str:
        for address in self._candidates(id):
            if await self._is_free(holders, address):
                self._take(holders, address, id)
                return address
        raise RangeExhausted(f"no free address for {id}")

    async def _claim(self, holders: dict[str, ResourceId], chosen: str, id: ResourceId) -> str:
        address = str(ip_address(chosen))
        is_own = holders.get(address) == id and address not in self._pending
        if not is_own and not await self._is_free(holders, address):
            raise AddressTaken(address)
        self._take(holders, address, id)
        return address

    async def _is_free(self, holders: dict[str, ResourceId], address: str) -> bool:
        """No `await` lies between a True from here and the caller's taking it."""
        if (holder := holders.get(address)) is None:
            return True
        if address in self._pending or await self._holds(holder, address):
            return False
        return holders.get(address) in (None, holder) and address not in self._pending

    def _candidates(self, id: ResourceId) -> Iterator[str]:
        """From where the name leads to, through each block that has room; then, if need be, through all."""
        number = int.from_bytes(blake2b(str(id).encode(), digest_size=8).digest())
        for most, size in ((_ROOM, _FIRST), (_BLOCK, _BLOCK)):
            for block, used in enumerate(self._used):
                if used < most:
                    yield from self._of_block(block, size, number)

    def _of_block(self, block: int, size: int, start: int) -> Iterator[str]:
        first = max(block * _BLOCK, 1)  # the first address of a range names the range
        last = min(block * _BLOCK + size, self._range.num_addresses - 1)
        for step in range(last - first):
            yield str(self._range[first + (start + step) % (last - first)])

    def _take(self, holders: dict[str, ResourceId], address: str, id: ResourceId) -> None:
        if address not in holders:
            self._count(address, 1)
        holders[address] = id
        self._pending.add(address)

    def _drop(self, holders: dict[str, ResourceId], address: str) -> None:
        del holders[address]
        self._count(address, -1)

    def _count(self, address: str, change: int) -> None:
        parsed = ip_address(address)
        if isinstance(parsed, IPv4Address) and parsed in self._range:
            self._used[(int(parsed) - int(self._range.network_address)) // _BLOCK] += change

    async def _known(self) -> dict[str, ResourceId]:
        if self._holders is None:
            listing = await self._store.list(["Service"])
            if self._holders is None:  # nobody was faster
                self._holders = {}
                for record in listing.records:
                    for address in _addresses(record):
                        self._take(self._holders, address, record.id)
                self._pending.clear()
        return self._holders

    async def _holds(self, id: ResourceId, address: str) -> bool:
        try:
            return address in _addresses(await self._store.get(id))
        except NotFound:
            return False


def fields(addresses: Sequence[str]) -> dict[str, Any]:
    """The fields of a Service's spec that say these addresses."""
    return {"clusterIP": addresses[0], "clusterIPs": list(addresses)}


def _addresses(record: Record) -> list[str]:
    """In their shortest form; none for a headless Service."""
    if record.id.kind != "Service":
        return []
    spec = _decoder.decode(record.body).spec
    written = dict.fromkeys((spec.cluster_ip, *spec.cluster_ips))
    return [str(ip_address(address)) for address in written if address not in _NO_ADDRESS]


def _lacks_address(record: Record) -> bool:
    spec = _decoder.decode(record.body).spec
    return not spec.cluster_ip and spec.type != "ExternalName"
