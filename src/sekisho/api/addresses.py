"""Virtual addresses of Services: stable, unique, out of one range."""

import ipaddress
from hashlib import blake2b

import msgspec

from sekisho.model.names import ResourceId
from sekisho.store.protocol import NotFound, Record, Store


class _Spec(msgspec.Struct):
    clusterIP: str = ""  # noqa: N815 - the field's name in the document


class _Service(msgspec.Struct):
    spec: _Spec


_decoder = msgspec.json.Decoder(_Service)


class RangeExhausted(Exception):
    """Every address of the range is taken."""


class ServiceAddresses:
    """Gives each new Service an address that follows from its name, or the next free one.

    Nothing is stored apart from the Services themselves. An address is looked up among them once, when the
    first one is asked for; after that, only its last holder is looked at again.
    """

    def __init__(self, store: Store, range_: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
        self._store = store
        self._first = int(range_.network_address) + 1
        self._size = max(1, range_.num_addresses - 2)
        self._of = type(range_.network_address)
        self._holders: dict[str, ResourceId] | None = None

    async def assign(self, id: ResourceId) -> str:
        """An address no other Service has. Raises RangeExhausted."""
        holders = await self._known()
        digest = blake2b(str(id).encode(), digest_size=8).digest()
        start = int.from_bytes(digest) % self._size
        for step in range(min(self._size, len(holders) + 1)):
            address = str(self._of(self._first + (start + step) % self._size))
            holder = holders.get(address)
            if holder is None or holder == id or not await self._holds(holder, address):
                holders[address] = id
                return address
        raise RangeExhausted(f"no free address for {id}")

    async def claim(self, address: str, id: ResourceId) -> None:
        """Remembers an address that a user chose."""
        (await self._known())[address] = id

    async def _known(self) -> dict[str, ResourceId]:
        if self._holders is None:
            listing = await self._store.list(["Service"])
            self._holders = {_address(record): record.id for record in listing.records if _address(record)}
        return self._holders

    async def _holds(self, id: ResourceId, address: str) -> bool:
        try:
            return _address(await self._store.get(id)) == address
        except NotFound:
            return False


def _address(record: Record) -> str:
    address = _decoder.decode(record.body).spec.clusterIP
    return "" if address == "None" else address
