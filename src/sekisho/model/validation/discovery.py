"""Rules of EndpointSlice."""

from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.discovery import EndpointSlice
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation.shared import ip_version, no_backend, unique

_VERSIONS = {"IPv4": 4, "IPv6": 6}


def endpoint_slice(resource: EndpointSlice) -> Iterator[Problem]:
    """Addresses of the kind the slice says; port names without repetition.

    Unlike Kubernetes we take loopback addresses: on a laptop the instances are there.
    """
    version = _VERSIONS.get(resource.address_type)
    for index, endpoint in enumerate(resource.endpoints):
        addresses = paths.field(paths.item("endpoints", index), "addresses")
        for position, address in enumerate(endpoint.addresses):
            if version is not None and ip_version(address) != version:
                message = f'expected an {resource.address_type} address, found "{address[:60]}"'
                yield Problem(paths.item(addresses, position), message)
            elif version is not None and (why := no_backend(address)):
                yield Problem(paths.item(addresses, position), f"{address} {why}", reason=Reason.FORBIDDEN)
    yield from unique("ports", (port.name for port in resource.ports), "name", "port name")
