"""Envoy's own message types, read from the Envoy binary that will run, so types and proxy never differ.

>>> cluster = message("envoy.config.cluster.v3.Cluster")(name="shop/cart/80")
>>> pack(cluster).type_url
'type.googleapis.com/envoy.config.cluster.v3.Cluster'
"""

from sekisho.protos.binary import UnusableEnvoyError, envoy_binary, envoy_version
from sekisho.protos.messages import descriptor_pool, message, pack, unpack

__all__ = [
    "UnusableEnvoyError",
    "descriptor_pool",
    "envoy_binary",
    "envoy_version",
    "message",
    "pack",
    "unpack",
]
