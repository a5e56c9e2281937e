"""Makes Envoy look at a scope again that it noted and did not apply.

When Envoy 1.40 refuses a response of scopes, those in front of the bad one are in its table of hashes
already but were never put to use, and the same bytes sent again pass for known (tests/live/test_xds_envoy.py
shows it). So what is tried again differs in a place without effect: the metadata of its route configuration.
"""

from google.protobuf.message import DecodeError

from sekisho.protos import message
from sekisho.xds.resource import Resource
from sekisho.xds.types import SCOPED_ROUTES
from sekisho.xds.wire import resource_entry

_KEY = "dev.sekisho.attempt"


def nudged_entry(type_url: str, resource: Resource, attempt: str) -> bytes:
    """The resource's entry for a further attempt; the same as ever for types that do not need this.

    Envoy does not read this metadata; `attempt` must differ from attempt to attempt. A body that is no scope
    is left as it is: saying what is wrong with it is Envoy's part.
    """
    if type_url != SCOPED_ROUTES:
        return resource.entry
    response = message("envoy.service.discovery.v3.DeltaDiscoveryResponse").FromString(resource.entry)
    scope = message("envoy.config.route.v3.ScopedRouteConfiguration")()
    try:
        scope.ParseFromString(response.resources[0].resource.value)
    except DecodeError:
        return resource.entry
    if not scope.HasField("route_configuration"):  # by name: its routes come by RDS, which applies again
        return resource.entry
    scope.route_configuration.metadata.filter_metadata[_KEY]["attempt"] = attempt
    body = scope.SerializeToString(deterministic=True)
    return resource_entry(type_url, resource.name, resource.version, body)
