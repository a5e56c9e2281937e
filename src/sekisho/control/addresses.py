"""Addresses for those that ask for none in particular: each its own, out of one range."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from sekisho.model.gateway import Gateway
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedAddress, AssignedVip

Range = IPv4Network | IPv6Network
Status = Mapping[str, Any]
StatusOf = Callable[[ResourceId], Status | None]
Fact = AssignedAddress | AssignedVip


@dataclass(frozen=True, slots=True)
class Takers:
    """The kind of resource that gets addresses."""

    kind: str
    wants: Callable[[Any], bool]
    """Whether a resource of the kind asks for one."""
    had: Callable[[Status], Iterable[str]]
    """The addresses a status says it has."""
    fact: Callable[[ResourceId], Fact]
    """How translators are told."""


class AddressPool:
    """Gives each taker the lowest free address, for as long as it exists and wants one.

    Nothing is stored apart from the resources: after a restart, each gets what its status says it has.
    """

    def __init__(self, range_: Range, status_of: StatusOf, takers: Takers) -> None:
        """`status_of` gives the status a resource has in the store, if any."""
        self._range = range_
        self._status_of = status_of
        self._takers = takers
        self._fresh: Iterator[str] = map(str, range_.hosts())
        self._returned: list[tuple[int, str]] = []
        self._holders: dict[str, ResourceId] = {}
        self._given: dict[ResourceId, str] = {}
        self._waiting: dict[ResourceId, None] = {}

    def changes(self, leaves: Mapping[Any, Any]) -> dict[Fact, str | None]:
        """What changes with these leaves; an empty address says that none is free."""
        takers = {leaf: value for leaf, value in leaves.items() if leaf[0] == self._takers.kind}
        found: dict[Fact, str | None] = {}
        newcomers = []
        for taker, resource in takers.items():
            if resource is None or not self._takers.wants(resource):
                if self._release(taker):
                    found[self._takers.fact(taker)] = None
            elif taker not in self._given:
                newcomers.append(taker)
        for taker in sorted(newcomers):  # first whoever has an address already, whatever its name
            if address := self._remembered(taker):
                self._give(taker, address)
                found[self._takers.fact(taker)] = address
        self._waiting.update(dict.fromkeys(one for one in sorted(newcomers) if one not in self._given))
        for taker in tuple(self._waiting):
            if address := self._next_free():
                self._give(taker, address)
                del self._waiting[taker]
            found[self._takers.fact(taker)] = address
        return found

    def _release(self, taker: ResourceId) -> bool:
        """Whether there was anything to take back."""
        if taker in self._waiting:
            del self._waiting[taker]
            return True
        address = self._given.pop(taker, None)
        if address is None:
            return False
        del self._holders[address]
        heappush(self._returned, (int(ip_address(address)), address))
        return True

    def _give(self, taker: ResourceId, address: str) -> None:
        self._given[taker] = address
        self._holders[address] = taker

    def _remembered(self, taker: ResourceId) -> str:
        """The address of the range that its status names and nobody else has; empty for none."""
        for address in self._takers.had(self._status_of(taker) or {}):
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


def _asks_for_any(gateway: Gateway) -> bool:
    """Whether any of its addresses is left to us."""
    asked = gateway.spec.addresses
    return not asked or any(address.type == "IPAddress" and not address.value for address in asked)


def _addresses(status: Status) -> Iterator[str]:
    return (str(one.get("value", "")) for one in status.get("addresses") or ())


def _vip(status: Status) -> Iterator[str]:
    yield str((status.get("vip") or {}).get("ip", ""))


def _is_in(address: str, range_: Range) -> bool:
    try:
        return ip_address(address) in range_
    except ValueError:
        return False


GATEWAYS = Takers("Gateway", _asks_for_any, _addresses, AssignedAddress.of)
EXTERNAL_SERVICES = Takers("ExternalService", lambda _: True, _vip, AssignedVip.of)
EXTERNAL_RANGE = IPv4Network("242.0.128.0/17")
"""Virtual addresses of ExternalServices. Their low bits are those of no Service as long as there are fewer
than 32,768: without capture, they share a loopback range (`translate.mesh.names.outbound_address`)."""
