"""What the engine keeps ready for the proxies."""

from typing import Any

from tests.kit.objects import endpoint_slice, gateway, gateway_class, id_of, manifest, route, service

from sekisho.engine import Engine
from sekisho.envoy.outputs import EMISSIONS
from sekisho.envoy.resource import Resource
from sekisho.model.document import check, engine_view
from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId

CLUSTER = "shop/web/80"
HTTP = {"name": "http", "port": 80, "targetPort": 8080, "appProtocol": "http"}


def committed(*manifests: dict[str, Any]) -> Engine:
    engine = Engine([emission.output for emission in EMISSIONS])
    engine.commit({id_of(one): engine_view(check(one["kind"], one).resource) for one in manifests})
    return engine


def made(engine: Engine, output: str) -> list[Resource]:
    """All that an output has, by its name."""
    wanted = next(emission.output for emission in EMISSIONS if emission.output.name == output)
    return [engine.value(wanted, key) for key in engine.keys(wanted)]


def test_gateways_share_the_bytes_of_a_cluster_and_of_its_endpoints() -> None:
    other = gateway(port=18081)
    other["metadata"]["name"] = "other"
    shared = route("web", "shop.example.com", "web")
    shared["spec"]["parentRefs"] = [{"name": "web"}, {"name": "other"}]
    manifests = [
        manifest("Namespace", "shop"), gateway_class(), gateway(port=18080), other,
        service("web"), endpoint_slice("web", "10.0.0.1"), shared,
    ]  # fmt: skip
    engine = committed(*manifests)
    for emission in EMISSIONS[:2]:
        one, two = (
            engine.value(emission.output, (ResourceId("Gateway", "shop", name), CLUSTER))
            for name in ("web", "other")
        )
        assert one is two is not None


def test_what_is_alike_for_instances_and_for_their_callers_is_there_once() -> None:
    """Of callers, those of one namespace have a policy of their own, which is about none of this."""
    everybody = {"rules": [{"default": {"allow": [{}]}}]}
    times = {"to": [{"targetRef": {"kind": "Mesh"}, "default": {"http": {"requestTimeout": "9s"}}}]}
    limits = {"to": [{"targetRef": {"kind": "Mesh"}, "default": {"connectionLimits": {"maxConnections": 5}}}]}
    engine = committed(
        manifest("Mesh", "default"),
        manifest("TrafficPermission", "everybody", SYSTEM_NAMESPACE, spec=everybody),
        manifest("Timeout", "everybody", SYSTEM_NAMESPACE, spec=times),
        manifest("CircuitBreaker", "mine", "other", spec=limits),
        manifest(
            "Service", "web", spec={"clusterIP": "241.0.0.1", "selector": {"app": "web"}, "ports": [HTTP]}
        ),
        *(_instance(name, namespace) for namespace in ("shop", "other") for name in ("web-1", "web-2")),
    )
    for output, count in {
        "RouteConfiguration of inbounds": 4,
        "Listener of outbounds": 2,
        "RouteConfiguration of outbound route tables": 2,
    }.items():
        found = made(engine, output)
        assert len(found) == count, output
        assert len({id(one) for one in found}) == 1, output
    assert len({one.body for one in made(engine, "Listener of inbounds")}) == 4
    assert len({one.body for one in made(engine, "Cluster of mesh clusters")}) == 2


def _instance(name: str, namespace: str) -> dict[str, Any]:
    """Each has an address of its own."""
    address = f"10.0.{len(namespace)}.{name[-1]}"
    ports = [{"name": "http", "port": 8080, "appProtocol": "http"}]
    spec = {"address": address, "ports": ports, "sidecar": {"capture": "Redirect"}}
    return manifest("Workload", name, namespace, labels={"app": "web"}, spec=spec)
