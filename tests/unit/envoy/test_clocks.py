"""Which times a sidecar measures: each clock costs work for every request, so there is one, not two."""

from typing import Any

import pytest
from tests.kit.gateway import forward, route
from tests.kit.sidecar import ORIGIN, TRUST_DOMAIN, inbound, outbound

from sekisho import envoy, ir
from sekisho.envoy.clusters import HTTP_OPTIONS
from sekisho.protos import unpack

PERMISSIVE = ir.MutualTls(trust_domains=(TRUST_DOMAIN,), mode=ir.MutualTlsMode.PERMISSIVE)
TIMES = ir.Times(stream_idle=7000, request_headers=3000)


def clocks(listener: Any, chain: str) -> tuple[int, int]:
    """Seconds a stream may be idle, and headers may take; 0 for any."""
    found = manager(listener, chain)
    return found.stream_idle_timeout.seconds, found.request_headers_timeout.seconds


def manager(listener: Any, chain: str) -> Any:
    """The HttpConnectionManager of a chain."""
    (found,) = [each for each in listener.filter_chains if each.name == chain]
    return unpack(found.filters[-1].typed_config)


def test_strangers_must_hurry_with_their_headers_and_members_need_not() -> None:
    listener = envoy.inbound_listener(inbound(80, 8080, tls=PERMISSIVE))
    assert clocks(listener, "sekisho-h2") == (0, 0)
    for chain in ("sekisho", "plaintext"):
        assert clocks(listener, chain) == (300, 10)


def test_members_are_asked_whether_they_are_there_and_strangers_are_not() -> None:
    listener = envoy.inbound_listener(inbound(80, 8080, tls=PERMISSIVE))
    for chain, seconds in (("sekisho-h2", 30), ("sekisho", 0), ("plaintext", 0)):
        assert (
            manager(listener, chain).http2_protocol_options.connection_keepalive.interval.seconds == seconds
        )


def test_streams_of_members_may_be_bounded_by_a_policy() -> None:
    times = (ir.Conditional(caller=None, value=TIMES, origin=ORIGIN),)
    assert clocks(envoy.inbound_listener(inbound(80, 8080, times=times)), "sekisho-h2") == (7, 3)


def test_an_application_takes_its_time_and_what_a_policy_says_holds() -> None:
    assert clocks(envoy.outbound_listener(outbound("shop/cart/80", 80)), "outbound") == (0, 0)
    limited = outbound("shop/cart/80", 80, times=TIMES)
    assert clocks(envoy.outbound_listener(limited), "outbound") == (7, 3)


def test_an_application_keeps_connections_to_its_own_proxy_and_nobody_else_does() -> None:
    listeners = {
        "outbound": envoy.outbound_listener(outbound("shop/cart/80", 80)),
        "sekisho-h2": envoy.inbound_listener(inbound(80, 8080)),
    }
    idle = {
        chain: manager(listener, chain).common_http_protocol_options.idle_timeout.seconds
        for chain, listener in listeners.items()
    }
    assert idle == {"outbound": 0, "sekisho-h2": 3600}


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 0),
        ({"request_timeout_ms": 5000}, 0),
        ({"request_timeout_ms": 0}, 300),
        ({"backend_timeout_ms": 5000}, 300),
        ({"request_timeout_ms": 0, "stream_idle_ms": 9000}, 9),
    ],
)
def test_a_request_that_may_take_for_ever_ends_when_it_is_idle(fields: dict[str, int], seconds: int) -> None:
    host = ir.VirtualHost(table="outbound/a", hostname="*", routes=(route(forward("a", **fields)),))
    table = ir.RouteTable(name="outbound/a", hosts=(host,), origin=ORIGIN)
    action = envoy.route_configuration(table).virtual_hosts[0].routes[0].route
    assert action.idle_timeout.seconds == seconds


def test_sidecars_ask_each_other_whether_they_are_there_and_applications_are_left_alone() -> None:
    transport = ir.MeshTransport(server_name="a.sekisho", identities=("spiffe://a/b",))
    for member, seconds in ((transport, 30), (None, 0)):
        cluster = envoy.cluster(
            ir.Cluster(name="a/b/80", protocol=ir.Protocol.GRPC, transport=member, origin=ORIGIN)
        )
        explicit = unpack(cluster.typed_extension_protocol_options[HTTP_OPTIONS]).explicit_http_config
        assert explicit.http2_protocol_options.connection_keepalive.interval.seconds == seconds
