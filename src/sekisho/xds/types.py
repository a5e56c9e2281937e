"""What is published: named bytes of a type, with a version that says whether they changed."""

from typing import NamedTuple

PREFIX = "type.googleapis.com/"
CLUSTER = PREFIX + "envoy.config.cluster.v3.Cluster"
ENDPOINTS = PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
SECRET = PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"
LISTENER = PREFIX + "envoy.config.listener.v3.Listener"
SCOPED_ROUTES = PREFIX + "envoy.config.route.v3.ScopedRouteConfiguration"
ROUTES = PREFIX + "envoy.config.route.v3.RouteConfiguration"

HOSTNAME = PREFIX + "sekisho.agent.v1.Hostname"
SIDECAR = PREFIX + "sekisho.agent.v1.Sidecar"
"""What agents are told of themselves, as JSON; proxies do not ask for it."""

TYPES = (CLUSTER, ENDPOINTS, SECRET, LISTENER, SCOPED_ROUTES, ROUTES, HOSTNAME, SIDECAR)


class Name(NamedTuple):
    """A resource as xDS names it."""

    type_url: str
    name: str


class Blob(NamedTuple):
    """An Envoy resource built once, serialised once, hashed once; the same bytes go to every proxy."""

    version: str
    """xxh3-64 of the body, hexadecimal."""
    body: bytes
    """The serialised message (what goes into `Any.value`)."""
