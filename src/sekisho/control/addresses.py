"""Addresses for those that ask for none in particular: each its own, out of a range of their kind."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from ipaddress import IPv4Network, IPv6Network, ip_address
from itertools import count
from typing import Any

from sekisho.model.gateway import Gateway
from sekisho.model.names import ResourceId
from sekisho.model.zone_service import ZoneService
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
    keeps_apart: bool = False
    """Whether an address that came back is given away as late as can be: clients may know it by heart."""


class AddressPool:
    """Gives each taker a free address, for as long as it exists and wants one: the lowest, or one that nobody
    had before (`Takers.keeps_apart`).

    Nothing is stored apart from the resources: after a restart, each gets what its status says it has. One
    that comes back, as after a federation was begun anew, gets the one it had while nobody else has it.
    """

    def __init__(self, ranges: Sequence[Range], status_of: StatusOf, takers: Takers) -> None:
        """`ranges`: used one after the other. `status_of` gives the status a resource has in the store, if
        any."""
        self._ranges = ranges
        self._status_of = status_of
        self._takers = takers
        self._fresh: Iterator[str] = (str(address) for range_ in ranges for address in range_.hosts())
        self._returned: list[tuple[int, str]] = []
        """What is given away first comes first."""
        self._returns = count()
        self._former: dict[ResourceId, str] = {}
        """What those had that are gone, unless somebody else has it."""
        self._formerly: dict[str, ResourceId] = {}
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
        rank = next(self._returns) if self._takers.keeps_apart else int(ip_address(address))
        heappush(self._returned, (rank, address))
        self._former[taker], self._formerly[address] = address, taker
        return True

    def _give(self, taker: ResourceId, address: str) -> None:
        self._given[taker] = address
        self._holders[address] = taker
        if (before := self._formerly.pop(address, None)) is not None:
            del self._former[before]

    def _remembered(self, taker: ResourceId) -> str:
        """The address of the ranges that its status names, or it had, and nobody else has; empty for none."""
        for address in (*self._takers.had(self._status_of(taker) or {}), self._former.get(taker, "")):
            if address not in self._holders and _is_in(address, self._ranges):
                return address
        return ""

    def _next_free(self) -> str:
        """Empty when the ranges are used up."""
        if self._takers.keeps_apart:
            return self._next_fresh() or self._next_returned()
        return self._next_returned() or self._next_fresh()

    def _next_returned(self) -> str:
        while self._returned:
            _, address = heappop(self._returned)
            if address not in self._holders:
                return address
        return ""

    def _next_fresh(self) -> str:
        return next((address for address in self._fresh if address not in self._holders), "")


def _asks_for_any(gateway: Gateway) -> bool:
    """Whether any of its addresses is left to us."""
    asked = gateway.spec.addresses
    return not asked or any(address.type == "IPAddress" and not address.value for address in asked)


def _addresses(status: Status) -> Iterator[str]:
    return (str(one.get("value", "")) for one in status.get("addresses") or ())


def _vip(status: Status) -> Iterator[str]:
    yield str((status.get("vip") or {}).get("ip", ""))


def _is_in(address: str, ranges: Sequence[Range]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in range_ for range_ in ranges)


GATEWAYS = Takers("Gateway", _asks_for_any, _addresses, AssignedAddress.of)
EXTERNAL_SERVICES = Takers("ExternalService", lambda _: True, _vip, AssignedVip.of, keeps_apart=True)
MULTI_ZONE_SERVICES = Takers("MultiZoneService", lambda _: True, _vip, AssignedVip.of, keeps_apart=True)


def zone_services(own_zone: str) -> Takers:
    """Those of other zones: this zone's own are Services here, and have addresses as such."""

    def is_elsewhere(service: ZoneService) -> bool:
        return service.spec.zone != own_zone

    return Takers("ZoneService", is_elsewhere, _vip, AssignedVip.of, keeps_apart=True)


VIRTUAL_RANGES = {
    "ExternalService": (IPv4Network("242.0.128.0/18"), IPv4Network("242.64.0.0/10")),
    "MultiZoneService": (IPv4Network("243.128.192.0/19"), IPv4Network("243.192.0.0/10")),
    "ZoneService": (IPv4Network("243.0.224.0/19"), IPv4Network("243.64.0.0/10")),
}
"""Virtual addresses by kind. Without capture, they share a loopback range by their low 16 bits
(`translate.mesh.names.outbound_address`), which in the first ranges are those of nobody else as long as there
are fewer than 32,768 Services. What is beyond them is for captured workloads, and for wider loopback
ranges."""


def virtual_pools(own_zone: str, status_of: StatusOf) -> list[AddressPool]:
    """Of all kinds that have virtual addresses but Services, whose addresses the API gives."""
    kinds = (EXTERNAL_SERVICES, MULTI_ZONE_SERVICES, zone_services(own_zone))
    return [AddressPool(VIRTUAL_RANGES[takers.kind], status_of, takers) for takers in kinds]
