"""Protected never becomes unprotected: every way to open a sidecar is noticed."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.kit.sidecar import ORIGIN, TRUST_DOMAIN, inbound, outbound, spiffe_id

from sekisho import envoy, ir
from sekisho.envoy import lint_rules
from sekisho.envoy.building import extension, new
from sekisho.envoy.lint import lint
from sekisho.protos import pack, unpack

PERMISSIVE = ir.MutualTls(trust_domains=(TRUST_DOMAIN,), mode=ir.MutualTlsMode.PERMISSIVE)
INBOUNDS = {
    "strict http": inbound(80, 8080),
    "strict unread": inbound(80, 8080, inspected=False),
    "strict tcp": inbound(80, 8080, inspected=False, protocol=ir.Protocol.TCP),
    "permissive": inbound(80, 8080, tls=PERMISSIVE),
    "permissive unread": inbound(80, 8080, tls=PERMISSIVE, inspected=False),
    "permissive tcp": inbound(80, 8080, tls=PERMISSIVE, inspected=False, protocol=ir.Protocol.TCP),
    "nobody": inbound(80, 8080, permissions=ir.Permissions()),
    "no identities": inbound(80, 8080, tls=None),
    "captured": inbound(80, 8080, bound=False),
}


def member_cluster(*identities: str) -> Any:
    transport = ir.MeshTransport(server_name="a.sekisho", identities=identities)
    return envoy.cluster(ir.Cluster(name="shop/cart/80", transport=transport, origin=ORIGIN))


def change(holder: Any, edit: Callable[[Any], object]) -> None:
    """Edits what is packed in `holder.typed_config`."""
    inside = unpack(holder.typed_config)
    edit(inside)
    holder.typed_config.CopyFrom(pack(inside))


def clear(path: str) -> Callable[[Any], object]:
    def edit(message: Any) -> None:
        *way, last = path.removesuffix(".value").split(".")
        for name in way:
            message = getattr(message, name)
        message.ClearField(last)

    return edit


@pytest.mark.parametrize("name", INBOUNDS)
def test_what_we_generate_for_inbounds_is_clean(name: str) -> None:
    wanted = INBOUNDS[name]
    made = (envoy.inbound_listener(wanted), envoy.inbound_cluster(wanted))
    assert [finding for each in made for finding in lint(each)] == []
    assert lint(envoy.inbound_route_configuration(wanted)) == []


def test_what_we_generate_for_calls_is_clean() -> None:
    made = (
        envoy.outbound_listener(outbound("shop/cart/80", 80)),
        envoy.passthrough_listener(ir.Passthrough(everything=True, origin=ORIGIN)),
        envoy.captured_inbound(ir.CapturedInbound(origin=ORIGIN)),
        member_cluster(spiffe_id("cart")),
        member_cluster(),
    )
    assert [finding for each in made for finding in lint(each)] == []


@pytest.mark.parametrize("name", ["strict http", "strict unread", "nobody", "captured"])
def test_in_strict_mode_every_chain_asks_for_a_certificate(name: str) -> None:
    listener = envoy.inbound_listener(INBOUNDS[name])
    assert all(chain.HasField("transport_socket") for chain in listener.filter_chains)


@pytest.mark.parametrize("name", ["strict http", "strict unread", "permissive", "nobody"])
def test_a_chain_without_mutual_tls(name: str) -> None:
    listener = envoy.inbound_listener(INBOUNDS[name])
    listener.filter_chains[0].ClearField("transport_socket")
    assert any("without mutual TLS" in finding for finding in lint(listener))


@pytest.mark.parametrize(
    "path",
    [
        rule.path
        for rule in lint_rules.MEMBERS_ONLY
        if rule.path != "common_tls_context.tls_certificates"  # where leaving it unsaid is right
    ],
)
def test_a_chain_whose_tls_is_weaker(path: str) -> None:
    listener = envoy.inbound_listener(INBOUNDS["strict http"])
    change(listener.filter_chains[0].transport_socket, clear(path))
    assert any(path in finding for finding in lint(listener))


def test_a_chain_that_believes_the_beginning_of_a_trust_domain() -> None:
    def shorten(context: Any) -> None:
        combined = context.common_tls_context.combined_validation_context
        name = combined.default_validation_context.match_typed_subject_alt_names[0].matcher
        name.prefix = name.prefix.removesuffix("/")

    listener = envoy.inbound_listener(INBOUNDS["strict http"])
    change(listener.filter_chains[0].transport_socket, shorten)
    assert any("no whole trust domain" in finding for finding in lint(listener))


@pytest.mark.parametrize("name", [each for each in INBOUNDS if each != "no identities"])
def test_a_chain_that_asks_nobody_for_permission(name: str) -> None:
    listener = envoy.inbound_listener(INBOUNDS[name])
    for chain in listener.filter_chains:
        kept = [each for each in chain.filters if "rbac" not in each.name]
        del chain.filters[:]
        chain.filters.extend(kept)
        change_http(chain, lambda manager: without_rbac(manager.http_filters))
    findings = [finding for finding in lint(listener) if "permission" in finding]
    assert len(findings) == len(listener.filter_chains)


def change_http(chain: Any, edit: Callable[[Any], object]) -> None:
    for each in chain.filters:
        if each.name.endswith("http_connection_manager"):
            change(each, edit)


def without_rbac(filters: Any) -> None:
    kept = [each for each in filters if "rbac" not in each.name]
    del filters[:]
    filters.extend(kept)


def test_a_permission_filter_without_rules_lets_everybody_in() -> None:
    listener = envoy.inbound_listener(INBOUNDS["strict tcp"])
    (asks,) = (each for each in listener.filter_chains[0].filters if each.name.endswith("rbac.allow"))
    change(asks, lambda rbac: rbac.ClearField("rules"))
    assert any("permission" in finding for finding in lint(listener))


def test_routes_that_switch_permissions_off() -> None:
    routes = envoy.inbound_route_configuration(INBOUNDS["strict http"])
    off = pack(new("envoy.config.route.v3.FilterConfig", disabled=True))
    routes.virtual_hosts[0].typed_per_filter_config["envoy.filters.http.rbac.allow"].CopyFrom(off)
    assert any("switches permissions off" in finding for finding in lint(routes))


@pytest.mark.parametrize(
    "path",
    [rule.path for rule in lint_rules.TO_MEMBERS if rule.path != "common_tls_context.tls_certificates"],
)
def test_a_cluster_whose_tls_is_weaker(path: str) -> None:
    cluster = member_cluster(spiffe_id("cart"))
    change(cluster.transport_socket_matches[0].transport_socket, clear(path))
    assert any(path in finding for finding in lint(cluster))


def test_a_cluster_that_reaches_members_without_tls() -> None:
    cluster = member_cluster(spiffe_id("cart"))
    raw = extension(
        "envoy.transport_sockets.raw_buffer", "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
    )
    socket = new("envoy.config.core.v3.TransportSocket", **raw)
    cluster.transport_socket_matches[0].transport_socket.CopyFrom(socket)
    assert any("without TLS" in finding for finding in lint(cluster))


@pytest.mark.parametrize("rules", ["INBOUND_HTTP", "OUTBOUND_HTTP"])
def test_http_of_sidecars_is_hardened_like_that_of_gateways(rules: str) -> None:
    made = {
        "INBOUND_HTTP": envoy.inbound_listener(INBOUNDS["strict http"]),
        "OUTBOUND_HTTP": envoy.outbound_listener(outbound("shop/cart/80", 80)),
    }[rules]
    for path in ("normalize_path", "merge_slashes", "max_request_headers_kb", "use_remote_address"):
        listener = type(made)()
        listener.CopyFrom(made)
        change_http(listener.filter_chains[0], clear(path))
        assert any(path in finding for finding in lint(listener)), path


def test_callers_who_say_who_they_are() -> None:
    listener = envoy.inbound_listener(INBOUNDS["strict http"])
    change_http(listener.filter_chains[0], clear("early_header_mutation_extensions"))
    assert any("may say who they are" in finding for finding in lint(listener))


def test_streams_that_nothing_ends() -> None:
    listener = envoy.inbound_listener(INBOUNDS["strict http"])
    change_http(listener.filter_chains[0], clear("http2_protocol_options.connection_keepalive"))
    assert any("are kept" in finding for finding in lint(listener))


def test_only_who_lets_everybody_in_may_take_who_says_nothing() -> None:
    bytes_ = {"tls": PERMISSIVE, "inspected": False, "protocol": ir.Protocol.TCP}
    listener = envoy.inbound_listener(inbound(80, 8080, **bytes_))
    assert listener.continue_on_listener_filters_timeout
    rules = inbound(80, 8080).permissions.rules
    for effect, caller in (
        (ir.Effect.DENY, ir.Caller(source_ranges=("10.0.0.0/8",))),
        (ir.Effect.ALLOW, ir.Caller(source_ranges=("10.0.0.0/8",))),
    ):
        rule = ir.PermissionRule(effect=effect, caller=caller, origin=ORIGIN)
        kept = rules if effect is ir.Effect.DENY else ()
        guarded = envoy.inbound_listener(
            inbound(80, 8080, permissions=ir.Permissions(rules=(*kept, rule)), **bytes_)
        )
        assert not guarded.continue_on_listener_filters_timeout
        guarded.continue_on_listener_filters_timeout = True
        assert any("continue_on_listener_filters_timeout" in finding for finding in lint(guarded))


OUTLETS = {
    "http": inbound(443, 443, cluster="external/shop/bank/443"),
    "tcp": inbound(443, 443, cluster="external/shop/bank/443", protocol=ir.Protocol.TCP, inspected=False),
}


@pytest.mark.parametrize("name", OUTLETS)
def test_ways_out_are_clean_and_ask_for_permission(name: str) -> None:
    made = envoy.outlet_listener(OUTLETS[name])
    assert lint(made) == []
    opened = envoy.outlet_listener(OUTLETS[name])
    for chain in opened.filter_chains:
        chain.ClearField("transport_socket")
    assert any("takes anybody without mutual TLS" in finding for finding in lint(opened))


def test_what_is_found_by_name_is_for_members_and_for_nothing_else_in_the_proxy() -> None:
    chain = ir.Chain(table="15443/a", tcp=ir.TcpForward(shares=(), by_server_name=True), origin=ORIGIN)
    wanted = ir.Listener(
        name="http/127.0.0.1/15443", address="127.0.0.1", port=15443, chains=(chain,), origin=ORIGIN
    )
    assert lint(envoy.listener(wanted)) == []
    for_all = envoy.listener(wanted)
    for_all.filter_chains[0].ClearField("filter_chain_match")
    assert any("whoever knows a name is let in" in finding for finding in lint(for_all))
    anything = envoy.listener(wanted)
    noting = next(each for each in anything.filter_chains[0].filters if "set_filter_state" in each.name)

    def unprefixed(state: Any) -> None:
        state.on_new_connection[0].format_string.text_format_source.inline_string = "%REQUESTED_SERVER_NAME%"

    change(noting, unprefixed)
    assert any("every cluster of the proxy" in finding for finding in lint(anything))


def test_a_tunnel_is_no_door() -> None:
    tunnel = ir.Tunnel(cluster="tcp/zone/shop/far.gcp/443", origin=ORIGIN)
    assert lint(envoy.tunnel_listener(tunnel)) == []
    opened = envoy.tunnel_listener(tunnel)
    opened.address.socket_address.address = "0.0.0.0"
    assert any("no door" in finding for finding in lint(opened))
