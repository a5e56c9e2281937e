"""Whether a Gateway as a whole can be served, and on which addresses."""

from functools import lru_cache
from ipaddress import ip_address

from msgspec import Struct

from sekisho.engine import Read, query
from sekisho.model.gateway import Gateway
from sekisho.model.names import ResourceId
from sekisho.translate.facts import AssignedAddress, Settings, SettingsKey
from sekisho.translate.gateway.classes import is_accepted, serves

_OCTETS = frozenset(map(str, range(256)))
_PARTS = 4
"""Of an IPv4 address: decimal numbers, which have but one spelling each."""


class Admission(Struct, frozen=True, kw_only=True, gc=False):
    """What we think of a Gateway before looking at its listeners."""

    reason: str = "Accepted"
    """Reason of the Accepted condition (GatewayConditionReason); anything else: nothing is served."""
    message: str = ""
    addresses: tuple[str, ...] = ()
    """IP addresses to bind, in the order written; empty when nothing is served."""
    unusable: tuple[str, ...] = ()
    """Addresses asked for that no socket can have."""
    is_waiting: bool = False
    """It left its address to us, and we have none to give."""


@query
def admission(read: Read, gateway: ResourceId) -> Admission | None:
    """None for a Gateway that is not ours: we say nothing about it."""
    if not serves(read, gateway):
        return None
    resource: Gateway = read.leaf(gateway)
    spec = resource.spec
    if not is_accepted(read, spec.gateway_class_name):
        return Admission(
            reason="InvalidParameters",
            message=f"GatewayClass {spec.gateway_class_name} refers to parameters, and we know none",
        )
    if spec.infrastructure is not None and spec.infrastructure.parameters_ref is not None:
        named = spec.infrastructure.parameters_ref
        return Admission(
            reason="InvalidParameters",
            message=f"spec.infrastructure.parametersRef: {named.kind}.{named.group} holds no parameters",
        )
    unsupported = sorted({wanted.type for wanted in spec.addresses if wanted.type != "IPAddress"})
    if unsupported:
        return Admission(
            reason="UnsupportedAddress",
            message=f"spec.addresses: type {', '.join(unsupported)} is not supported; use IPAddress",
        )
    return _with_addresses(read, resource)


def _with_addresses(read: Read, gateway: Gateway) -> Admission:
    wanted = [address.value or "" for address in gateway.spec.addresses] or [""]
    is_waiting = False
    if "" in wanted:
        ours = _address(read, gateway.id)
        is_waiting = not ours
        wanted = [one for one in (address or ours for address in wanted) if one]
    usable = [normal_address(address) for address in wanted]
    return Admission(
        is_waiting=is_waiting,
        addresses=tuple(dict.fromkeys(address for address in usable if address)),
        unusable=tuple(address for address, good in zip(wanted, usable, strict=True) if not good),
    )


def _address(read: Read, gateway: ResourceId) -> str:
    """What a Gateway gets that names no address; empty for none."""
    assigned: str | None = read.leaf(AssignedAddress.of(gateway))
    return (read.leaf(SettingsKey()) or Settings()).address if assigned is None else assigned


def normal_address(text: str) -> str:
    """An IP address in its one canonical spelling; empty when `text` is none."""
    parts = text.split(".")  # each endpoint has one, and to parse it takes some thirty calls
    return text if len(parts) == _PARTS and _OCTETS.issuperset(parts) else _parsed(text)


@lru_cache(maxsize=1 << 14)
def _parsed(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
