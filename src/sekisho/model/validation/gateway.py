"""Rules of Gateway and ListenerSet (the CEL rules of their CRDs)."""

from collections.abc import Hashable, Iterator

from sekisho.model import paths
from sekisho.model.fields import Hostname
from sekisho.model.gateway import Gateway, GatewayAddress, GatewayTls, Listener
from sekisho.model.listener_set import ListenerSet
from sekisho.model.mistakes import value_mistakes
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation import metadata
from sekisho.model.validation.shared import ip_version, unique

_WITHOUT_TLS = ("HTTP", "TCP", "UDP")
_WITHOUT_HOSTNAME = ("TCP", "UDP")


def gateway(resource: Gateway) -> Iterator[Problem]:
    """Listeners, addresses, TLS, and what is put on the infrastructure."""
    spec = resource.spec
    yield from _listeners(spec.listeners)
    yield from _addresses(spec.addresses)
    if spec.infrastructure:
        yield from metadata.labels("spec.infrastructure.labels", spec.infrastructure.labels)
        yield from metadata.keys("spec.infrastructure.annotations", spec.infrastructure.annotations)
    if spec.tls:
        yield from _tls(spec.tls)


def listener_set(resource: ListenerSet) -> Iterator[Problem]:
    """Its listeners: the same rules as for those of a Gateway."""
    yield from _listeners(resource.spec.listeners)


def _listeners(listeners: tuple[Listener, ...]) -> Iterator[Problem]:
    path = "spec.listeners"
    for index, listener in enumerate(listeners):
        yield from _listener(paths.item(path, index), listener)
    yield from unique(path, (listener.name for listener in listeners), "name", "listener name")
    doors = [(listener.port, listener.protocol, listener.hostname) for listener in listeners]
    yield from unique(path, doors, "", "combination of port, protocol and hostname")


def _listener(path: str, listener: Listener) -> Iterator[Problem]:
    tls = listener.tls
    if tls and listener.protocol in _WITHOUT_TLS:
        message = f"protocol {listener.protocol} has no TLS"
        yield Problem(paths.field(path, "tls"), message, "use protocol HTTPS or TLS", Reason.FORBIDDEN)
    elif tls and listener.protocol == "HTTPS" and tls.mode != "Terminate":
        message = 'expected "Terminate" for protocol HTTPS'
        yield Problem(paths.field(path, "tls.mode"), message, "use protocol TLS to pass TLS through")
    elif tls and tls.mode == "Terminate" and not tls.certificate_refs and not tls.options:
        message = "expected at least one certificate for mode Terminate"
        yield Problem(paths.field(path, "tls.certificateRefs"), message, reason=Reason.REQUIRED)
    elif tls is None and listener.protocol == "TLS":
        yield Problem(paths.field(path, "tls"), "is required for protocol TLS", reason=Reason.REQUIRED)
    if listener.hostname is not None:
        yield from _hostname(paths.field(path, "hostname"), listener)


def _hostname(path: str, listener: Listener) -> Iterator[Problem]:
    if listener.protocol in _WITHOUT_HOSTNAME:
        yield Problem(path, f"protocol {listener.protocol} knows no host names", reason=Reason.FORBIDDEN)
    elif listener.hostname and ip_version(listener.hostname.removeprefix("*.")):
        yield Problem(path, "expected a host name, found an IP address")


def _addresses(addresses: tuple[GatewayAddress, ...]) -> Iterator[Problem]:
    path = "spec.addresses"
    for index, address in enumerate(addresses):
        where = paths.field(paths.item(path, index), "value")
        if address.value is None:
            continue
        if address.type == "IPAddress" and ip_version(address.value) is None:
            yield Problem(where, f'expected an IP address, found "{address.value[:60]}"')
        elif address.type == "Hostname":
            yield from value_mistakes(Hostname, address.value, where)
    yield from unique(path, map(_address_key, addresses), "value", "address")


def _address_key(address: GatewayAddress) -> Hashable | None:
    comparable = address.value is not None and address.type in ("IPAddress", "Hostname")
    return (address.type, address.value) if comparable else None


def _tls(tls: GatewayTls) -> Iterator[Problem]:
    if tls.frontend:
        ports = (entry.port for entry in tls.frontend.per_port)
        yield from unique("spec.tls.frontend.perPort", ports, "port", "port")
