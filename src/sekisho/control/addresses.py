"""Addresses for Gateways that ask for none in particular: each its own, out of one range."""

from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from sekisho.model.gateway import Gateway
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedAddress

Range = IPv4Network | IPv6Network
StatusOf = Callable[[ResourceId], Mapping[str, Any] | None]


class AddressPool:
    """Gives each Gateway the lowest free address, for as long as it exists and wants one.

    Nothing is stored apart from the Gateways: after a restart, each gets what its status says it has.
    """

    def __init__(self, range_: Range, status_of: StatusOf) -> None:
        """`status_of` gives the status a Gateway has in the store, if any."""
        self._range = range_
        self._status_of = status_of
        self._fresh: Iterator[str] = map(str, range_.hosts())
        self._returned: list[tuple[int, str]] = []
        self._holders: dict[str, ResourceId] = {}
        self._given: dict[ResourceId, str] = {}
        self._waiting: dict[ResourceId, None] = {}

    def changes(self, leaves: Mapping[Any, Any]) -> dict[AssignedAddress, str | None]:
        """What changes with these leaves; an empty address says that none is free."""
        gateways = {leaf: value for leaf, value in leaves.items() if leaf[0] == "Gateway"}
        found: dict[AssignedAddress, str | None] = {}
        newcomers = []
        for gateway, resource in gateways.items():
            if resource is None or not _wants(resource):
                if self._release(gateway):
                    found[AssignedAddress.of(gateway)] = None
            elif gateway not in self._given:
                newcomers.append(gateway)
        for gateway in sorted(newcomers):  # first whoever has an address already, whatever its name
            if address := self._remembered(gateway):
                self._give(gateway, address)
                found[AssignedAddress.of(gateway)] = address
        self._waiting.update(dict.fromkeys(one for one in sorted(newcomers) if one not in self._given))
        for gateway in tuple(self._waiting):
            if address := self._next_free():
                self._give(gateway, address)
                del self._waiting[gateway]
            found[AssignedAddress.of(gateway)] = address
        return found

    def _release(self, gateway: ResourceId) -> bool:
        """Whether there was anything to take back."""
        if gateway in self._waiting:
            del self._waiting[gateway]
            return True
        address = self._given.pop(gateway, None)
        if address is None:
            return False
        del self._holders[address]
        heappush(self._returned, (int(ip_address(address)), address))
        return True

    def _give(self, gateway: ResourceId, address: str) -> None:
        self._given[gateway] = address
        self._holders[address] = gateway

    def _remembered(self, gateway: ResourceId) -> str:
        """The address of the range that the Gateway's status names and nobody else has; empty for none."""
        for one in (self._status_of(gateway) or {}).get("addresses") or ():
            address = str(one.get("value", ""))
            if address not in self._holders and _is_in(address, self._range):
                return address
        return ""

    def _next_free(self) -> str:
        """Empty when the range is used up."""
        while self._returned:
            _, address = heappop(self._returned)
            if address not in self._holders:
                return address
        return next((address for address in self._fresh if address not in self._holders), "")


def _wants(gateway: Gateway) -> bool:
    """Whether any of its addresses is left to us."""
    asked = gateway.spec.addresses
    return not asked or any(address.type == "IPAddress" and not address.value for address in asked)


def _is_in(address: str, range_: Range) -> bool:
    try:
        return ip_address(address) in range_
    except ValueError:
        return False
