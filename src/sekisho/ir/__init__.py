"""What one proxy must do, in our words: frozen, resolved, printable; it knows neither users nor Envoy.

Every node carries its `origin`, the place in the resources that decided it: it names things in stats, logs
and `sekisho explain`, and it is where a rejection by Envoy is reported.
"""

from sekisho.ir.cluster import Cluster, Endpoint, Endpoints, Protocol
from sekisho.ir.http import (
    Action,
    Cors,
    Forward,
    HeaderEdits,
    HostRewrite,
    Mirror,
    OriginMatch,
    PathExact,
    PathMatch,
    PathPrefix,
    PathRegex,
    Redirect,
    ReplaceFullPath,
    ReplacePrefix,
    Respond,
    Retry,
    Route,
    RouteMatch,
    Share,
    StringMatch,
    VirtualHost,
    WildcardTable,
)
from sekisho.ir.listener import Chain, Listener, TlsTermination
from sekisho.ir.secret import Certificate

__all__ = [
    "Action",
    "Certificate",
    "Chain",
    "Cluster",
    "Cors",
    "Endpoint",
    "Endpoints",
    "Forward",
    "HeaderEdits",
    "HostRewrite",
    "Listener",
    "Mirror",
    "OriginMatch",
    "PathExact",
    "PathMatch",
    "PathPrefix",
    "PathRegex",
    "Protocol",
    "Redirect",
    "ReplaceFullPath",
    "ReplacePrefix",
    "Respond",
    "Retry",
    "Route",
    "RouteMatch",
    "Share",
    "StringMatch",
    "TlsTermination",
    "VirtualHost",
    "WildcardTable",
]
