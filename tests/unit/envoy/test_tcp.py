"""Bytes that are passed on unread."""

from tests.kit.sidecar import outbound

from sekisho import envoy, ir
from sekisho.envoy.lint import lint
from sekisho.protos import unpack


def filters(forward: ir.TcpForward) -> list[str]:
    [chain] = envoy.outbound_listener(outbound("shop/cart/80", 80, forward)).filter_chains
    return [one.name for one in chain.filters]


def test_what_tls_announces_for_bytes_does_not_wait_for_their_cluster_to_change() -> None:
    forward = ir.TcpForward(shares=(("shop/cart/80", 1),), alpn="sekisho")
    listener = envoy.outbound_listener(outbound("shop/cart/80", 80, forward))
    announcing, proxy = listener.filter_chains[0].filters
    [value] = unpack(announcing.typed_config).on_new_connection
    assert value.object_key == "envoy.network.application_protocols"
    assert value.format_string.text_format_source.inline_string == "sekisho"
    assert proxy.name == "envoy.filters.network.tcp_proxy"
    assert lint(listener) == []


def test_elsewhere_the_cluster_says_it() -> None:
    assert filters(ir.TcpForward(shares=(("external/shop/db/80", 1),))) == ["envoy.filters.network.tcp_proxy"]
