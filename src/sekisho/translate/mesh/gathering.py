"""What Worlds see, port by port and name by name.

Services are gathered once for each way in which they admit callers (`audience.tokens`), and Worlds are unions
of these: a hundred Worlds do not ask each of a thousand services.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from sekisho.engine import Read, query
from sekisho.kit.sets import union
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.audience import admitting
from sekisho.translate.mesh.destinations import destinations
from sekisho.translate.mesh.headless import direct_parts
from sekisho.translate.mesh.hostnames import hostnames
from sekisho.translate.mesh.names import Destination, Part
from sekisho.translate.mesh.sight import visible
from sekisho.translate.mesh.worlds import World

T = TypeVar("T")
_OfService = Callable[[Read, ResourceId], Iterable[T]]
_ByToken = Callable[[Read, str, str], frozenset[T]]


def ports(read: Read, worlds: Iterable[World]) -> frozenset[Destination]:
    """The ports that can be called from any of some Worlds."""
    return _gathered(read, worlds, destinations, _admitting_ports)


def names(read: Read, worlds: Iterable[World]) -> frozenset[Part]:
    """The host names that mean something in any of some Worlds."""
    return _gathered(read, worlds, _names_of, _admitting_names)


def instances(read: Read, worlds: Iterable[World]) -> frozenset[Part]:
    """The instances of headless Services that can be called by themselves: `headless.direct_parts`."""
    return _gathered(read, worlds, direct_parts, _admitting_instances)


def _gathered(
    read: Read, worlds: Iterable[World], of_service: _OfService[T], by_token: _ByToken[T]
) -> frozenset[T]:
    tokens: set[tuple[str, str]] = set()
    services: set[ResourceId] = set()
    for world in worlds:
        tokens.update((world.mesh, token) for token in world.audience)
        if world.reach is not None:
            services |= visible(read, world)
    named = frozenset(one for service in services for one in of_service(read, service))
    return union((named, *(by_token(read, mesh, token) for mesh, token in tokens)))


def _names_of(read: Read, service: ResourceId) -> tuple[Part, ...]:
    return tuple(Part(*service, hostname) for hostname in hostnames(read, service))


@query
def _admitting_ports(read: Read, mesh: str, token: str) -> frozenset[Destination]:
    return _all(read, mesh, token, destinations)


@query
def _admitting_names(read: Read, mesh: str, token: str) -> frozenset[Part]:
    return _all(read, mesh, token, _names_of)


@query
def _admitting_instances(read: Read, mesh: str, token: str) -> frozenset[Part]:
    return _all(read, mesh, token, direct_parts)


def _all(read: Read, mesh: str, token: str, of_service: _OfService[T]) -> frozenset[T]:
    return frozenset(one for service in admitting(read, mesh, token) for one in of_service(read, service))
