"""IR to Envoy messages. Each function is named after the message it returns and decides nothing."""

from sekisho.envoy.bootstrap import Role, bootstrap
from sekisho.envoy.captured import captured_inbound
from sekisho.envoy.clusters import cluster, outbound_cluster
from sekisho.envoy.endpoints import cluster_load_assignment
from sekisho.envoy.inbound import inbound_listener
from sekisho.envoy.inbound_clusters import inbound_cluster, passthrough_cluster
from sekisho.envoy.inbound_routes import inbound_route_configuration
from sekisho.envoy.listeners import listener
from sekisho.envoy.outbound import outbound_listener
from sekisho.envoy.outlets import outlet_listener
from sekisho.envoy.passthrough import passthrough_listener
from sekisho.envoy.resource import Resource, resource
from sekisho.envoy.route_tables import route_configuration
from sekisho.envoy.scopes import scoped_route_configuration
from sekisho.envoy.secrets import secret
from sekisho.envoy.trust import authority_bundle, trust_bundle
from sekisho.envoy.tunnel_listeners import tunnel_listener
from sekisho.envoy.udp import udp_listener

__all__ = [
    "Resource",
    "Role",
    "authority_bundle",
    "bootstrap",
    "captured_inbound",
    "cluster",
    "cluster_load_assignment",
    "inbound_cluster",
    "inbound_listener",
    "inbound_route_configuration",
    "listener",
    "outbound_cluster",
    "outbound_listener",
    "outlet_listener",
    "passthrough_cluster",
    "passthrough_listener",
    "resource",
    "route_configuration",
    "scoped_route_configuration",
    "secret",
    "trust_bundle",
    "tunnel_listener",
    "udp_listener",
]
