"""What `sekisho explain --from` tells: hop by hop, who decided."""

from typing import Any

from tests.unit.translate.mesh.mesh import DOMAIN, Mesh, application, member, permission, service_route, shop
from tests.unit.translate.world import backend, document, http_route, route, rule

from sekisho.client.reviews import Explanation, ExplanationSpec
from sekisho.control.explain import explain
from sekisho.control.shadow import shadow_engine
from sekisho.translate.outputs import LISTENERS

CART = "http://cart.shop.svc.mesh.local"


def ask(found: Mesh, url: str, client: str = "shop/web-1", **fields: Any) -> Explanation:
    engine = shadow_engine(found.engine) if fields.get("shadow") else found.engine
    return explain(engine, [], ExplanationSpec(url=url, client=client, **fields))


def rows(found: Explanation) -> list[tuple[str, str, str]]:
    return [(step.what, step.name, step.detail) for step in found.steps]


def policy(kind: str, default: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    entry = {"targetRef": {"kind": "Service", "name": "cart"}, "default": default}
    return document(kind, "cart", metadata=metadata, spec={"to": [entry]})


def test_every_hop_is_told_with_who_decided_it() -> None:
    found = ask(shop(service_route("r", "cart", path="/items")), f"{CART}/items?x")
    assert found.outcome == "forwarded to shop/cart/80"
    assert rows(found) == [
        ("caller", "Workload/shop/web-1", f"{DOMAIN}/ns/shop/sa/web"),
        ("name", "cart.shop.svc.mesh.local", "is 241.0.0.2 and fd5e:6b69:7368:6f::f100:2"),
        ("outbound", "outbound/shop/cart/80", "port 80, HTTP is read"),
        ("route", "shop/r/0/0", "path prefix /items"),
        ("backend", "shop/cart/80", "1 ready endpoint"),
        ("cluster", "shop/cart/80", "HTTP/2 over mutual TLS, connect timeout 5000 ms"),
        ("tls", "80.cart.shop.default.default.sekisho", f"expects {DOMAIN}/ns/shop/sa/cart"),
        ("endpoint", "10.0.0.2:8080", "Workload/shop/cart-1, behind its sidecar"),
        ("inbound", "inbound/8080", "mutual TLS Strict, HTTP is read"),
        ("permission", "allowed", "everybody"),
        ("application", "10.0.0.2:8080", "http/1.1"),
    ]
    assert found.steps[9].origin == "TrafficPermission/sekisho-system/all spec.rules[0].default.allow[0]"


def test_values_of_policies_are_told_once_with_the_field_that_decided() -> None:
    served = shop(policy("Timeout", {"connectionTimeout": "2s", "http": {"requestTimeout": "3s"}}))
    found = ask(served, CART)
    said = [(step.name, step.detail, step.origin) for step in found.steps if step.what == "policy"]
    assert said == [
        ("Timeout connectionTimeout", "2s", "Timeout/shop/cart spec.to[0].default.connectionTimeout"),
        ("Timeout http.requestTimeout", "3s", "Timeout/shop/cart spec.to[0].default.http.requestTimeout"),
    ]
    assert ("cluster", "shop/cart/80", "HTTP/2 over mutual TLS, connect timeout 2000 ms") in rows(found)
    assert "filter" not in {step.what for step in found.steps}


def byte_route(kind: str, *backends: dict[str, Any], **spec: Any) -> dict[str, Any]:
    parents = [{"group": "", "kind": "Service", "name": "db"}]
    return route(kind, "r", rule(*backends), parents=parents, **spec)


def database(*documents: dict[str, Any]) -> Mesh:
    """The shop, and a database that speaks something of its own."""
    return shop(
        application("db", "241.0.0.5", port={"name": "x"}), member("db-1", "db", "10.0.0.5"), *documents
    )


DATABASE = "tcp://db.shop.svc.mesh.local:80"


def test_bytes_that_a_route_splits_are_told_with_each_backend() -> None:
    found = ask(database(byte_route("TCPRoute", backend("cart", weight=3), backend("db"))), DATABASE)
    assert found.outcome == "forwarded to shop/cart/80 or shop/db/80"
    said = rows(found)
    assert ("route", "TCPRoute/shop/r", "bytes are passed on") in said
    assert ("backend", "shop/cart/80", "weight 3 of 4") in said
    assert ("cluster", "shop/cart/80", "bytes as they are over mutual TLS, connect timeout 5000 ms") in said
    assert ("application", "10.0.0.5:8080", "tcp") in said


def test_bytes_for_a_backend_that_leads_nowhere_are_told_to_be_refused() -> None:
    broken = "refused: a backend leads nowhere, and its share of connections is closed"
    some = database(byte_route("TCPRoute", backend("db"), backend("nobody")))
    assert ask(some, DATABASE).outcome == f"forwarded to shop/db/80; {broken}"
    assert ("backend", "nowhere", "weight 1 of 2") in rows(ask(some, DATABASE))
    assert ask(database(byte_route("TCPRoute", backend("nobody"))), DATABASE).outcome == broken
    empty = database(application("none", "241.0.0.6"), byte_route("TCPRoute", backend("none")))
    assert ask(empty, DATABASE).outcome == "refused: shop/none/80 has no ready endpoint"


def test_tls_of_the_application_goes_by_the_name_that_is_called() -> None:
    host = "db.shop.svc.mesh.local"
    found = database(byte_route("TLSRoute", backend("cart"), hostnames=["*.svc.mesh.local", "a.example.com"]))
    assert ask(found, f"https://{host}:80").outcome == "forwarded to shop/cart/80"
    unnamed = ask(found, "https://db.shop.svc.cluster.local:80")
    assert unnamed.outcome == "refused: no TLSRoute of Service/shop/db is for this server name"


def test_a_denial_at_the_server_is_the_outcome() -> None:
    served = shop(permission("cart", namespace="shop", deny=[{"methods": ["POST"]}]))
    found = ask(served, CART, method="POST")
    why = "denied by TrafficPermission/shop/cart spec.rules[0].default.deny[0]"
    assert found.outcome == f"answered 403: {why}"
    assert rows(found)[-1] == ("permission", "denied", "everybody; POST")
    assert ask(served, CART).outcome == "forwarded to shop/cart/80"


def test_instances_that_decide_otherwise_are_told_apart() -> None:
    denial = permission("second", namespace="shop", deny=[{}])
    denial["spec"]["targetRef"] = {"kind": "Workload", "name": "cart-2"}
    found = ask(
        shop(member("cart-2", "cart", "10.0.0.3"), member("cart-3", "cart", "10.0.0.4"), denial), CART
    )
    assert found.outcome.startswith(
        "forwarded to shop/cart/80; refused: denied by TrafficPermission/shop/second"
    )
    assert found.outcome.endswith("at some instances")
    assert ("endpoint", "1 more", "in the same way") in rows(found)


def test_an_address_is_as_good_as_a_name_and_bytes_as_good_as_requests() -> None:
    served = shop(application("db", "241.0.0.3", port={"name": "tcp"}), member("db-1", "db", "10.0.0.3"))
    found = ask(served, "tcp://241.0.0.3:80")
    assert found.outcome == "forwarded to shop/db/80"
    assert ("outbound", "outbound/shop/db/80", "port 80, bytes are passed on") in rows(found)
    assert ("inbound", "inbound/8080", "mutual TLS Strict, bytes are passed on") in rows(found)


def test_what_does_not_get_far_says_why() -> None:
    served = shop(service_route("r", "cart", path="/items"), open_to_all=False)
    served.apply(permission("cart", {"namespaces": ["shop"]}, namespace="shop"))
    outcomes = {
        f"{CART}/other": "answered 404: routes are attached to the Service, and none of them matches",
        f"{CART}:81/items": "refused: Service/shop/cart has no port 81 (it has 80)",
        f"{CART}/items%2F1": (
            "redirected (307) to /items/1: a path with an escaped slash is sent back to be written plainly"
        ),
        "http://example.com/": "forwarded to example.com, outside the mesh",
    }
    assert {url: ask(served, url).outcome for url in outcomes} == outcomes
    assert ask(served, CART, "shop/nobody").outcome == "there is no workload shop/nobody"


def test_an_address_of_the_mesh_that_is_nobodys_does_not_lead_outside() -> None:
    told = ask(shop(), "http://241.0.9.9/").outcome
    assert told == "refused: 241.0.9.9 is a virtual address of nothing that this workload may call"
    assert ask(shop(), "http://192.0.2.1/").outcome == "forwarded to 192.0.2.1, outside the mesh"


def test_the_address_of_an_instance_leads_past_the_mesh_and_the_name_is_told() -> None:
    assert ask(shop(), "http://10.0.0.2:8080/").outcome == (
        "forwarded to 10.0.0.2, past the mesh, though it is an instance of Service/shop/cart: "
        "call cart.shop.svc.cluster.local"
    )


def test_a_headless_service_is_called_at_its_instances() -> None:
    headless = application("db", "None")
    served = shop(headless, member("db-1", "db", "10.0.0.3"))
    found = ask(served, "http://db.shop.svc.mesh.local")
    assert ("name", "db.shop.svc.mesh.local", "headless: 10.0.0.3") in rows(found)
    assert found.outcome == "forwarded to the instance that is chosen, its bytes as they are"
    by_loopback = member("plain-1", "plain", "10.0.0.4", sidecar={})
    served.apply(by_loopback)
    told = ask(served, "http://db.shop.svc.mesh.local", client="shop/plain-1").outcome
    assert told.startswith("refused: Service/shop/db is headless, and without capture")
    assert ask(shop(headless), "http://db.shop.svc.mesh.local").outcome == (
        "refused: Service/shop/db has no ready instance"
    )


def test_what_admits_nobody_is_not_seen() -> None:
    found = ask(shop(open_to_all=False), CART)
    assert found.outcome == (
        "refused: no permission of Service/shop/cart can let it in, so its sidecar does not know it"
    )


def test_shadow_counts_what_is_in_shadow() -> None:
    later = policy("Timeout", {"http": {"requestTimeout": "9s"}}, labels={"sekisho.dev/effect": "shadow"})
    served = shop(later)
    assert "policy" not in {step.what for step in ask(served, CART).steps}
    shown = [step.name for step in ask(served, CART, shadow=True).steps if step.what == "policy"]
    assert shown == ["Timeout http.requestTimeout"]


def test_a_gateway_goes_on_into_the_mesh() -> None:
    listener = {"name": "http", "port": 8080, "protocol": "HTTP"}
    door = document("Gateway", "edge", spec={"gatewayClassName": "sekisho", "listeners": [listener]})
    to_cart = {"backendRefs": [{"name": "cart", "port": 80}]}
    served = shop(door, http_route("cart", to_cart), open_to_all=False)
    gateways = list(served.engine.keys(LISTENERS))
    url = ExplanationSpec(url="http://any.test/")
    refused = explain(served.engine, gateways, url)
    assert refused.outcome == "answered 403: no permission lets it in"
    edge = {"spiffeID": {"type": "Exact", "value": f"{DOMAIN}/ns/shop/sa/edge"}}
    served.apply(permission("cart", edge, namespace="shop"))
    found = explain(served.engine, gateways, url)
    assert found.outcome == "forwarded to shop/cart/80"
    assert ("permission", "allowed", f"{DOMAIN}/ns/shop/sa/edge") in rows(found)


def test_tls_of_an_application_is_told_with_the_mesh_around_it() -> None:
    listener = {"name": "http", "port": 8080, "protocol": "HTTP"}
    door = document("Gateway", "edge", spec={"gatewayClassName": "sekisho", "listeners": [listener]})
    validation = {"hostname": "cart.internal", "wellKnownCACertificates": "System"}
    targets = [{"group": "", "kind": "Service", "name": "cart"}]
    tls = document("BackendTLSPolicy", "cart", spec={"targetRefs": targets, "validation": validation})
    served = shop(door, http_route("cart", rule(backend("cart", 80))), tls)
    found = explain(
        served.engine, list(served.engine.keys(LISTENERS)), ExplanationSpec(url="http://any.test/")
    )
    assert found.outcome == "forwarded to shop/cart/80"
    told = rows(found)
    assert ("cluster", "shop/cart/80", "TLS to cart.internal, verified") in told
    assert ("tls", "80.cart.shop.default.default.sekisho", f"expects {DOMAIN}/ns/shop/sa/cart") in told
    assert ("inbound", "inbound/8080", "mutual TLS Strict, bytes are passed on") in told
