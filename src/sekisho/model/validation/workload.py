"""Rules of Workload."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, ip_address, ip_network

from sekisho.model import paths
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation import metadata
from sekisho.model.validation.probe import probe
from sekisho.model.validation.shared import cidr, ip_version, no_backend, unique
from sekisho.model.workload import CaptureExclusions, ReachableReference, Sidecar, Workload, WorkloadSpec

_LOOPBACK = IPv4Network("127.0.0.0/8")
DEFAULT_APP_ADDRESS = "127.0.0.1"
"""Where an application listens behind a proxy that nothing is captured for."""
LONGEST_OUTBOUND_PREFIX = 16
"""Bits: the range then has a loopback address for the low 16 bits of each virtual address."""
LARGEST_USER = 0xFFFF_FFFE
_USER_NAME = re.compile(r"[a-z_][a-z0-9_.-]{0,30}\$?")


def workload(resource: Workload) -> Iterator[Problem]:
    """Addresses, ports, probe and proxy."""
    spec = resource.spec
    yield from _address("spec.address", spec.address)
    yield from unique("spec.ports", (port.name for port in spec.ports), "name", "port name")
    pairs = ((port.port, port.protocol) for port in spec.ports)
    yield from unique("spec.ports", pairs, "port", "port and protocol")
    if spec.app_address is not None:
        yield from _address("spec.appAddress", spec.app_address)
    if spec.readiness_probe:
        yield from probe("spec.readinessProbe", spec.readiness_probe, {port.name for port in spec.ports})
    if spec.sidecar is None:
        yield from _without_sidecar(spec)
    else:
        yield from _sidecar("spec.sidecar", spec.sidecar)
        yield from _two_listeners(spec, spec.sidecar)


def _address(path: str, text: str) -> Iterator[Problem]:
    if ip_version(text) is None:
        message = f'expected an IP address, found "{text[:60]}"'
        yield Problem(path, message, "names are not looked up: write the address itself")
    elif why := no_backend(text):
        yield Problem(path, f"{text} {why}", reason=Reason.FORBIDDEN)


def _without_sidecar(spec: WorkloadSpec) -> Iterator[Problem]:
    """Nobody would look at these."""
    given: dict[str, object] = {
        "spec.readinessProbe": spec.readiness_probe,
        "spec.appAddress": spec.app_address,
    }
    for index, port in enumerate(spec.ports):
        given[paths.field(paths.item("spec.ports", index), "targetPort")] = port.target_port
    for path, value in given.items():
        if value is not None:
            message = "needs a proxy beside the workload"
            yield Problem(path, message, "add spec.sidecar", Reason.FORBIDDEN)


def _sidecar(path: str, sidecar: Sidecar) -> Iterator[Problem]:
    yield from _outbound_addresses(paths.field(path, "outboundAddresses"), sidecar.outbound_addresses)
    for index, reference in enumerate(sidecar.reachable or ()):
        yield from _reachable(paths.item(paths.field(path, "reachable"), index), reference)
    if sidecar.exclude:
        where = paths.field(path, "exclude")
        if sidecar.capture == "None":
            message = "nothing is captured, so nothing can be excluded from it"
            yield Problem(where, message, "set capture", Reason.FORBIDDEN)
        yield from _exclusions(where, sidecar.exclude)


def _outbound_addresses(path: str, text: str) -> Iterator[Problem]:
    """On another interface than loopback everybody near could call in the workload's name."""
    if mistakes := list(cidr(path, text)):
        yield from mistakes
        return
    range_ = ip_network(text)
    if not isinstance(range_, IPv4Network) or not range_.subnet_of(_LOOPBACK):
        yield Problem(path, f"expected a part of {_LOOPBACK}, found {range_}")
    elif range_.prefixlen > LONGEST_OUTBOUND_PREFIX:
        message = f"expected a prefix of at most {LONGEST_OUTBOUND_PREFIX} bits, found {range_.prefixlen}"
        yield Problem(path, message, "each service has an address in it")


def _reachable(path: str, reference: ReachableReference) -> Iterator[Problem]:
    if reference.name is not None and reference.labels:
        message = "name and labels exclude each other"
        yield Problem(paths.field(path, "labels"), message, reason=Reason.FORBIDDEN)
    yield from metadata.labels(paths.field(path, "labels"), reference.labels)


def _exclusions(path: str, exclude: CaptureExclusions) -> Iterator[Problem]:
    yield from unique(paths.field(path, "inboundPorts"), exclude.inbound_ports, "", "port")
    yield from unique(paths.field(path, "outboundPorts"), exclude.outbound_ports, "", "port")
    for index, range_ in enumerate(exclude.outbound_ranges):
        yield from cidr(paths.item(paths.field(path, "outboundRanges"), index), range_)
    for index, user in enumerate(exclude.users):
        where = paths.item(paths.field(path, "users"), index)
        if isinstance(user, int) and not 0 <= user <= LARGEST_USER:
            yield Problem(where, f"expected 0 to {LARGEST_USER}, found {user}")
        elif isinstance(user, str) and not _USER_NAME.fullmatch(user):
            yield Problem(where, f'expected the number or name of a user, found "{user[:60]}"')


def _two_listeners(spec: WorkloadSpec, sidecar: Sidecar) -> Iterator[Problem]:
    """Without capture proxy and application listen on sockets of their own."""
    application = spec.app_address or DEFAULT_APP_ADDRESS
    if sidecar.capture != "None" or None in (ip_version(spec.address), ip_version(application)):
        return
    if ip_address(spec.address) != ip_address(application):
        return
    for index, port in enumerate(spec.ports):
        if port.protocol == "TCP" and port.target_port in (None, port.port):
            message = f"the proxy and the application cannot both listen on {spec.address}:{port.port}"
            hint = "set targetPort or spec.appAddress to where the application listens"
            yield Problem(paths.item("spec.ports", index), message, hint)
