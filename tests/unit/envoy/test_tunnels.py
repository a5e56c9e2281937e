"""Tunnels: which server names pass, which is passed on, and endpoints that are within the proxy."""

from tests.kit.gateway import ORIGIN

from sekisho import envoy, ir
from sekisho.envoy.endpoints import cluster_load_assignment
from sekisho.envoy.lint import lint
from sekisho.protos import unpack

NAME = "80.catalog.shop.gcp.default.sekisho"


def test_only_tls_that_asks_for_the_one_name_passes() -> None:
    wanted = ir.Tunnel(cluster="~passage/a", leads_to="~doors/gcp", server_name=NAME, origin=ORIGIN)
    listener = envoy.tunnel_listener(wanted)
    assert lint(listener) == []
    assert listener.name == "tunnel/~passage/a"
    (chain,) = listener.filter_chains
    assert list(chain.filter_chain_match.server_names) == [NAME]
    assert unpack(chain.filters[-1].typed_config).cluster == "~doors/gcp"
    assert [one.name for one in listener.listener_filters] == ["envoy.filters.listener.tls_inspector"]


def test_the_name_within_is_that_around() -> None:
    listener = envoy.tunnel_listener(ir.Tunnel(cluster="~egress", passes_name_on=True, origin=ORIGIN))
    assert lint(listener) == []
    first, last = listener.filter_chains[0].filters
    (noted,) = unpack(first.typed_config).on_new_connection
    assert noted.object_key == "envoy.network.upstream_server_name"
    assert noted.format_string.text_format_source.inline_string == "%REQUESTED_SERVER_NAME%"
    assert unpack(last.typed_config).cluster == "~egress"


def test_endpoints_within_the_proxy_are_told_apart_by_what_they_are_called() -> None:
    names = ("zone/shop/catalog.gcp/80", "zone/shop/pricing.gcp/80")
    endpoints = tuple(
        ir.Endpoint(name, 80, "gcp", weight, meshed=True, tunnel="~doors/gcp", member=name, probed=False)
        for weight, name in enumerate(names, 2)
    )
    found = cluster_load_assignment(ir.Endpoints(cluster="x", endpoints=endpoints, origin=ORIGIN))
    made = [one for place in found.endpoints for one in place.lb_endpoints]
    addresses = [one.endpoint.address.envoy_internal_address for one in made]
    assert [one.server_listener_name for one in addresses] == ["tunnel/~doors/gcp"] * 2
    assert [one.endpoint_id for one in addresses] == list(names)
    assert [one.load_balancing_weight.value for one in made] == [2, 3]
