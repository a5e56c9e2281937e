"""Who is let in by identity alone need not be asked; who else might be is asked as ever."""

import re
from typing import Any

import pytest
from tests.kit.sidecar import ORIGIN, inbound, spiffe_id

from sekisho import envoy, ir
from sekisho.envoy.known_callers import CALLER, LONGEST, known_callers
from sekisho.envoy.lint import lint
from sekisho.protos import unpack

CART, WEB = spiffe_id("cart"), spiffe_id("web")
ALLOW_FILTER = "envoy.filters.http.rbac.allow"


def rule(*identities: tuple[str, str], effect: ir.Effect = ir.Effect.ALLOW, **more: Any) -> ir.PermissionRule:
    texts = tuple(ir.Text(kind, value) for kind, value in identities)  # type: ignore[arg-type]
    return ir.PermissionRule(effect=effect, caller=ir.Caller(identities=texts, **more), origin=ORIGIN)


def permissions(*rules: ir.PermissionRule) -> ir.Permissions:
    return ir.Permissions(rules=rules)


def is_known(identity: str, found: list[dict[str, Any]]) -> bool:
    if not found:
        return False
    matcher = found[0]["string_match"]
    if "exact" in matcher:
        return bool(matcher["exact"] == identity)
    return re.fullmatch(matcher["safe_regex"]["regex"], identity) is not None


@pytest.mark.parametrize(
    ("rules", "known", "unknown"),
    [
        ([rule(("exact", CART))], [CART], [WEB, f"{CART}s", CART.replace(".", "x")]),
        ([rule(("exact", CART)), rule(("exact", WEB))], [CART, WEB], [f"{WEB}s", f"{CART}|{WEB}", ""]),
        ([rule(("prefix", "spiffe://a.b/ns/x"))], ["spiffe://a.b/ns/x/sa/y"], ["spiffe://a.b/ns/xy", CART]),
        ([rule()], [CART, WEB], [""]),
        ([rule(("exact", CART)), rule(("exact", CART), effect=ir.Effect.DENY)], [CART], [WEB]),
    ],
    ids=[
        "one",
        "two",
        "a prefix covers whole segments",
        "everybody with an identity",
        "denials are not asked",
    ],
)
def test_whoever_a_rule_names_and_says_no_more_about_is_known(
    rules: list[ir.PermissionRule], known: list[str], unknown: list[str]
) -> None:
    found = known_callers(permissions(*rules))
    assert [is_known(each, found) for each in known] == [True] * len(known)
    assert not any(is_known(each, found) for each in unknown)


@pytest.mark.parametrize(
    "found",
    [
        permissions(),
        permissions(rule(("exact", CART), methods=("GET",))),
        permissions(rule(("exact", CART), source_ranges=("10.0.0.0/8",))),
        permissions(rule(("exact", CART), server_names=("a",))),
        permissions(rule(("regex", ".*"))),
        permissions(rule(("exact", CART), effect=ir.Effect.DENY)),
        permissions(rule(("exact", CART)), rule(("exact", WEB), effect=ir.Effect.SHADOW_DENY)),
        permissions(*(rule(("exact", spiffe_id(f"number-{number}"))) for number in range(LONGEST // 40))),
    ],
    ids=["nobody", "method", "address", "server name", "pattern", "denied", "counted", "too many"],
)
def test_where_more_is_asked_for_nobody_is_known(found: ir.Permissions) -> None:
    assert known_callers(found) == []


def test_only_the_route_for_known_callers_is_without_the_filter_and_everybody_else_meets_it() -> None:
    wanted = inbound(80, 8080, permissions=permissions(rule(("exact", CART))))
    made = envoy.inbound_route_configuration(wanted)
    short, long = made.virtual_hosts[0].routes
    assert [(state.key, state.string_match.exact) for state in short.match.filter_state] == [(CALLER, CART)]
    assert unpack(short.typed_per_filter_config[ALLOW_FILTER]).disabled
    assert not long.match.filter_state
    assert not long.typed_per_filter_config
    assert short.route == long.route
    assert lint(made) == []


def test_the_short_way_leaves_no_denial_out() -> None:
    denial = rule(("exact", CART), effect=ir.Effect.DENY, methods=("DELETE",))
    made = envoy.inbound_route_configuration(
        inbound(80, 8080, permissions=permissions(rule(("exact", CART)), denial))
    )
    host = made.virtual_hosts[0]
    assert list(host.routes[0].typed_per_filter_config) == [ALLOW_FILTER]
    assert unpack(host.typed_per_filter_config["envoy.filters.http.rbac.deny"]).rbac.HasField("rules")


def test_without_mutual_tls_nobody_is_known() -> None:
    wanted = inbound(80, 8080, tls=None, permissions=permissions(rule(("exact", CART))))
    assert len(envoy.inbound_route_configuration(wanted).virtual_hosts[0].routes) == 1


def test_a_short_way_that_does_not_look_at_who_calls_is_found() -> None:
    made = envoy.inbound_route_configuration(
        inbound(80, 8080, permissions=permissions(rule(("exact", CART))))
    )
    made.virtual_hosts[0].routes[0].match.ClearField("filter_state")
    assert any("switches permissions off" in finding for finding in lint(made))
