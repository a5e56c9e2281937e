"""Who may call, in Envoy's words: nothing that is not said lets anybody in."""

import pytest
from tests.kit.sidecar import ORIGIN, TRUST_DOMAIN, inbound, spiffe_id

from sekisho import envoy, ir
from sekisho.envoy.callers import policy
from sekisho.envoy.mesh_tls import mutual_tls
from sekisho.envoy.rbac import http_rbac, network_rbac, rbac_per_route
from sekisho.envoy.sds import NOBODY
from sekisho.protos import unpack

HTTP_ONLY = ir.Caller(methods=("GET",))
WEB = ir.Caller(identities=(ir.Text("exact", spiffe_id("web")),))


def permissions(*rules: tuple[ir.Effect, ir.Caller]) -> ir.Permissions:
    return ir.Permissions(
        rules=tuple(
            ir.PermissionRule(effect=effect, caller=caller, origin=ORIGIN) for effect, caller in rules
        )
    )


def allow_stage(given: ir.Permissions) -> object:
    return unpack(network_rbac(given, "a")[-1]["typed_config"]).rules


def test_without_rules_the_filters_let_nobody_in() -> None:
    deny, allow = (unpack(each["typed_config"]) for each in http_rbac())
    assert not deny.HasField("rules")
    assert allow.HasField("rules")
    assert (allow.rules.action, len(allow.rules.policies)) == (0, 0)
    route = unpack(rbac_per_route(ir.Permissions())["envoy.filters.http.rbac.allow"])
    assert route.rbac.HasField("rules")
    assert not route.rbac.rules.policies


def test_on_bytes_a_permission_that_asks_about_requests_lets_nobody_in() -> None:
    assert not allow_stage(permissions((ir.Effect.ALLOW, HTTP_ONLY))).policies  # type: ignore[attr-defined]


def test_on_bytes_a_denial_that_asks_about_requests_denies_whoever_it_may_mean() -> None:
    given = permissions((ir.Effect.DENY, HTTP_ONLY), (ir.Effect.ALLOW, ir.Caller()))
    rules = unpack(network_rbac(given, "a")[0]["typed_config"]).rules
    (denied,) = rules.policies.values()
    assert denied.permissions[0].any


def test_a_port_that_is_not_read_refuses_denials_that_ask_about_requests() -> None:
    given = permissions((ir.Effect.DENY, HTTP_ONLY), (ir.Effect.ALLOW, ir.Caller()))
    with pytest.raises(ValueError, match="not read on this port"):
        envoy.inbound_listener(inbound(80, 8080, inspected=False, permissions=given))


def test_everybody_is_any() -> None:
    assert policy(None, over_http=True) == policy(ir.Caller(), over_http=True)
    assert policy(None, over_http=True) == {"permissions": [{"any": True}], "principals": [{"any": True}]}


def names(given: ir.Permissions | None) -> list[str]:
    tls = ir.MutualTls(trust_domains=(TRUST_DOMAIN,))
    context = unpack(mutual_tls(tls, "sekisho", given)["typed_config"]).common_tls_context
    found = context.combined_validation_context.default_validation_context.match_typed_subject_alt_names
    return [each.matcher.exact or each.matcher.prefix for each in found]


def test_where_bytes_are_not_read_only_those_a_permission_names_finish_the_handshake() -> None:
    everybody = [f"spiffe://{TRUST_DOMAIN}/"]
    assert names(None) == everybody
    assert names(permissions((ir.Effect.ALLOW, WEB))) == [spiffe_id("web")]
    assert names(permissions((ir.Effect.ALLOW, WEB), (ir.Effect.ALLOW, ir.Caller()))) == everybody
    assert names(permissions((ir.Effect.ALLOW, HTTP_ONLY))) == [NOBODY]
    assert names(permissions((ir.Effect.DENY, WEB))) == [NOBODY]
    foreign = ir.Caller(identities=(ir.Text("exact", spiffe_id("web", domain=f"{TRUST_DOMAIN}.test")),))
    assert names(permissions((ir.Effect.ALLOW, foreign))) == [NOBODY]


@pytest.mark.parametrize("inspected", [True, False])
def test_members_are_asked_first_whether_they_are_one(inspected: bool) -> None:
    for chain in envoy.inbound_listener(inbound(80, 8080, inspected=inspected)).filter_chains:
        first = unpack(chain.filters[0].typed_config)
        [rule] = first.matcher.matcher_list.matchers
        assert rule.predicate.single_predicate.value_match.contains == ","
        assert unpack(rule.on_match.action.typed_config).action == 1
        assert unpack(first.matcher.on_no_match.action.typed_config).action == 0


@pytest.mark.parametrize(("application", "source"), [("10.0.0.1", "127.0.0.6"), ("fd00::1", "::6")])
def test_a_captured_application_is_called_from_an_address_that_is_not_captured(
    application: str, source: str
) -> None:
    cluster = envoy.inbound_cluster(inbound(80, 80, bound=False, target_address=application))
    assert cluster.upstream_bind_config.source_address.address == source
    assert not envoy.inbound_cluster(inbound(80, 80)).HasField("upstream_bind_config")
