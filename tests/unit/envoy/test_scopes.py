"""What must hold for every scope, whatever is in it."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.gateway import ORIGIN, TABLE, forward, route, share

from sekisho import envoy, ir
from sekisho.envoy import filters, lint_rules
from sekisho.envoy.filters import lowercase, wildcard
from sekisho.envoy.lint import lint
from sekisho.envoy.routes import add_routes
from sekisho.envoy.routes import routes as written
from sekisho.envoy.scope_keys import HEADER, SERVER_NAME_HEADER, scope_key
from sekisho.protos import message, unpack

EDITS = ir.HeaderEdits(set=(("x", "1"),), add=(("y", "%2%"),), remove=("z",))
ACTIONS = (
    forward("a/b/80"),
    forward("c/d/81"),
    forward(None),
    forward(path_rewrite=ir.ReplacePrefix("/"), host_rewrite=ir.HostRewrite("in.test"), websocket=False),
    forward(path_rewrite=ir.ReplaceFullPath("/x"), mirrors=(ir.Mirror(cluster="m"),)),
    forward(request_timeout_ms=0, backend_timeout_ms=10, retry=ir.Retry(attempts=2, codes=(503,))),
    ir.Forward(shares=(share("a", 1), share(None, 2, request_headers=EDITS))),
    ir.Redirect(),
    ir.Redirect(scheme="https", port=8443, path=ir.ReplacePrefix("/y")),
    ir.Respond(status=421),
    ir.Respond(status=500, body="no backend"),
)
CORS = ir.Cors(origins=(ir.OriginMatch(value="https://*.test"),), credentials=True)

hostnames = st.sampled_from(["a", "b", "a.b", "a-b"])
routes = st.builds(
    ir.Route,
    name=st.sampled_from(["one", "two"]),
    match=st.builds(ir.RouteMatch, path=st.just(ir.PathPrefix("/p")), method=st.sampled_from(["", "GET"])),
    action=st.sampled_from(ACTIONS),
    request_headers=st.sampled_from([ir.HeaderEdits(), EDITS]),
    response_headers=st.sampled_from([ir.HeaderEdits(), EDITS]),
    cors=st.sampled_from([None, CORS]),
    origin=st.just(ORIGIN),
)


def hosts(form: str) -> st.SearchStrategy[ir.VirtualHost]:
    return st.builds(
        ir.VirtualHost,
        table=st.sampled_from(["8080", "443/https-shop"]),
        hostname=hostnames.map(form.format),
        routes=st.lists(routes, max_size=3).map(tuple),
    )


exact_hosts = hosts("{}.test")
wildcard_tables = st.builds(
    ir.WildcardTable, table=st.just(TABLE), hosts=st.lists(hosts("*.{}"), max_size=2).map(tuple)
)


@settings(max_examples=50)
@given(exact_hosts | wildcard_tables)
def test_every_scope_is_hardened_and_uses_no_chain_of_its_own(
    wanted: ir.VirtualHost | ir.WildcardTable,
) -> None:
    """A filter chain per route would be left out for wildcard hosts: with it whatever it protects."""
    scope = envoy.scoped_route_configuration(wanted)
    assert lint(scope) == []
    assert b"envoy.filters.http.filter_chain" not in scope.SerializeToString()
    assert b"extensions.filters.http.filter_chain" not in scope.SerializeToString()


def test_a_chain_per_route_is_not_on_the_list_of_extensions() -> None:
    assert [name for name in lint_rules.EXTENSIONS if "filter_chain" in name] == []


@settings(max_examples=50)
@given(exact_hosts)
def test_an_exact_scope_keeps_all_its_requests(wanted: ir.VirtualHost) -> None:
    (host,) = envoy.scoped_route_configuration(wanted).route_configuration.virtual_hosts
    assert list(host.domains) == ["*"]
    names = [each.name for each in host.routes if not each.name.endswith("~preflight")]
    assert names == ["~ambiguous-host", *(each.name for each in wanted.routes), "~not-found"]
    assert (host.routes[-1].match.prefix, host.routes[-1].direct_response.status) == ("", 404)


def test_keys_are_equal_only_for_the_same_host_of_the_same_table() -> None:
    tables, names = ("8080", "80", "443/a", "443/a-b", "443/b"), ("a", "b", "a.b", "0.a", "~wild")
    keys = {scope_key(table, name) for table in tables for name in names}
    assert len(keys) == len(tables) * len(names)


def test_the_finders_of_scopes_are_off_by_both_of_envoys_switches() -> None:
    scope = envoy.scoped_route_configuration(ir.VirtualHost(table=TABLE, hostname="a.test", routes=()))
    routes = scope.route_configuration
    for name in (lowercase.NAME, wildcard.NAME):
        assert unpack(routes.typed_per_filter_config[name]).disabled
        assert unpack(routes.virtual_hosts[0].typed_per_filter_config[name]).disabled
        assert routes.virtual_hosts[0].typed_per_filter_config[name].type_url.endswith("FilterConfig")
    assert list(routes.request_headers_to_remove) == [HEADER]


def test_what_came_for_another_listener_is_misdirected_before_any_policy() -> None:
    permissions = ir.Treatment(permissions=ir.Permissions())
    host = ir.VirtualHost(
        table="443/https",
        hostname="a.test",
        server_name="*.test",
        routes=(route(ir.Respond(status=200)),),
        treatment=permissions,
        filters=ir.PolicyFilters(permissions=True),
    )
    routes = envoy.scoped_route_configuration(host).route_configuration
    (made,) = routes.virtual_hosts
    assert list(routes.request_headers_to_remove) == [HEADER, SERVER_NAME_HEADER]
    ambiguous, misdirected, *_ = made.routes
    (header,) = misdirected.match.headers
    assert ambiguous.name == "~ambiguous-host"
    assert misdirected.direct_response.status == 421
    assert (header.name, header.string_match.exact) == (SERVER_NAME_HEADER, "*.test")
    assert header.invert_match
    assert misdirected.typed_per_filter_config.keys() == made.typed_per_filter_config.keys() & {
        name for name in made.typed_per_filter_config if "rbac" in name
    }
    assert all(unpack(each).disabled for each in misdirected.typed_per_filter_config.values())


def test_wildcard_hosts_are_told_apart_by_envoy() -> None:
    hosts = tuple(
        ir.VirtualHost(table=TABLE, hostname=name, routes=(route(ir.Respond(status=200)),))
        for name in ("*", "*.a.test")
    )
    scope = envoy.scoped_route_configuration(ir.WildcardTable(table=TABLE, hosts=hosts))
    assert [list(host.domains) for host in scope.route_configuration.virtual_hosts] == [["*"], ["*.a.test"]]


def test_the_order_of_filters_ends_with_the_router() -> None:
    assert [entry["name"] for entry in filters.http_filters()] == [
        "sekisho.lowercase",
        "sekisho.wildcard",
        "sekisho.programs",
        "envoy.filters.http.cors",
        "sekisho.authorizer",
        "envoy.filters.http.stateful_session",
        "envoy.filters.http.router",
    ]


@given(exact_hosts)
def test_a_route_that_is_a_copy_of_its_kind_is_what_it_would_be_written_alone(host: ir.VirtualHost) -> None:
    type_name = "envoy.config.route.v3.VirtualHost"
    copied = message(type_name)()
    add_routes(copied.routes, host)
    assert copied == message(type_name)(routes=written(host))
