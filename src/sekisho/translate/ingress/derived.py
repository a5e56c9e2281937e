"""Ingresses as resources of the Gateway API: an HTTPRoute for each host, a ListenerSet for each certificate.

They are leaves of the engine beside what users wrote, and nowhere stored. Their names have a `~`, which no
name in the API has.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sekisho.engine import Output, Read, index, output, query
from sekisho.kit.hostnames import EVERY
from sekisho.model.gateway import (
    GATEWAY_GROUP,
    AllowedRoutes,
    Listener,
    ListenerTls,
    RouteNamespaces,
    SecretReference,
)
from sekisho.model.httproute import HTTPRoute, HttpRouteRule, HttpRouteSpec
from sekisho.model.ingress import REDIRECT_ANNOTATION, Ingress
from sekisho.model.listener_set import ListenerSet, ListenerSetSpec, ParentGatewayReference
from sekisho.model.meta import ObjectMeta, OwnerReference
from sekisho.model.names import ResourceId
from sekisho.model.routes import ParentReference
from sekisho.translate.ingress.classes import doors_of, gateway_of_ingress, https_port
from sekisho.translate.ingress.rules import by_default, forwarding, paths_of, to_https
from sekisho.translate.ingress.secured import (
    SECURED,
    Secured,
    entrances,
    holder,
    is_secured,
    secrets_of,
)

_MARK = "~"
_API_VERSION = f"{GATEWAY_GROUP}/v1"
_AFTER_ALL = "~"
"""Before a time of creation: sorts behind all times, so that rules of any age come before it."""


class Part(NamedTuple):
    """What one HTTPRoute of an Ingress is for."""

    host: str
    """`*` for all."""
    role: str = ""
    """Empty for the paths of the host; `to-https`, or `default`."""


TO_HTTPS = "to-https"
DEFAULT = "default"


def is_derived(resource: ResourceId) -> bool:
    """Whether a resource is made from an Ingress, and so in no store."""
    return _MARK in resource.name


def author_of(read: Read, resource: ResourceId) -> ResourceId:
    """Who said what a resource says: the Ingress it is made from, or else itself."""
    made = read.leaf(resource) if is_derived(resource) else None
    if made is None:
        return resource
    return ResourceId("Ingress", resource.namespace, made.metadata.owner_references[0].name)


def _owned_by(ingress: Ingress) -> tuple[OwnerReference, ...]:
    id_ = ingress.id
    return (OwnerReference(api_version=ingress.api_version, kind=id_.kind, name=id_.name, uid=""),)


def route_of(ingress: ResourceId, part: Part) -> ResourceId:
    """The HTTPRoute for a part of an Ingress."""
    named = (ingress.name, part.host, part.role) if part.role else (ingress.name, part.host)
    return ResourceId("HTTPRoute", ingress.namespace, _MARK.join(("ingress", *named)))


def listener_set_of(secured: Secured, ingress: ResourceId) -> ResourceId:
    """The ListenerSet for the certificate of a host, in the namespace of the Ingress that decides it."""
    named = ("ingress", secured.gateway.namespace, secured.gateway.name, secured.host)
    return ResourceId("ListenerSet", ingress.namespace, _MARK.join(named))


@query
def parts(read: Read, ingress: ResourceId) -> tuple[Part, ...]:
    """The HTTPRoutes an Ingress becomes; none for one that is not ours."""
    if gateway_of_ingress(read, ingress) is None:
        return ()
    resource: Ingress = read.leaf(ingress)
    hosts, secured = paths_of(resource), secrets_of(resource)
    has_default = resource.spec.default_backend is not None
    found = [Part(host) for host in hosts]
    if _redirects(resource):
        wanted = {*hosts, *secured} if has_default else {*hosts}
        found += [Part(host, TO_HTTPS) for host in sorted(wanted) if is_secured(secured, host)]
    return (*found, Part(EVERY, DEFAULT)) if has_default else tuple(found)


def _redirects(ingress: Ingress) -> bool:
    return ingress.metadata.annotations.get(REDIRECT_ANNOTATION, "") != "false"


def _route(read: Read, key: tuple[ResourceId, Part]) -> HTTPRoute | None:
    ingress, part = key
    resource: Ingress = read.leaf(ingress)
    gateway = gateway_of_ingress(read, ingress)
    if gateway is None:
        return None
    metadata = resource.metadata
    created = metadata.creation_timestamp or ""
    named = route_of(ingress, part)
    return HTTPRoute(
        api_version=_API_VERSION,
        kind=named.kind,
        metadata=ObjectMeta(
            name=named.name,
            namespace=named.namespace,
            labels=metadata.labels,
            owner_references=_owned_by(resource),
            generation=metadata.generation,
            creation_timestamp=f"{_AFTER_ALL}{created}" if part.role == DEFAULT else created,
        ),
        spec=HttpRouteSpec(
            parent_refs=tuple(_parents(read, resource, gateway, part)),
            hostnames=() if part.host == EVERY else (part.host,),
            rules=_rules(read, resource, part),
        ),
    )


def _rules(read: Read, ingress: Ingress, part: Part) -> tuple[HttpRouteRule, ...]:
    paths = paths_of(ingress).get(part.host, ())
    backend = ingress.spec.default_backend
    if part.role == TO_HTTPS:
        return to_https(part.host, paths, https_port(read, ingress.id), everything=backend is not None)
    if part.role == DEFAULT and backend is not None:
        return (by_default(read, ingress.metadata.namespace, backend),)
    return forwarding(read, ingress.metadata.namespace, part.host, paths)


def _parents(read: Read, ingress: Ingress, gateway: ResourceId, part: Part) -> Iterator[ParentReference]:
    """Plain listeners for what need not be asked by HTTPS; those with a certificate for all but redirects."""
    doors = doors_of(read, gateway)
    is_plain = not (_redirects(ingress) and is_secured(secrets_of(ingress), part.host))
    is_redirect = part.role == TO_HTTPS
    own = (*(doors.http if is_plain or is_redirect else ()), *(() if is_redirect else doors.https))
    for name in own:
        yield ParentReference(name=gateway.name, namespace=gateway.namespace, section_name=name)
    for host in () if is_redirect else entrances(read, gateway, part.host):
        secured = Secured(gateway, host)
        found = holder(read, secured)
        if found is not None:
            source = listener_set_of(secured, found.ingress)
            yield ParentReference(kind=source.kind, name=source.name, namespace=source.namespace)


def _listener_set(read: Read, secured: Secured) -> ListenerSet | None:
    found = holder(read, secured)
    if found is None:
        return None
    resource: Ingress = read.leaf(found.ingress)
    named = listener_set_of(secured, found.ingress)
    secret = secrets_of(resource)[secured.host]
    listener = Listener(
        name="https",
        port=https_port(read, found.ingress),
        protocol="HTTPS",
        hostname=None if secured.host == EVERY else secured.host,
        tls=ListenerTls(certificate_refs=(SecretReference(name=secret),) if secret else ()),
        allowed_routes=AllowedRoutes(namespaces=RouteNamespaces(from_="All")),
    )
    parent = ParentGatewayReference(name=secured.gateway.name, namespace=secured.gateway.namespace)
    return ListenerSet(
        api_version=_API_VERSION,
        kind=named.kind,
        metadata=ObjectMeta(
            name=named.name,
            namespace=named.namespace,
            owner_references=_owned_by(resource),
            generation=resource.metadata.generation,
            creation_timestamp=found.created,
        ),
        spec=ListenerSetSpec(parent_ref=parent, listeners=(listener,)),
    )


def _parts(read: Read, ingress: ResourceId) -> Iterator[tuple[ResourceId, Part]]:
    yield from ((ingress, part) for part in parts(read, ingress))


_PARTS = index("parts of Ingresses", source="Ingress", emit=_parts)

ROUTES: Output[Any] = output("routes of Ingresses", source=_PARTS, build=_route)
"""(Ingress, part) → HTTPRoute."""

LISTENER_SETS: Output[Any] = output("certificates of Ingresses", source=SECURED, build=_listener_set)
"""`Secured` → ListenerSet. Which namespace it is in may change with the Ingress that decides."""
