"""Hosts that Ingresses have certificates for: whose certificate it is, and where their requests come in."""

from collections.abc import Iterator
from typing import NamedTuple

from sekisho.engine import Read, index, query
from sekisho.kit.hostnames import EVERY, is_wildcard
from sekisho.model.ingress import Ingress
from sekisho.model.names import ResourceId
from sekisho.translate.ingress.classes import gateway_of_ingress


class Secured(NamedTuple):
    """A host that has a certificate at a Gateway."""

    gateway: ResourceId
    host: str
    """Exact, with a wildcard, or `*` for all."""


class Holder(NamedTuple):
    """Who says which certificate a host has: of several the oldest Ingress, then the first by name."""

    created: str
    ingress: ResourceId


def wildcard_above(host: str) -> str:
    """`*.example.com` for `shop.example.com`: the `*` of an Ingress is one label. Empty for one label."""
    _, _, rest = host.partition(".")
    return f"*.{rest}" if rest else ""


def secrets_of(ingress: Ingress) -> dict[str, str]:
    """Host (`*` for all) to the name of its Secret, empty where none is named; the first entry counts."""
    found: dict[str, str] = {}
    for entry in ingress.spec.tls:
        for host in entry.hosts or (EVERY,):
            found.setdefault(host, entry.secret_name or "")
    return found


def is_secured(hosts: dict[str, str], host: str) -> bool:
    """Whether an Ingress with these `secrets_of` wants `host` by HTTPS."""
    return any(one in hosts for one in (host, wildcard_above(host), EVERY) if one)


@query
def holder(read: Read, secured: Secured) -> Holder | None:
    """None for a host that no Ingress has a certificate for."""
    found = (
        Holder(read.leaf(ingress).metadata.creation_timestamp or "", ingress)
        for ingress in read.bucket(SECURED, secured)
    )
    return min(found, default=None)


@query
def entrances(read: Read, gateway: ResourceId, host: str) -> tuple[str, ...]:
    """The secured hosts at which requests for `host` come in, sorted: the most specific that covers it, and
    those that it covers."""
    wider = (one for one in (host, *_above(host)) if read.count(SECURED, Secured(gateway, one)))
    beneath = {one.host for one in read.bucket(_BENEATH, Secured(gateway, host))}
    return tuple(sorted({*beneath, *(one for _, one in zip(range(1), wider, strict=False))}))


def _above(host: str) -> tuple[str, ...]:
    if host == EVERY:
        return ()
    return (EVERY,) if is_wildcard(host) else (wildcard_above(host), EVERY)


def _secured(read: Read, ingress: ResourceId) -> Iterator[Secured]:
    gateway = gateway_of_ingress(read, ingress)
    if gateway is not None:
        yield from (Secured(gateway, host) for host in secrets_of(read.leaf(ingress)))


def _beneath(_: Read, secured: Secured) -> Iterator[Secured]:
    yield from (secured._replace(host=one) for one in _above(secured.host) if one)


SECURED = index("hosts of Ingresses with a certificate", source="Ingress", emit=_secured)
"""`Secured` → the Ingresses that name a certificate for it."""

_BENEATH = index("hosts beneath hosts with a certificate", source=SECURED, emit=_beneath)
"""A wider host of the same Gateway → the secured hosts that it covers."""
