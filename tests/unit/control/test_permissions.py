"""What `sekisho permissions` tells: who may call whom, for what, and because of which rule."""

from typing import Any

from tests.kit.tokens import Issuer
from tests.unit.translate.mesh.mesh import DOMAIN, Mesh, application, member, mesh, permission, shop
from tests.unit.translate.world import document

from sekisho.client.reviews import Permission, PermissionSpec, PortVerdict
from sekisho.control.permissions import permissions
from sekisho.control.shadow import shadow_engine

WEB = {"spiffeID": {"type": "Exact", "value": f"{DOMAIN}/ns/shop/sa/web"}}
ADMIN = {"paths": [{"value": "/admin"}]}


def ask(found: Mesh, client: str = "shop/web-1", server: str = "shop/cart", **fields: Any) -> Permission:
    spec = PermissionSpec(client=client, server=server, **fields)
    read = shadow_engine(found.engine).read if spec.shadow else found.engine.read
    return permissions(read, spec)


def only(found: Permission) -> PortVerdict:
    (port,) = found.ports
    return port


def test_by_default_nobody_may_call() -> None:
    found = ask(shop(open_to_all=False))
    assert (found.allowed, only(found).verdict) == (False, "denied")
    assert found.outcome == "shop/web-1 may not call shop/cart"


def test_it_says_who_both_are_and_what_is_spoken() -> None:
    found = ask(shop())
    port = only(found)
    assert (found.client, found.identity, found.address) == (
        "Workload/shop/web-1", f"{DOMAIN}/ns/shop/sa/web", "10.0.0.1",
    )  # fmt: skip
    assert (port.port, port.workloads, port.identity) == (
        80, ("shop/cart-1",), f"{DOMAIN}/ns/shop/sa/cart",
    )  # fmt: skip
    assert (port.speaks, port.mode, port.verdict) == ("HTTP", "Strict", "allowed")


def test_without_a_request_rules_on_requests_make_it_depend() -> None:
    policy = permission("cart", WEB, namespace="shop", deny=[ADMIN, {"namespaces": ["other"]}])
    port = only(ask(shop(policy, open_to_all=False)))
    assert port.verdict == "conditional"
    assert [(rule.effect, rule.who, rule.requests) for rule in port.rules] == [
        ("deny", "everybody", "path /admin/*"),
        ("allow", f"{DOMAIN}/ns/shop/sa/web", ""),
    ]
    assert port.others == 1
    assert "cannot be complete" in port.warnings[0]


def test_a_request_is_judged_as_envoy_normalises_it() -> None:
    served = shop(permission("cart", WEB, namespace="shop", deny=[ADMIN]), open_to_all=False)
    denied = only(ask(served, path="/x/..//%61dmin/1?a"))
    assert denied.verdict == "denied"
    assert denied.origin == "TrafficPermission/shop/cart spec.rules[0].default.deny[0]"
    allowed = only(ask(served, path="/ADMIN"))
    assert (allowed.verdict, allowed.origin) == (
        "allowed", "TrafficPermission/shop/cart spec.rules[0].default.allow[0]",
    )  # fmt: skip
    assert only(ask(served, path="/x%2fadmin")).why.startswith("answered 307")


def test_method_and_headers_count() -> None:
    served = shop(
        permission(
            "cart", WEB | {"methods": ["GET"], "headers": [{"name": "x-a", "value": "1"}]}, namespace="shop"
        ),
        open_to_all=False,
    )
    assert ask(served, path="/", headers=(("X-A", "1"),)).allowed
    assert not ask(served, path="/", headers=(("X-A", "2"),)).allowed
    assert not ask(served, path="/", method="POST", headers=(("X-A", "1"),)).allowed


BUYER = {"claims": [{"name": "realm.role", "value": "buyer"}]}
PROVIDER = {"name": "shop", "issuer": "https://login", "jwks": {"inline": Issuer().keys}}


def test_claims_count_where_the_mesh_can_verify_tokens() -> None:
    served = shop(permission("cart", BUYER, namespace="shop"), open_to_all=False)
    told = ask(served, path="/", claims=(("realm.role", "buyer"),))
    assert not told.allowed
    assert "no jwtProviders" in only(told).warnings[0]
    served.apply(mesh(jwtProviders=[PROVIDER]))
    told = ask(served, path="/", claims=(("realm.role", "buyer"),))
    assert told.allowed
    assert not only(told).warnings
    assert not ask(served, path="/", claims=(("realm.role", "guest"),)).allowed
    assert not ask(served, path="/").allowed


def test_file_and_line_of_the_rule_are_told() -> None:
    policy = permission("cart", WEB, namespace="shop")
    policy["metadata"]["annotations"] = {"sekisho.dev/source": "permissions.yaml:7"}
    port = only(ask(shop(policy, open_to_all=False), path="/"))
    assert (port.file, port.line) == ("permissions.yaml", 7)
    assert (port.rules[0].file, port.rules[0].line) == ("permissions.yaml", 7)


def test_on_a_port_of_bytes_requests_play_no_part() -> None:
    served = shop(
        application("db", "241.0.0.3", port={"name": "tcp"}),
        member("db-1", "db", "10.0.0.3"),
        permission("db", WEB, namespace="shop"),
        open_to_all=False,
    )
    port = only(ask(served, server="shop/db", path="/admin"))
    assert (port.speaks, port.verdict) == ("TCP", "allowed")
    assert "play no part" in port.warnings[0]


def test_instances_that_decide_alike_are_told_of_together() -> None:
    served = shop(member("cart-2", "cart", "10.0.0.4"), member("cart-3", "cart", "10.0.0.5"))
    assert only(ask(served)).workloads == ("shop/cart-1", "shop/cart-2", "shop/cart-3")
    denial = permission("third", {}, namespace="shop", deny=[{}])
    denial["spec"]["targetRef"] = {"kind": "Workload", "name": "cart-3"}
    served.apply(denial)
    found = ask(served)
    assert {port.verdict: port.workloads for port in found.ports} == {
        "allowed": ("shop/cart-1", "shop/cart-2"), "denied": ("shop/cart-3",),
    }  # fmt: skip
    assert found.outcome == "shop/web-1 may call some ports or instances of shop/cart"


def test_who_has_no_sidecar_is_nobody_and_guards_nothing() -> None:
    plain = document("Workload", "plain", spec={"address": "10.0.0.9", "ports": [{"port": 8080}]})
    served = shop(plain)
    refused = only(ask(served, client="shop/plain"))
    assert (refused.verdict, refused.why) == (
        "denied", "only members of the mesh are let in, by mutual TLS (Strict)",
    )  # fmt: skip
    assert only(ask(served, server="shop/plain")).why.startswith("there is no sidecar")


def test_shadow_counts_what_is_in_shadow() -> None:
    policy = permission("later", {}, namespace="shop", deny=[ADMIN])
    policy["metadata"]["labels"] = {"sekisho.dev/effect": "shadow"}
    served = shop(policy)
    assert ask(served, path="/admin").allowed
    assert not ask(served, path="/admin", shadow=True).allowed
    assert ask(served, path="/", shadow=True).allowed
    assert only(ask(served)).verdict == "allowed"


def test_a_shadow_denial_is_told_and_denies_only_when_shadow_counts() -> None:
    served = shop(permission("later", namespace="shop", allowWithShadowDeny=[ADMIN]))
    port = only(ask(served, path="/admin"))
    assert port.verdict == "allowed"
    assert port.shadow == "TrafficPermission/shop/later spec.rules[0].default.allowWithShadowDeny[0]"
    assert only(ask(served, path="/admin", shadow=True)).verdict == "denied"


def test_what_is_not_there_is_said() -> None:
    served = shop()
    assert ask(served, client="shop/x").outcome == "there is no Workload, Gateway or Service shop/x"
    assert ask(served, server="shop/x").outcome == "there is no Service or Workload shop/x"
    assert ask(served, port=81).outcome == "shop/cart has no such port"
    assert not ask(served, port=81).allowed
