"""Makes Envoy look at a scope again that it noted and did not apply.

When Envoy 1.40 refuses a response of scopes, those in front of the bad one are in its table of hashes
already but were never put to use, and the same bytes sent again pass for known (tests/live/test_xds_envoy.py
shows it). So what is tried again differs in a place without effect: the metadata of its route configuration.
"""

from google.protobuf.message import DecodeError

from sekisho.protos import message
from sekisho.xds.resource import Resource
from sekisho.xds.types import SCOPED_ROUTES
from sekisho.xds.wire import resource_head

_KEY = "dev.sekisho.attempt"


def nudged_entry(type_url: str, resource: Resource, attempt: str) -> tuple[bytes, bytes]:
    """Head and body of the resource for a further attempt; the same as ever for types that do not need this.

    Envoy does not read this metadata; `attempt` must differ from attempt to attempt. A body that is no scope
    is left as it is: saying what is wrong with it is Envoy's part.
    """
    same = resource.head, resource.body
    if type_url != SCOPED_ROUTES:
        return same
    scope = message("envoy.config.route.v3.ScopedRouteConfiguration")()
    try:
        scope.ParseFromString(resource.body)
    except DecodeError:
        return same
    if not scope.HasField("route_configuration"):  # by name: its routes come by RDS, which applies again
        return same
    scope.route_configuration.metadata.filter_metadata[_KEY]["attempt"] = attempt
    body = scope.SerializeToString(deterministic=True)
    return resource_head(type_url, resource.name, resource.version, len(body)), body
