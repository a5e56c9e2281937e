"""What the engine keeps ready for the proxies."""

from tests.kit.objects import endpoint_slice, gateway, gateway_class, id_of, manifest, route, service

from sekisho.engine import Engine
from sekisho.envoy.outputs import EMISSIONS
from sekisho.model.document import check, engine_view
from sekisho.model.names import ResourceId

CLUSTER = "shop/web/80"


def test_gateways_share_the_bytes_of_a_cluster_and_of_its_endpoints() -> None:
    other = gateway(port=18081)
    other["metadata"]["name"] = "other"
    shared = route("web", "shop.example.com", "web")
    shared["spec"]["parentRefs"] = [{"name": "web"}, {"name": "other"}]
    manifests = [
        manifest("Namespace", "shop"), gateway_class(), gateway(port=18080), other,
        service("web"), endpoint_slice("web", "10.0.0.1"), shared,
    ]  # fmt: skip
    engine = Engine([emission.output for emission in EMISSIONS])
    engine.commit({id_of(one): engine_view(check(one["kind"], one).resource) for one in manifests})
    for emission in EMISSIONS[:2]:
        one, two = (
            engine.value(emission.output, (ResourceId("Gateway", "shop", name), CLUSTER))
            for name in ("web", "other")
        )
        assert one is two is not None
