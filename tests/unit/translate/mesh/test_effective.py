"""`sekisho.translate.mesh.effective`: policies on the engine, whom an edit reaches and whom not."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho import ir
from sekisho.engine import Engine, output
from sekisho.ir.callers import Text
from sekisho.model.document import check
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.facts import ShadowKey
from sekisho.translate.mesh import effective
from sekisho.translate.mesh.collectors import helper_clusters, helper_destinations
from sekisho.translate.mesh.inbounds import inbound, inbound_ports
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.policy_status import policy_status
from sekisho.translate.mesh.policy_values import for_destination
from sekisho.translate.mesh.worlds import World

Leaves = dict[Any, Any]
CART = Destination("Service", "shop", "cart", 80)
STOCK = Destination("Service", "shop", "stock", 80)
CLIENT = World.of("default")
WEB = World.of("default", namespace="web")
MESH = {"kind": "Mesh"}
VERSIONS = {"Service": "v1", "Namespace": "v1", "Gateway": "gateway.networking.k8s.io/v1"}


def leaf(kind: str, name: str, spec: Any = None, namespace: str = "shop", **labels: str) -> Leaves:
    metadata: dict[str, Any] = {
        "name": name,
        "labels": {key.replace("_", "."): labels[key] for key in labels},
    }
    if kind not in ("Mesh", "Namespace"):
        metadata["namespace"] = namespace
    version = VERSIONS.get(kind, "sekisho.dev/v1alpha1")
    document = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec or {}}
    resource = check(kind, document).resource
    return {resource.id: resource}


def service(name: str) -> Leaves:
    ports = [{"port": 80, "targetPort": 8080, "name": "web", "appProtocol": "http"}]
    return leaf("Service", name, {"ports": ports, "selector": {"app": name}}, team=name)


def workload(name: str, app: str, namespace: str = "shop") -> Leaves:
    spec = {"address": "10.0.0.1", "ports": [{"port": 8080, "name": "main"}], "sidecar": {}}
    return leaf("Workload", name, spec, namespace, app=app)


def timeout(name: str, request: str, to: Any = None, namespace: str = "shop", target: Any = None) -> Leaves:
    item = {"targetRef": to or MESH, "default": {"http": {"requestTimeout": request}}}
    spec = {"to": [item], **({"targetRef": target} if target else {})}
    return leaf("Timeout", name, spec, namespace)


def rate(name: str, number: int, target: Any = None, matches: Any = None, namespace: str = "shop") -> Leaves:
    local = {"http": {"requestRate": {"num": number, "interval": "1s"}}}
    rule = {"default": {"local": local}, **({"matches": matches} if matches else {})}
    return leaf("RateLimit", name, {"rules": [rule], **({"targetRef": target} if target else {})}, namespace)


BASE = {**leaf("Mesh", "default"), **service("cart"), **service("stock"), **workload("cart-1", "cart")}
CART_1 = ResourceId("Workload", "shop", "cart-1")


def engine(*leaves: Leaves) -> Engine:
    found = Engine([])
    found.commit({**BASE, **{key: value for some in leaves for key, value in some.items()}})
    return found


def request_timeout(
    found: Engine, client: Any = CLIENT, destination: Destination = CART, route: ResourceId | None = None
) -> int | None:
    share = ir.Share(cluster="x", weight=1, origin=Origin(destination.resource))
    plain = ir.Forward(shares=(share,))
    return effective.forward_with_policies(found.read, client, plain, destination, route).request_timeout_ms


def test_without_policies_everything_stays_as_it_is() -> None:
    assert request_timeout(engine()) is None
    plain = ir.Cluster(name="shop/cart/80", origin=Origin(CART.resource))
    assert effective.cluster_with_policies(engine().read, CLIENT, plain, CART) == plain


def test_a_producer_speaks_to_all_callers_and_overrides_the_operators() -> None:
    found = engine(
        timeout("all", "9s", namespace="sekisho-system"),
        timeout("cart", "1s", to={"kind": "Service", "name": "cart"}),
    )
    assert request_timeout(found, CLIENT, CART) == 1_000
    assert request_timeout(found, CLIENT, STOCK) == 9_000


def test_a_consumer_speaks_to_callers_of_his_namespace_only() -> None:
    cart = {"kind": "Service", "name": "cart", "namespace": "shop"}
    found = engine(timeout("mine", "2s", to=cart, namespace="web"))
    assert effective.has_consumer_policies(found.read, "web")
    assert not effective.has_consumer_policies(found.read, "shop")
    assert request_timeout(found, WEB) == 2_000
    assert request_timeout(found, CLIENT) is None


@pytest.mark.parametrize(
    "to",
    [
        {"kind": "Service", "name": "cart", "sectionName": "web"},
        {"kind": "Service", "name": "cart", "sectionName": "80"},
        {"kind": "Service", "labels": {"team": "cart"}},
    ],
)
def test_a_destination_is_meant_by_its_port_or_labels(to: Any) -> None:
    found = engine(timeout("a", "2s", to=to, namespace="sekisho-system" if "labels" in to else "shop"))
    assert request_timeout(found, CLIENT, CART) == 2_000
    assert request_timeout(found, CLIENT, STOCK) is None


def test_requests_of_a_route_can_have_their_own_times() -> None:
    route = ResourceId("HTTPRoute", "shop", "split")
    found = engine(
        timeout("all", "9s", namespace="sekisho-system"),
        timeout("r", "2s", to={"kind": "HTTPRoute", "name": "split"}),
    )
    assert request_timeout(found, route=route) == 2_000
    assert request_timeout(found, route=ResourceId("HTTPRoute", "shop", "other")) == 9_000
    attached = engine(timeout("r", "3s", target={"kind": "HTTPRoute", "name": "split"}))
    assert request_timeout(attached, route=route) == 3_000
    assert request_timeout(attached) is None


def test_a_policy_with_labels_reaches_the_clients_that_are_said_to_be_selected() -> None:
    found = engine(timeout("a", "2s", target={"kind": "Workload", "labels": {"app": "cart"}}))
    selected = effective.selected_policies(found.read, CART_1)
    assert selected == (ResourceId("Timeout", "shop", "a"),)
    assert request_timeout(found, World.of("default", selected=selected)) == 2_000
    assert request_timeout(found, CLIENT) is None


def test_gateways_are_clients_with_and_without_a_mesh() -> None:
    edge = ResourceId("Gateway", "shop", "edge")
    listeners = [{"name": "http", "port": 80, "protocol": "HTTP"}]
    gateway = leaf("Gateway", "edge", {"gatewayClassName": "sekisho", "listeners": listeners})
    named = timeout("edge", "2s", target={"kind": "Gateway", "name": "edge"})
    wide = timeout("all", "9s", namespace="sekisho-system")
    found = engine(gateway, named, wide)
    assert request_timeout(found, edge) == 2_000
    assert request_timeout(found, ResourceId("Gateway", "shop", "other")) == 9_000
    found.commit({ResourceId("Mesh", "", "default"): None})
    assert request_timeout(found, edge) == 2_000


def test_policies_of_another_mesh_are_no_matter() -> None:
    metadata = {"name": "sea", "labels": {"sekisho.dev/mesh": "blue"}}
    namespace = check("Namespace", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}).resource
    found = engine(leaf("Mesh", "blue"), {namespace.id: namespace}, timeout("a", "2s", namespace="sea"))
    assert request_timeout(found, World.of("blue", namespace="sea")) == 2_000
    assert request_timeout(found, World.of("default", namespace="sea")) is None


def shadowed(leaves: Leaves) -> Leaves:
    ((key, resource),) = leaves.items()
    metadata = msgspec.structs.replace(resource.metadata, labels={"sekisho.dev/effect": "shadow"})
    return {key: msgspec.structs.replace(resource, metadata=metadata)}


def test_a_shadow_counts_only_where_shadows_are_asked_for() -> None:
    shadow = shadowed(timeout("a", "2s", namespace="sekisho-system"))
    found = engine(shadow)
    assert request_timeout(found) is None
    assert policy_status(found.read, next(iter(shadow)))["conditions"][0]["reason"] == "Shadow"
    found.commit({ShadowKey(): True})
    assert request_timeout(found) == 2_000
    found.commit({ShadowKey(): None})
    assert request_timeout(found) is None


def test_every_effective_value_knows_where_it_was_written() -> None:
    found = engine(
        timeout("all", "9s", namespace="sekisho-system"),
        timeout("cart", "1s", to={"kind": "Service", "name": "cart"}),
    )
    merged = for_destination(found.read, "Timeout", CLIENT, CART)
    path = "spec.to[0].default.http.requestTimeout"
    assert merged.origins == (("http.requestTimeout", Origin(ResourceId("Timeout", "shop", "cart"), path)),)


def test_an_edit_costs_only_whom_it_concerns() -> None:
    found = Engine([_FORWARDS])
    found.commit({**BASE, **timeout("cart", "1s", to={"kind": "Service", "name": "cart"})})
    found.runs.clear()
    changes = found.commit(timeout("cart", "2s", to={"kind": "Service", "name": "cart"}))
    assert list(changes.outputs[_FORWARDS]) == [CART.resource]
    assert found.runs["forwards"] == 1
    found.runs.clear()
    found.commit(leaf("Retry", "r", {"to": [{"targetRef": {"kind": "Service", "name": "stock"}}]}))
    assert found.runs["policy_values._for_destination"] == 1, "nothing but the Retry of stock is merged"


def _forward(read: Any, resource: ResourceId) -> ir.Forward:
    share = ir.Share(cluster="x", weight=1, origin=Origin(resource))
    destination = Destination(*resource, 80)
    return effective.forward_with_policies(read, CLIENT, ir.Forward(shares=(share,)), destination, None)


_FORWARDS = output("forwards", source="Service", build=_forward)
INBOUNDS = output("ports", source="Workload", build=lambda read, key: tuple(
    inbound(read, key, port) for port in inbound_ports(read, key)
))  # fmt: skip


def port(found: Engine) -> ir.Inbound:
    return inbound(found.read, CART_1, 8080)


def test_nobody_may_call_without_a_permission() -> None:
    assert port(engine()).permissions == ir.Permissions()
    assert not port(engine()).inspected


def test_permissions_of_all_policies_count_and_requests_are_read_only_where_needed() -> None:
    allow = leaf("TrafficPermission", "a", {"rules": [{"default": {"allow": [{"namespaces": ["web"]}]}}]})
    found = port(engine(allow))
    assert [rule.caller.identities for rule in found.permissions.rules] == [
        (Text("prefix", "spiffe://default.default.mesh.local/ns/web"),)
    ]
    assert not found.inspected
    deny = {"rules": [{"default": {"deny": [{"paths": [{"value": "/admin"}]}]}}]}
    found = port(engine(allow, leaf("TrafficPermission", "b", deny, "sekisho-system")))
    assert len(found.permissions.rules) == 2
    assert found.inspected


def test_a_rate_works_for_a_whole_mesh_a_service_and_a_port() -> None:
    found = engine(
        rate("all", 1, namespace="sekisho-system"),
        rate("service", 2, target={"kind": "Service", "name": "cart", "sectionName": "web"}),
        rate("port", 3, target={"kind": "Workload", "sectionName": "main"}),
    )
    (limit,) = port(found).rate_limits
    assert limit.value == ir.RateLimit(tokens=3, interval_ms=1_000)
    found.commit({ResourceId("RateLimit", "shop", "port"): None})
    assert port(found).rate_limits[0].value == ir.RateLimit(tokens=2, interval_ms=1_000)
    found.commit({ResourceId("RateLimit", "shop", "service"): None})
    assert port(found).rate_limits[0].value == ir.RateLimit(tokens=1, interval_ms=1_000)


def test_a_policy_of_another_namespace_has_no_rules_for_this_one() -> None:
    assert not port(engine(rate("a", 1, namespace="web"))).rate_limits


def test_where_bytes_are_spoken_nothing_depends_on_requests() -> None:
    deny = {"rules": [{"default": {"deny": [{"methods": ["GET"]}]}}]}
    found = engine(rate("a", 1), leaf("TrafficPermission", "t", deny))
    ports = [{"port": 80, "targetPort": 8080}]
    plain = leaf("Service", "cart", {"ports": ports, "selector": {"app": "cart"}})
    found.commit(plain)
    assert not port(found).inspected
    assert not port(found).rate_limits
    assert port(found).permissions.rules[0].caller == ir.Caller()


COLLECTOR = {"collector": {"address": "10.0.0.9", "port": 4317}}
IN_MESH = {"collector": {"service": {"name": "otel", "port": 4317}}}


def test_collectors_have_clusters_apart_for_calls_and_for_what_is_taken_in() -> None:
    tracing = {"default": {"backends": [{"type": "OpenTelemetry", "openTelemetry": COLLECTOR}]}}
    log = {"type": "OpenTelemetry", "openTelemetry": IN_MESH}
    logs = {"to": [{"targetRef": MESH, "default": {"backends": [log]}}]}
    found = engine(
        leaf("Tracing", "t", tracing, "sekisho-system"), leaf("AccessLog", "l", logs, "sekisho-system")
    )
    assert [one.name for one in helper_clusters(found.read, CLIENT)] == ["collector/address/10.0.0.9/4317"]
    assert [one.name for one in helper_clusters(found.read, CART_1)] == [
        "inbound/collector/address/10.0.0.9/4317"
    ]
    inside = Destination("Service", "sekisho-system", "otel", 4317)
    assert helper_destinations(found.read, CLIENT) == (inside,)
    assert helper_destinations(found.read, CART_1) == ()
    traced = port(found).tracing
    assert traced is not None
    assert traced.cluster == "inbound/collector/address/10.0.0.9/4317"


def attached(found: Engine, kind: str, name: str, namespace: str = "shop") -> tuple[str, str]:
    status = policy_status(found.read, ResourceId(kind, namespace, name))
    told = status["conditions"][1]
    return told["reason"], told["message"]


def test_a_policy_is_told_how_many_proxies_it_reaches() -> None:
    found = engine(
        workload("cart-2", "cart"),
        workload("web-1", "web", "web"),
        timeout("system", "1s", namespace="sekisho-system"),
        timeout("own", "1s"),
        timeout("cart", "1s", target={"kind": "Workload", "labels": {"app": "cart"}}),
        timeout("none", "1s", target={"kind": "Workload", "name": "nobody"}),
        timeout("route", "1s", target={"kind": "HTTPRoute", "name": "gone"}),
        rate("service", 1, target={"kind": "Service", "name": "cart"}),
    )
    assert attached(found, "Timeout", "system", "sekisho-system") == ("Attached", "For 3 proxies.")
    assert attached(found, "Timeout", "own") == ("Attached", "For 2 proxies.")
    assert attached(found, "Timeout", "cart") == ("Attached", "For 2 proxies.")
    assert attached(found, "RateLimit", "service") == ("Attached", "For 2 proxies.")
    assert attached(found, "Timeout", "none") == ("NoProxies", "No proxy is picked.")
    assert attached(found, "Timeout", "route")[0] == "TargetNotFound"


TARGETS = [None, {"kind": "Workload"}, {"kind": "Workload", "labels": {"app": "cart"}}]
DESTINATIONS = [
    MESH,
    {"kind": "Service", "namespace": "shop", "name": "cart"},
    {"kind": "Service", "labels": {"team": "stock"}},
]
SERVERS = [None, {"kind": "Service", "name": "cart"}, {"kind": "Workload", "sectionName": "8080"}]
SPACES = st.sampled_from(["shop", "web", "sekisho-system"])
TIMEOUTS = st.builds(
    timeout,
    st.sampled_from("ab"), st.sampled_from(["1s", "2s"]), st.sampled_from(DESTINATIONS), SPACES,
    st.sampled_from(TARGETS),
)  # fmt: skip
RATES = st.builds(
    rate,
    st.sampled_from("ab"), st.integers(1, 3), st.sampled_from(SERVERS),
    st.sampled_from([None, [{"namespaces": ["web"]}]]), SPACES,
)  # fmt: skip
OTHERS = st.sampled_from([
    service("cart"), service("stock"), workload("cart-1", "cart"), workload("cart-1", "stock"),
    {ResourceId("Service", "shop", "cart"): None}, {ResourceId("Timeout", "shop", "a"): None},
    {ResourceId("Mesh", "", "default"): None}, leaf("Mesh", "default"), {ShadowKey(): True},
    {ResourceId("RateLimit", "shop", "a"): None},
])  # fmt: skip
EDITS = st.one_of(TIMEOUTS, TIMEOUTS.map(shadowed), RATES, OTHERS)
_SELECTED = output("selected", source="Workload", build=effective.selected_policies)
_POLICY_STATUS = output("policy status", source=("Timeout", "RateLimit"), build=policy_status)
_ALL = (_FORWARDS, INBOUNDS, _SELECTED, _POLICY_STATUS)


def everything(found: Engine) -> Mapping[str, Any]:
    return {one.name: {key: found.value(one, key) for key in found.keys(one)} for one in _ALL}


@settings(max_examples=60)
@given(st.lists(EDITS, max_size=10))
def test_incremental_equals_from_scratch(edits: list[Leaves]) -> None:
    grown, world = Engine(_ALL), dict(BASE)
    assert not grown.commit(BASE).failures
    for edit in edits:
        assert not grown.commit(edit).failures
        world |= edit
    fresh = Engine(_ALL)
    fresh.commit({key: value for key, value in world.items() if value is not None})
    assert everything(grown) == everything(fresh)
