"""`sekisho` with one fault: run as `python -m tests.kit.faulty_control_plane`, for tests of refusals.

Our checks let nothing through that we know Envoy to refuse, so what it refuses must be made: a scope whose
routes carry the word MARK is spoilt on its way to the proxies, in a field that Envoy validates.
"""

from collections.abc import Iterator
from typing import Any
from unittest import mock

from sekisho.cli import main
from sekisho.control import publisher
from sekisho.envoy import Resource
from sekisho.envoy.outputs import changed_resources
from sekisho.envoy.resource import resource
from sekisho.protos import message

MARK = "spoil-me"
_SCOPE = "envoy.config.route.v3.ScopedRouteConfiguration"


def spoilt(outputs: Any) -> Iterator[tuple[Any, str, str, Resource | None]]:
    """What `changed_resources` gives, with marked scopes spoilt."""
    for gateway, type_url, name, one in changed_resources(outputs):
        if one is not None and type_url.endswith(_SCOPE) and MARK.encode() in one.body:
            scope = message(_SCOPE).FromString(one.body)
            forwarding = (
                each for each in scope.route_configuration.virtual_hosts[0].routes if each.HasField("route")
            )
            next(forwarding).route.prefix_rewrite = "/no\nline feeds"
            yield gateway, type_url, name, resource(scope)
        else:
            yield gateway, type_url, name, one


if __name__ == "__main__":
    with mock.patch.object(publisher, "changed_resources", spoilt):
        main()
