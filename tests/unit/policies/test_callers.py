"""`sekisho.policies.callers`, `rules` and `traffic_permission`: who is meant, and what holds for whom."""

from typing import Any

import msgspec
import pytest

from sekisho import ir
from sekisho.ir.callers import Effect, PermissionRule, Text
from sekisho.model.names import Origin, ResourceId
from sekisho.model.policies.rate_limit import RateLimitDefault
from sekisho.model.policies.traffic_permission import TrafficPermissionDefault
from sekisho.model.targets import RequestMatch
from sekisho.policies.callers import caller, covers, implies, specificity
from sekisho.policies.merging import Order, Part
from sekisho.policies.rules import EVERYBODY, Rule, chosen, together
from sekisho.policies.traffic_permission import needs_http, permission_rules, permissions, without_http

DOMAIN = "default.east.mesh.local"
SHOP = f"spiffe://{DOMAIN}/ns/shop"
POLICY = ResourceId("TrafficPermission", "shop", "p")


def match(**fields: Any) -> RequestMatch:
    return msgspec.convert(fields, RequestMatch)


def who(**fields: Any) -> ir.Caller:
    found = caller(match(**fields), DOMAIN)
    assert found is not None
    return found


def test_nothing_said_is_everybody() -> None:
    assert who() == EVERYBODY
    assert not who().needs_http


def test_all_conditions_are_taken_over() -> None:
    found = who(
        spiffeID={"type": "Exact", "value": f"{SHOP}/sa/cart"},
        sourceRanges=["10.0.0.0/8"],
        sni={"value": "Cart.Shop"},
        methods=["POST", "GET"],
        paths=[{"type": "PathPrefix", "value": "/a/"}, {"type": "Exact", "value": "/b"}],
        headers=[{"name": "X-A", "value": "1"}, {"name": "x-b", "type": "Present"}],
        claims=[{"name": "realm.role", "type": "Prefix", "value": "adm"}],
    )
    assert found == ir.Caller(
        identities=(Text("exact", f"{SHOP}/sa/cart"),),
        source_ranges=("10.0.0.0/8",),
        server_names=("cart.shop",),
        methods=("GET", "POST"),
        paths=(Text("exact", "/b"), Text("prefix", "/a")),
        headers=(("x-a", Text("exact", "1")), ("x-b", Text("present"))),
        claims=(("realm.role", Text("prefix", "adm")),),
    )
    assert found.needs_http


def test_a_namespace_is_known_by_identities_of_the_own_trust_domain() -> None:
    found = who(namespaces=["shop", "web"]).identities
    assert found == (Text("prefix", SHOP), Text("prefix", f"spiffe://{DOMAIN}/ns/web"))


@pytest.mark.parametrize(
    ("spiffe_id", "expected"),
    [
        ({"type": "Exact", "value": f"{SHOP}/sa/cart"}, (Text("exact", f"{SHOP}/sa/cart"),)),
        ({"type": "Prefix", "value": f"spiffe://{DOMAIN}"}, (Text("prefix", SHOP),)),
        ({"type": "Prefix", "value": f"{SHOP}/sa"}, (Text("prefix", f"{SHOP}/sa"),)),
        ({"type": "Exact", "value": f"spiffe://{DOMAIN}/ns/shopping/sa/x"}, None),
        ({"type": "Prefix", "value": f"spiffe://{DOMAIN}/ns/sho"}, None),
    ],
)
def test_an_identity_and_a_namespace_must_both_hold(spiffe_id: Any, expected: Any) -> None:
    found = caller(match(spiffeID=spiffe_id, namespaces=["shop"]), DOMAIN)
    assert (None if found is None else found.identities) == expected


def test_a_prefix_covers_whole_segments_only() -> None:
    wide = Text("prefix", "spiffe://a.b/ns/x")
    assert covers(wide, Text("exact", "spiffe://a.b/ns/x/sa/y"))
    assert covers(wide, Text("exact", "spiffe://a.b/ns/x"))
    assert not covers(wide, Text("exact", "spiffe://a.b/ns/xy"))
    assert not covers(Text("prefix", "spiffe://a.b"), Text("prefix", "spiffe://a.bc/x"))


EXACT = who(spiffeID={"type": "Exact", "value": f"{SHOP}/sa/cart"})
LONG = who(spiffeID={"type": "Prefix", "value": f"{SHOP}/sa"})
SHORT = who(spiffeID={"type": "Prefix", "value": SHOP})


def test_the_more_specific_caller_comes_first() -> None:
    others = [who(sni={"value": "a.b"}), who(sourceRanges=["10.1.0.0/16"]), who(sourceRanges=["10.0.0.0/8"])]
    others += [who(paths=[{"type": "Exact", "value": "/a"}]), who(paths=[{"value": "/a"}])]
    others += [who(methods=["GET"]), who(headers=[{"name": "a", "value": "b"}]), EVERYBODY]
    expected = [EXACT, LONG, SHORT, *others]
    mixed = [*expected[5:], *expected[:5]]
    assert sorted(mixed, key=specificity, reverse=True) == expected


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        (EXACT, LONG, True),
        (LONG, EXACT, False),
        (EXACT, EVERYBODY, True),
        (EVERYBODY, EXACT, False),
        (who(sourceRanges=["10.1.0.0/16"]), who(sourceRanges=["10.0.0.0/8", "fd00::/8"]), True),
        (who(sourceRanges=["10.0.0.0/8"]), who(sourceRanges=["fd00::/8"]), False),
        (who(methods=["GET"]), who(methods=["GET", "PUT"]), True),
        (who(paths=[{"value": "/a/b"}]), who(paths=[{"value": "/a"}]), True),
        (who(paths=[{"value": "/ab"}]), who(paths=[{"value": "/a"}]), False),
        (
            who(headers=[{"name": "a", "value": "1"}, {"name": "b", "value": "1"}]),
            who(headers=[{"name": "a", "value": "1"}]),
            True,
        ),
    ],
)
def test_whether_one_caller_surely_is_another_one(narrow: ir.Caller, wide: ir.Caller, expected: bool) -> None:
    assert implies(narrow, wide) is expected


def part(number: int, document: dict[str, Any]) -> Part:
    place = Order(0, False, 1, 0, 0, False, (number, 1), (1,), 0)  # noqa: FBT003
    origin = Origin(ResourceId("RateLimit", "shop", "p"), f"spec.rules[{number}].default")
    return Part(place, origin, document)


def rate(number: int) -> dict[str, Any]:
    return {"local": {"http": {"requestRate": {"num": number, "interval": "1s"}}}}


def test_what_is_for_everybody_lies_under_what_is_for_some_even_when_it_ranks_higher() -> None:
    refusal = {
        "local": {"http": {"requestRate": {"num": 9, "interval": "1s"}, "onRateLimit": {"status": 503}}}
    }
    found = chosen([Rule(EVERYBODY, part(9, refusal)), Rule(EXACT, part(1, rate(5)))], RateLimitDefault)
    some, rest = found
    assert some.caller == EXACT
    assert some.value.local.http.request_rate.num == 5
    assert some.value.local.http.on_rate_limit.status == 503
    assert rest.caller is None
    assert rest.value.local.http.request_rate.num == 9
    assert str(some.origin.path) == "spec.rules[1].default"


def test_of_the_same_callers_the_stronger_policy_wins() -> None:
    (found,) = chosen([Rule(EXACT, part(2, rate(2))), Rule(EXACT, part(1, rate(1)))], RateLimitDefault)
    assert found.value.local.http.request_rate.num == 2


def test_without_a_rule_for_everybody_others_get_nothing() -> None:
    (only,) = chosen([Rule(EXACT, part(1, rate(1)))], RateLimitDefault)
    assert only.caller == EXACT


def test_where_rules_hold_together_each_caller_has_all_that_surely_fit() -> None:
    rules = [Rule(one, part(number, rate(number))) for number, one in enumerate((EVERYBODY, SHORT, EXACT))]
    sizes = [(fitting[0].caller, len(fitting)) for fitting in together(rules)]
    assert sizes == [(EXACT, 3), (SHORT, 2), (None, 1)]


def default(**lists: Any) -> TrafficPermissionDefault:
    return msgspec.convert(lists, TrafficPermissionDefault)


def rules(**lists: Any) -> list[PermissionRule]:
    return list(permission_rules(POLICY, "spec.rules[0].default", default(**lists), DOMAIN))


def test_all_lists_of_all_policies_count_together_and_denials_are_told_first() -> None:
    allow = rules(allow=[{}, {"methods": ["GET"]}], allowWithShadowDeny=[{"methods": ["PUT"]}])
    found = permissions([*allow, *rules(deny=[{"sourceRanges": ["10.0.0.0/8"]}])])
    effects = [(rule.effect, rule.origin.path) for rule in found.rules]
    assert effects == [
        (Effect.DENY, "spec.rules[0].default.deny[0]"),
        (Effect.ALLOW, "spec.rules[0].default.allow[0]"),
        (Effect.ALLOW, "spec.rules[0].default.allow[1]"),
        (Effect.SHADOW_DENY, "spec.rules[0].default.allowWithShadowDeny[0]"),
    ]
    assert needs_http(found)


def test_a_narrow_denial_stays_beside_a_broad_permission() -> None:
    """What Kuma once got wrong (kumahq/kuma 16873)."""
    found = permissions([*rules(allow=[{}]), *rules(deny=[{"namespaces": ["shop"]}])])
    assert [rule.effect for rule in found.rules] == [Effect.DENY, Effect.ALLOW]


def test_where_requests_cannot_be_seen_denials_widen_and_permissions_go() -> None:
    lists = {"deny": [{"namespaces": ["shop"], "paths": [{"value": "/a"}]}]}
    found = without_http(permissions(rules(**lists, allow=[{"methods": ["GET"]}, {"namespaces": ["web"]}])))
    denied, allowed = found.rules
    assert denied.caller == ir.Caller(identities=(Text("prefix", SHOP),))
    assert allowed.caller == who(namespaces=["web"])


def test_a_match_that_no_caller_fits_permits_and_denies_nobody() -> None:
    never = {"namespaces": ["shop"], "spiffeID": {"type": "Exact", "value": "spiffe://other/x"}}
    assert rules(allow=[never], deny=[never]) == []
