"""Rules of Workload."""

from collections.abc import Iterator

from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation.shared import ip_version, no_backend, unique
from sekisho.model.workload import Workload


def workload(resource: Workload) -> Iterator[Problem]:
    """An IP address; ports without repetition."""
    spec = resource.spec
    if ip_version(spec.address) is None:
        message = f'expected an IP address, found "{spec.address[:60]}"'
        yield Problem("spec.address", message, "names are not looked up: write the address itself")
    elif why := no_backend(spec.address):
        yield Problem("spec.address", f"{spec.address} {why}", reason=Reason.FORBIDDEN)
    yield from unique("spec.ports", (port.name for port in spec.ports), "name", "port name")
    pairs = ((port.port, port.protocol) for port in spec.ports)
    yield from unique("spec.ports", pairs, "port", "port and protocol")
