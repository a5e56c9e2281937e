"""Rules that several kinds have in common."""

import ipaddress
import re
from collections.abc import Hashable, Iterable, Iterator

from sekisho.model import paths
from sekisho.model.fields import PreciseHostname
from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.meta import Resource
from sekisho.model.mistakes import value_mistakes
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason

_CIDR = re.compile(r"[0-9a-fA-F:.]{2,45}/[0-9]{1,3}")


def unique(path: str, keys: Iterable[Hashable | None], name: str, what: str) -> Iterator[Problem]:
    """One problem per item of the list at `path` whose key stood before; None keys are never alike.

    `name` is the item's field to point at, empty for the item itself; `what` says what must be unique.
    """
    first: dict[Hashable, int] = {}
    for index, key in enumerate(keys):
        if key is None:
            continue
        before = first.setdefault(key, index)
        if before != index:
            where = paths.item(path, index)
            message = f"{what} must be unique, the same as in {paths.item(path, before)}"
            yield Problem(paths.field(where, name) if name else where, message, reason=Reason.DUPLICATE)


def ip_version(text: str) -> int | None:
    """4 or 6; None for what is no IP address. `fe80::1%eth0` is none: its zone is of one host only."""
    try:
        return None if "%" in text else ipaddress.ip_address(text).version
    except ValueError:
        return None


def cidr(path: str, text: str) -> Iterator[Problem]:
    """That `text` is a range of addresses whose bits after the prefix are 0."""
    try:
        meant = ipaddress.ip_network(text, strict=False) if _CIDR.fullmatch(text) else None
    except ValueError:
        meant = None
    if meant is None:
        yield Problem(path, f'expected a range such as 10.0.0.0/8 or fd00::/8, found "{text[:60]}"')
    elif str(meant.network_address) != str(ipaddress.ip_address(text.partition("/")[0])):
        yield Problem(path, f"{text} has bits after its prefix", f"write {meant}")


def no_backend(text: str) -> str:
    """Why requests are never sent to this IP address; empty when they may be.

    Link-local addresses hold the metadata services of clouds, which hand out the host's credentials to
    whoever asks from there. Kubernetes refuses the same ones, and loopback, which we take: on a laptop the
    instances are there.
    """
    plain = _plain(text)
    if plain.is_link_local:
        return "is link-local, where only the host itself has business"
    if plain in _METADATA:
        return _IS_METADATA
    if plain.is_unspecified or plain.is_multicast:
        return "is not the address of an instance"
    return ""


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IP address, without IPv6 around IPv4."""
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "168.63.129.16", "100.100.100.200", "192.0.0.192"))
)
"""Metadata services that are elsewhere: of Amazon, Azure, Alibaba and Oracle."""
_IS_METADATA = "is the metadata service of a cloud"


def host(path: str, text: str) -> Iterator[Problem]:
    """That `text` is an IP address requests may be sent to, or a host name."""
    if ip_version(text) is not None:
        if why := no_backend(text):
            yield Problem(path, f"{text} {why}", reason=Reason.FORBIDDEN)
    elif value_mistakes(PreciseHostname, text, path) or text.rpartition(".")[2].isdecimal():
        yield Problem(path, f'expected an IP address or a lower-case host name, found "{text[:60]}"')
    elif why := no_backend_name(text):
        yield Problem(path, f"{text} {why}", reason=Reason.FORBIDDEN)


def stranger(path: str, text: str) -> Iterator[Problem]:
    """That `text` is no address whose meaning depends on who calls it: hosts of others have a loopback of
    their own, and names lead there as well when their owner likes."""
    if ip_version(text) is None:
        message = f"expected an IP address: for proxies of others, {text[:60]} may lead anywhere"
        yield Problem(path, message, reason=Reason.FORBIDDEN)
    elif _plain(text).is_loopback:
        yield Problem(path, f"{text} is the loopback of others' hosts", reason=Reason.FORBIDDEN)


def no_backend_name(text: str) -> str:
    """The same for a host name: that of a metadata service is the name of such an address. What other names
    lead to is known only where they are looked up."""
    return _IS_METADATA if text.lower().rstrip(".") in _METADATA_NAMES else ""


_METADATA_NAMES = frozenset(
    {
        "metadata.google.internal",
        "metadata.goog",
        "instance-data.ec2.internal",
        "metadata.tencentyun.com",
    }
)


def of_the_system(resource: Resource) -> Iterator[Problem]:
    """Whoever writes these decides for everybody, so they are where only operators write."""
    if resource.metadata.namespace != SYSTEM_NAMESPACE:
        message = f"expected {SYSTEM_NAMESPACE}: {resource.kind} is for the whole mesh"
        yield Problem("metadata.namespace", message, reason=Reason.FORBIDDEN)
