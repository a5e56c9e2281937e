"""What policies put into a gateway's filters, and what hostnames and routes say to them."""

from typing import Any

from msgspec.structs import replace
from tests.kit.gateway import ORIGIN, TABLE, forward, plain_listener, route

from sekisho import envoy, ir
from sekisho.envoy.lint import lint
from sekisho.protos import unpack

FILTERS = ir.PolicyFilters(permissions=True, faults=2, rate_limit=True)
NAMES = (
    "envoy.filters.http.rbac.deny",
    "envoy.filters.http.rbac.allow",
    "envoy.filters.http.fault.0",
    "envoy.filters.http.fault.1",
    "envoy.filters.http.local_ratelimit",
)
LIMIT = ir.Treatment(rate_limit=ir.RateLimit(tokens=5, interval_ms=1000))
CLOSED = ir.Treatment(permissions=ir.Permissions())


def chain(listener: ir.Listener) -> list[str]:
    message = envoy.listener(listener)
    assert lint(message) == []
    manager = unpack(message.filter_chains[0].filters[-1].typed_config)
    return [one.name for one in manager.http_filters]


def scope(host: ir.VirtualHost) -> Any:
    message = envoy.scoped_route_configuration(host)
    assert lint(message) == []
    return message.route_configuration.virtual_hosts[0]


def host(treatment: ir.Treatment, *routes: ir.Route, name: str = "shop.test") -> ir.VirtualHost:
    return ir.VirtualHost(
        table=TABLE, hostname=name, routes=routes or (route(forward()),), treatment=treatment, filters=FILTERS
    )


def disabled(settings: Any) -> set[str]:
    return {
        name
        for name, one in settings.items()
        if one.type_url.endswith("FilterConfig") and unpack(one).disabled
    }


def test_without_policies_the_chain_is_as_ever_and_with_them_they_stand_before_the_authorizers() -> None:
    plain = chain(plain_listener(8080))
    assert not set(NAMES) & set(plain)
    found = chain(replace(plain_listener(8080), filters=FILTERS))
    first = plain.index(AUTHORIZER)
    assert found == [*plain[:first], *NAMES, *plain[first:]]


AUTHORIZER = "sekisho.authorizer"
SESSIONS = "envoy.filters.http.stateful_session"


def asking(protocol: str, **fields: Any) -> ir.Route:
    return replace(route(forward()), authorizer=ir.Authorizer(cluster="one", protocol=protocol, **fields))


def test_an_exact_host_asks_nobody_and_keeps_no_sessions_unless_one_of_its_routes_does() -> None:
    assert disabled(scope(host(LIMIT)).typed_per_filter_config) >= {AUTHORIZER, SESSIONS}
    asked = scope(host(LIMIT, asking("HTTP"), route(forward())))
    assert AUTHORIZER not in disabled(asked.typed_per_filter_config)
    first, second = (one.typed_per_filter_config for one in asked.routes if one.name == "test")
    assert set(first) == {AUTHORIZER}
    assert not second, "nobody is asked where no route says whom"
    kept = scope(host(LIMIT, route(forward(session=ir.Session(name="s", by="cookie")))))
    assert SESSIONS not in disabled(kept.typed_per_filter_config)


def brought(by: ir.Route) -> Any:
    """The filter that a route brings, envoy.extensions.filters.http.ext_authz.v3.ExtAuthz."""
    (found,) = (one for one in scope(host(LIMIT, by)).routes if one.name == "test")
    action = unpack(found.typed_per_filter_config[AUTHORIZER]).matcher.on_no_match.action
    return unpack(unpack(action.typed_config).typed_config.typed_config)


def test_an_authorizer_is_asked_as_its_protocol_and_author_say() -> None:
    by_http = brought(asking("HTTP", path_prefix="/in", max_body=7, request_headers=("x-user",)))
    assert by_http.http_service.server_uri.cluster == "one"
    assert by_http.http_service.path_prefix == "/in"
    body = by_http.with_request_body
    assert (body.max_request_bytes, body.allow_partial_message) == (7, False)
    assert [one.exact for one in by_http.allowed_headers.patterns] == ["x-user"]
    by_grpc = brought(asking("GRPC"))
    assert by_grpc.grpc_service.envoy_grpc.cluster_name == "one"
    assert not by_grpc.HasField("with_request_body")
    assert not by_grpc.HasField("allowed_headers")
    assert not by_grpc.failure_mode_allow


def test_an_exact_host_leaves_out_what_it_does_not_need() -> None:
    settings = scope(host(LIMIT)).typed_per_filter_config
    assert disabled(settings) & set(NAMES) == set(NAMES[:4])
    assert unpack(settings[NAMES[4]]).token_bucket.max_tokens == 5


def test_nobody_is_let_in_where_no_rule_lets_anybody_in() -> None:
    settings = scope(host(CLOSED)).typed_per_filter_config
    allow = unpack(settings[NAMES[1]])
    assert (allow.rbac.rules.action, len(allow.rbac.rules.policies)) == (0, 0)


def test_a_wildcard_host_has_settings_and_leaves_nothing_out_that_its_routes_may_need() -> None:
    found = envoy.scoped_route_configuration(
        ir.WildcardTable(table=TABLE, hosts=(host(LIMIT, name="*.test"),))
    )
    (wild,) = found.route_configuration.virtual_hosts
    assert set(wild.typed_per_filter_config) == {NAMES[4]}


def test_a_route_says_only_what_is_otherwise_than_at_its_host() -> None:
    both = replace(LIMIT, permissions=ir.Permissions())
    open_to_all = replace(route(forward()), treatment=LIMIT)
    same = replace(route(forward()), treatment=both)
    found = scope(host(both, open_to_all, same))
    first, second = (one.typed_per_filter_config for one in found.routes if one.name == "test")
    assert disabled(first) == set(NAMES[:2])
    assert not second


VERIFIES = "envoy.filters.http.jwt_authn"
BUYER = ir.Caller(claims=(("role", ir.Text("exact", "buyer")),))
ASKED = ir.PolicyFilters(permissions=True, tokens=True)


def asking_for(caller: ir.Caller) -> ir.Treatment:
    rule = ir.PermissionRule(effect=ir.Effect.ALLOW, caller=caller, origin=ORIGIN)
    return ir.Treatment(permissions=ir.Permissions(rules=(rule,)))


def test_tokens_are_verified_before_anybody_is_judged_and_only_where_claims_are_asked_for() -> None:
    believed = ir.TokenIssuer(name="login", issuer="https://login", keys='{"keys": []}')
    names = chain(replace(plain_listener(8080), filters=ASKED, token_issuers=(believed,)))
    assert names.index(VERIFIES) == names.index(NAMES[0]) - 1
    buyers, anybody = asking_for(BUYER), asking_for(ir.Caller(methods=("GET",)))
    verifying = scope(replace(host(buyers), filters=ASKED)).typed_per_filter_config[VERIFIES]
    assert unpack(verifying).requirement_name == "anybody"
    own = replace(route(forward()), treatment=buyers)
    mixed = scope(replace(host(anybody, own), filters=ASKED))
    assert VERIFIES in disabled(mixed.typed_per_filter_config)
    (found,) = (one for one in mixed.routes if one.name == "test")
    assert unpack(found.typed_per_filter_config[VERIFIES]).requirement_name == "anybody"
    open_again = scope(replace(host(buyers, replace(own, treatment=anybody)), filters=ASKED))
    (found,) = (one for one in open_again.routes if one.name == "test")
    assert VERIFIES in disabled(found.typed_per_filter_config)
