"""What sidecars refused, led back to who wrote it: routes, Services, and the workloads themselves."""

from collections.abc import Iterable, Iterator

from sekisho.engine import Read, index
from sekisho.model.names import ResourceId
from sekisho.translate.facts import Rejection
from sekisho.translate.mesh.attachment import passes_bytes, routes
from sekisho.translate.mesh.names import DIRECT, Destination, destination_of
from sekisho.translate.mesh.worlds import World

_TYPES = "type.googleapis.com/envoy.config."
ROUTES_TYPE = f"{_TYPES}route.v3.RouteConfiguration"
LISTENER_TYPE = f"{_TYPES}listener.v3.Listener"
_OUTBOUND = "outbound/"
_PARTS = 3
"""Namespace, service, port."""


def refused(read: Read, author: ResourceId) -> tuple[str, ...]:
    """Why sidecars refused what came of a route, Service, ExternalService or Workload, each with the name of
    the Envoy resource, sorted."""
    if not read.count(_KINDS, author.kind):  # mostly: then there is nothing to wait for in each one's name
        return ()
    keys: Iterable[Rejection] = read.bucket(_REFUSED, author)
    return tuple(sorted({f"{key.resource_name}: {' '.join(read.leaf(key).split())}" for key in keys}))


def authors(read: Read, key: Rejection) -> Iterator[ResourceId]:
    """Whose the refused resource is: routes, or the Service or ExternalService; or the Workload itself."""
    if not isinstance(key.view, World):
        if key.view.kind == "Workload":
            yield key.view
        return
    destination = _destination(key)
    if destination is None:
        return
    port = destination.resource, destination.port, key.view.namespace
    by_routes = LISTENER_TYPE if passes_bytes(read, *port) else ROUTES_TYPE
    attached = routes(read, *port) if key.type_url == by_routes else ()
    yield from attached or (destination.resource,)


def _destination(key: Rejection) -> Destination | None:
    """The port a resource of a World is for; None for one that is not for a port, such as a certificate."""
    name = key.resource_name.removeprefix(_OUTBOUND)
    if name.startswith(DIRECT):  # the instance is not the author
        name = "/".join(name.removeprefix(DIRECT).split("/")[:_PARTS])
    try:
        return destination_of(name)
    except ValueError:
        return None


def _kind(_: Read, author: ResourceId) -> tuple[str, ...]:
    return (author.kind,)


_REFUSED = index("refused by sidecars", source="Rejection", emit=authors)
_KINDS = index("kinds refused by sidecars", source=_REFUSED, emit=_kind)
