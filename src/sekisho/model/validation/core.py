"""Rules of Service, Secret and ConfigMap."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from sekisho.model import paths
from sekisho.model.core import HEADLESS, ConfigMap, Secret, Service, ServicePort, ServiceSpec
from sekisho.model.fields import Port, PortName
from sekisho.model.mistakes import value_mistakes
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation import metadata
from sekisho.model.validation.shared import ip_version, no_backend, unique

_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
DATA_MAX_BYTES = 1024 * 1024
"""All values of a Secret or ConfigMap together; Kubernetes' limit."""
TLS_SECRET = "kubernetes.io/tls"  # noqa: S105  a type's name


def service(resource: Service) -> Iterator[Problem]:
    """Ports, selector and address."""
    spec = resource.spec
    headless = spec.cluster_ip == HEADLESS or spec.cluster_ips[:1] == (HEADLESS,)
    if not spec.ports and spec.type != "ExternalName" and not headless:
        yield Problem("spec.ports", "expected at least one port", reason=Reason.REQUIRED)
    for index, port in enumerate(spec.ports):
        yield from _port(paths.item("spec.ports", index), port, several=len(spec.ports) > 1)
    yield from unique("spec.ports", (port.name for port in spec.ports), "name", "port name")
    pairs = ((port.port, port.protocol) for port in spec.ports)
    yield from unique("spec.ports", pairs, "port", "port and protocol")
    yield from metadata.labels("spec.selector", spec.selector)
    yield from _virtual_addresses(spec)
    if spec.type == "ExternalName" and not spec.external_name:
        yield Problem("spec.externalName", "is required for type ExternalName", reason=Reason.REQUIRED)


def _virtual_addresses(spec: ServiceSpec) -> Iterator[Problem]:
    """clusterIP, and the same first in clusterIPs."""
    named = {"spec.clusterIP": spec.cluster_ip} if spec.cluster_ip else {}
    named |= {paths.item("spec.clusterIPs", index): one for index, one in enumerate(spec.cluster_ips)}
    for path, address in named.items():
        if spec.type == "ExternalName":
            yield Problem(path, "type ExternalName has no virtual address", reason=Reason.FORBIDDEN)
        elif address != HEADLESS:
            yield from _virtual_address(path, address)
    if spec.cluster_ip and spec.cluster_ips and spec.cluster_ips[0] != spec.cluster_ip:
        yield Problem("spec.clusterIPs[0]", f"expected {spec.cluster_ip}, as in spec.clusterIP")
    if len(spec.cluster_ips) > 1 and HEADLESS in spec.cluster_ips:
        yield Problem("spec.clusterIPs", f'"{HEADLESS}" stands alone', reason=Reason.FORBIDDEN)


def _virtual_address(path: str, text: str) -> Iterator[Problem]:
    """A virtual address captures what workloads send to it, so nobody may name one of somebody else's."""
    if ip_version(text) is None:
        yield Problem(path, f'expected an IP address or "{HEADLESS}", found "{text[:60]}"')
        return
    address = ip_address(text)
    if address.is_global or address.is_loopback or no_backend(text):
        message = f"{address} can be no virtual address"
        hint = "leave it out to get a free one, or choose a private one"
        yield Problem(path, message, hint, Reason.FORBIDDEN)


def _port(path: str, port: ServicePort, *, several: bool) -> Iterator[Problem]:
    if several and port.name is None:
        message = "is required when there are several ports"
        yield Problem(paths.field(path, "name"), message, reason=Reason.REQUIRED)
    target = port.target_port
    if target is not None:
        type_ = PortName if isinstance(target, str) else Port
        yield from value_mistakes(type_, target, paths.field(path, "targetPort"))


def secret(resource: Secret) -> Iterator[Problem]:
    """Keys and size; a TLS Secret has both its parts. Never shows a value."""
    yield from _data_keys("data", resource.data)
    if resource.type == TLS_SECRET:
        for key in ("tls.crt", "tls.key"):
            if key not in resource.data:
                message = f"is required for type {TLS_SECRET}"
                yield Problem(paths.entry("data", key), message, reason=Reason.REQUIRED)
    yield from _data_size("data", map(len, resource.data.values()))


def config_map(resource: ConfigMap) -> Iterator[Problem]:
    """Keys and size; a key is text or binary, not both."""
    yield from _data_keys("data", resource.data)
    yield from _data_keys("binaryData", resource.binary_data)
    for key in resource.binary_data:
        if key in resource.data:
            message = "the key stands in data, too"
            yield Problem(paths.entry("binaryData", key), message, reason=Reason.DUPLICATE)
    sizes = [len(value.encode()) for value in resource.data.values()]
    yield from _data_size("data", [*sizes, *map(len, resource.binary_data.values())])


def _data_keys(path: str, keys: Iterable[str]) -> Iterator[Problem]:
    for key in keys:
        if not _DATA_KEY.fullmatch(key) or key in (".", ".."):
            yield Problem(paths.entry(path, key), "expected a key of letters, digits, `-`, `_` and `.`")


def _data_size(path: str, sizes: Iterable[int]) -> Iterator[Problem]:
    size = sum(sizes)
    if size > DATA_MAX_BYTES:
        message = f"expected at most {DATA_MAX_BYTES} bytes in all, found {size}"
        yield Problem(path, message, reason=Reason.TOO_LONG)
