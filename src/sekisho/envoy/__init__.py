"""IR to Envoy messages. Each function is named after the message it returns and decides nothing."""

from sekisho.envoy.bootstrap import bootstrap
from sekisho.envoy.clusters import cluster
from sekisho.envoy.endpoints import cluster_load_assignment
from sekisho.envoy.listeners import listener
from sekisho.envoy.resource import Resource, resource
from sekisho.envoy.scopes import scoped_route_configuration
from sekisho.envoy.secrets import secret

__all__ = [
    "Resource",
    "bootstrap",
    "cluster",
    "cluster_load_assignment",
    "listener",
    "resource",
    "scoped_route_configuration",
    "secret",
]
