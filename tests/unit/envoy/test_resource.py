"""The same input gives the same bytes, in this process and in any other."""

import os
import subprocess
import sys

import pytest
from tests.kit.gateway import ORIGIN, TABLE, forward, plain_listener, route

from sekisho import envoy, ir
from sekisho.model.names import Origin, ResourceId
from sekisho.protos import message

HOST = ir.VirtualHost(table=TABLE, hostname="shop.test", routes=(route(forward()),))

PRINT_VERSION = """
from sekisho import envoy
from tests.unit.envoy.test_resource import HOST
print(envoy.resource(envoy.scoped_route_configuration(HOST)).version)
"""


@pytest.mark.parametrize(
    ("built", "type_name", "name"),
    [
        (
            envoy.cluster(ir.Cluster(name="a/b/80", origin=ORIGIN)),
            "envoy.config.cluster.v3.Cluster",
            "a/b/80",
        ),
        (
            envoy.cluster_load_assignment(ir.Endpoints(cluster="a/b/80", endpoints=(), origin=ORIGIN)),
            "envoy.config.endpoint.v3.ClusterLoadAssignment",
            "a/b/80",
        ),
        (envoy.listener(plain_listener(80)), "envoy.config.listener.v3.Listener", "http/127.0.0.1/80"),
        (
            envoy.scoped_route_configuration(HOST),
            "envoy.config.route.v3.ScopedRouteConfiguration",
            "8080|shop.test",
        ),
        (
            envoy.scoped_route_configuration(ir.WildcardTable(table="443/https-shop", hosts=())),
            "envoy.config.route.v3.ScopedRouteConfiguration",
            "443/https-shop|~wild",
        ),
        (
            envoy.secret(ir.Certificate(name="secret/a/b", chain=b"chain", key=b"key", origin=ORIGIN)),
            "envoy.extensions.transport_sockets.tls.v3.Secret",
            "secret/a/b",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_resource_is_named_as_in_the_ir(built: object, type_name: str, name: str) -> None:
    found = envoy.resource(built)
    assert (found.type_url, found.name) == (f"type.googleapis.com/{type_name}", name)
    assert message(type_name).FromString(found.body) == built


def test_the_version_tells_whether_the_bytes_differ() -> None:
    def version(name: str) -> str:
        return envoy.resource(envoy.cluster(ir.Cluster(name=name, origin=ORIGIN))).version

    assert version("a") == version("a")
    assert version("a") != version("b")


def test_where_it_came_from_does_not_change_what_is_sent() -> None:
    other = Origin(ResourceId("Service", "a", "b"), "spec.ports[0]")
    one, two = (envoy.cluster(ir.Cluster(name="a", origin=origin)) for origin in (ORIGIN, other))
    assert envoy.resource(one) == envoy.resource(two)


def test_changing_a_message_afterwards_does_not_change_the_next_one() -> None:
    """Parts that are the same for all are built once; nobody may get hold of them."""
    first = envoy.cluster(ir.Cluster(name="a", origin=ORIGIN))
    before = envoy.resource(first)
    first.connect_timeout.seconds = 99
    assert envoy.resource(envoy.cluster(ir.Cluster(name="a", origin=ORIGIN))) == before

    scope = envoy.scoped_route_configuration(HOST)
    before = envoy.resource(scope)
    del scope.route_configuration.virtual_hosts[0].routes[-1]
    scope.route_configuration.typed_per_filter_config.clear()
    assert envoy.resource(envoy.scoped_route_configuration(HOST)) == before


def test_another_process_makes_the_same_bytes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRINT_VERSION],
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == envoy.resource(envoy.scoped_route_configuration(HOST)).version
