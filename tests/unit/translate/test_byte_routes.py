"""TLSRoutes, TCPRoutes and UDPRoutes: sockets, chains by server name, who wins, and what leads nowhere."""

from typing import Any

import pytest
from tests.unit.translate.certificates import tls_secret
from tests.unit.translate.world import (
    EDGE,
    World,
    backend,
    door,
    endpoint_slice,
    gateway,
    http,
    http_route,
    https,
    passthrough,
    reference_grant,
    route,
    rule,
    service,
)

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.outputs import INFRASTRUCTURE, UDP_LISTENERS

TCP = ResourceId("TCPRoute", "shop", "r")
TLS = ResourceId("TLSRoute", "shop", "r")
UDP = ResourceId("UDPRoute", "shop", "r")
LATER = {"creationTimestamp": "2026-01-02T00:00:00Z"}
DNS = {"port": 53, "protocol": "UDP", "targetPort": 5353}
CLOSED = ((ir.CLOSED, 1),)


def tcp(name: str = "r", *rules: Any, **fields: Any) -> dict[str, Any]:
    return route("TCPRoute", name, *rules, **fields)


def tls(*hostnames: str, name: str = "r", rules: Any = (), **fields: Any) -> dict[str, Any]:
    return route("TLSRoute", name, *rules, hostnames=list(hostnames), **fields)


def udp(name: str = "r", *rules: Any, **fields: Any) -> dict[str, Any]:
    return route("UDPRoute", name, *(rules or [rule(backend("dns", 53))]), **fields)


def world(*listeners: Any, documents: Any = ()) -> World:
    services = (service(), service("api"), service("dns", DNS))
    return World(gateway(*listeners), *services, tls_secret("cert", "*.example.com"), *documents)


def chains(found: World, port: int = 8443) -> dict[str, ir.Chain]:
    """By server name; `*` for the one without."""
    listener = found.listeners()[f"http/127.0.0.1/{port}"]
    return {name: chain for chain in listener.chains for name in chain.server_names or ("*",)}


def shares(chain: ir.Chain) -> tuple[tuple[str, int], ...]:
    assert chain.tcp is not None
    return chain.tcp.shares


def datagrams(found: World, port: int = 5300) -> tuple[tuple[str, int], ...]:
    listener: ir.UdpListener = found.engine.value(UDP_LISTENERS, (EDGE, f"udp/127.0.0.1/{port}"))
    return listener.shares


class TestTcp:
    def test_connections_go_to_the_backends_by_weight(self) -> None:
        backends = rule(backend(weight=3), backend("api", weight=1), backend("api", weight=0))
        found = world(door("TCP", "db", 5432), documents=[tcp("r", backends)])
        (chain,) = found.listeners()["http/127.0.0.1/5432"].chains
        assert shares(chain) == (("tcp/shop/web/80", 3), ("tcp/shop/api/80", 1))
        assert found.clusters()["tcp/shop/web/80"].protocol is ir.Protocol.TCP
        assert found.parent_condition(TCP, "Accepted") == ("True", "Accepted")

    def test_its_instances_are_those_of_the_service(self) -> None:
        found = world(door("TCP", "db", 5432), documents=[tcp(), endpoint_slice("web", "10.0.0.1")])
        assert found.addresses("tcp/shop/web/80") == [("10.0.0.1", 3000)]

    def test_both_routes_of_a_listener_are_accepted_and_counted_and_the_oldest_gets_the_traffic(self) -> None:
        young = tcp("a", metadata=LATER)
        found = world(door("TCP", "db", 5432), documents=[young, tcp("r", rule(backend("api")))])
        assert found.listener_status("db")["attachedRoutes"] == 2
        assert shares(chains(found, 5432)["*"]) == (("tcp/shop/api/80", 1),)
        for name in ("a", "r"):
            assert found.parent_condition(TCP._replace(name=name), "Accepted") == ("True", "Accepted")
        found.remove(TCP)
        assert shares(chains(found, 5432)["*"]) == (("tcp/shop/web/80", 1),)

    @pytest.mark.parametrize(
        ("reference", "reason"),
        [
            (backend("gone"), "BackendNotFound"),
            (backend("web", 81), "BackendNotFound"),
            (backend("dns", 53), "BackendNotFound"),
            (backend(namespace="bank"), "RefNotPermitted"),
            ({"name": "x", "kind": "Odd", "group": "a.b"}, "InvalidKind"),
        ],
    )
    def test_a_backend_that_leads_nowhere_keeps_its_share_to_be_closed(
        self, reference: Any, reason: str
    ) -> None:
        found = world(door("TCP", "db", 5432), documents=[tcp("r", rule(reference, backend(weight=2)))])
        assert found.parent_condition(TCP, "ResolvedRefs") == ("False", reason)
        assert shares(chains(found, 5432)["*"]) == ((ir.CLOSED, 1), ("tcp/shop/web/80", 2))

    def test_a_grant_opens_another_namespace(self) -> None:
        away = tcp("r", rule(backend(namespace="bank")))
        found = world(door("TCP", "db", 5432), documents=[away, service(namespace="bank")])
        assert shares(chains(found, 5432)["*"]) == CLOSED
        found.apply(reference_grant("TCPRoute", "shop", "Service", namespace="bank"))
        assert shares(chains(found, 5432)["*"]) == (("tcp/bank/web/80", 1),)

    def test_without_a_route_or_a_weight_connections_are_closed(self) -> None:
        found = world(door("TCP", "db", 5432))
        assert shares(chains(found, 5432)["*"]) == CLOSED
        assert found.listener_condition("db", "Accepted") == ("True", "Accepted")
        found.apply(tcp("r", rule(backend(weight=0))))
        assert shares(chains(found, 5432)["*"]) == CLOSED

    def test_a_listener_of_another_protocol_does_not_take_it(self) -> None:
        found = world(http(), documents=[tcp()])
        assert found.parent_condition(TCP, "Accepted") == ("False", "NotAllowedByListeners")
        assert found.clusters() == {}

    def test_section_and_port_pick_listeners(self) -> None:
        parents = [{"name": "edge", "sectionName": "a", "port": 1}]
        found = world(door("TCP", "a", 5432), door("TCP", "b", 5433), documents=[tcp(parents=parents)])
        assert found.parent_condition(TCP, "Accepted") == ("False", "NoMatchingParent")
        found.apply(tcp(parents=[{"name": "edge", "sectionName": "b", "port": 5433}]))
        assert [found.listener_status(name)["attachedRoutes"] for name in "ab"] == [0, 1]

    def test_it_has_a_cluster_apart_from_that_of_requests(self) -> None:
        found = world(http(), door("TCP", "db", 5432), documents=[tcp(), http_route("r")])
        assert set(found.clusters()) == {"shop/web/80", "tcp/shop/web/80"}


class TestTls:
    def test_a_server_name_leads_to_its_backend_and_tls_goes_on(self) -> None:
        found = world(passthrough(), documents=[tls("a.example.com", "*.b.example.com")])
        by_name = chains(found)
        assert set(by_name) == {"*", "a.example.com", "*.b.example.com"}
        assert shares(by_name["a.example.com"]) == (("tcp/shop/web/80", 1),)
        assert shares(by_name["*"]) == CLOSED
        assert all(chain.tls is None for chain in by_name.values())

    def test_a_listener_that_ends_tls_sends_on_what_is_inside(self) -> None:
        terminating = door("TLS", "tls", 8443, tls={"certificateRefs": [{"name": "cert"}]})
        found = world(terminating, documents=[tls("a.example.com")])
        chain = chains(found)["a.example.com"]
        assert chain.tls == ir.TlsTermination(certificates=("secret/shop/cert",), alpn=())
        assert shares(chain) == (("tcp/shop/web/80", 1),)

    def test_a_listener_that_ends_tls_takes_tcp_routes_for_all_its_names(self) -> None:
        terminating = door(
            "TLS", "tls", 8443, hostname="*.example.com", tls={"certificateRefs": [{"name": "cert"}]}
        )
        found = world(terminating, documents=[tls("a.example.com"), tcp("all", rule(backend("api")))])
        assert shares(chains(found)["*.example.com"]) == (("tcp/shop/api/80", 1),)
        assert shares(chains(found)["a.example.com"]) == (("tcp/shop/web/80", 1),)

    @pytest.mark.parametrize(
        ("mode", "kinds"), [("Passthrough", ["TLSRoute"]), ("Terminate", ["TLSRoute", "TCPRoute"])]
    )
    def test_supported_kinds_follow_the_mode(self, mode: str, kinds: list[str]) -> None:
        found = world(door("TLS", "tls", 8443, tls={"mode": mode, "certificateRefs": [{"name": "cert"}]}))
        assert [kind["kind"] for kind in found.listener_status("tls")["supportedKinds"]] == kinds

    def test_passed_on_ended_and_read_connections_share_a_port(self) -> None:
        ended = door(
            "TLS", "ended", 8443, hostname="ended.example.com", tls={"certificateRefs": [{"name": "cert"}]}
        )
        found = world(
            passthrough("passed", hostname="passed.example.com"), ended, https(hostname="read.example.com"),
            documents=[
                tls("passed.example.com"), tls("ended.example.com", name="ended"),
                http_route("web", hostnames=["read.example.com"]),
            ],
        )  # fmt: skip
        by_name = chains(found)
        assert {name: (chain.tls is not None, chain.tcp is not None) for name, chain in by_name.items()} == {
            "passed.example.com": (False, True),
            "ended.example.com": (True, True),
            "read.example.com": (True, False),
        }
        assert found.routes("read.example.com", "8443/https") == ["shop/web/0/0"]

    def test_the_same_hostname_for_two_ways_is_a_conflict(self) -> None:
        found = world(passthrough(hostname="a.example.com"), https(hostname="a.example.com"))
        for name in ("tls", "https"):
            assert found.listener_condition(name, "Conflicted") == ("True", "HostnameConflict")

    @pytest.mark.parametrize("other", [http("other", 8443), door("TCP", "other", 8443)])
    def test_a_port_has_one_way_to_begin_a_connection(self, other: Any) -> None:
        found = world(passthrough(), other)
        for name in ("tls", "other"):
            assert found.listener_condition(name, "Conflicted") == ("True", "ProtocolConflict")
        assert found.listeners() == {}

    def test_a_name_of_a_more_specific_listener_never_falls_to_a_wider_one(self) -> None:
        found = world(
            passthrough("narrow", hostname="a.example.com"), passthrough("wide", hostname="*.example.com"),
            documents=[tls("*.example.com", parents=[{"name": "edge", "sectionName": "wide"}])],
        )  # fmt: skip
        assert shares(chains(found)["a.example.com"]) == CLOSED
        assert shares(chains(found)["*.example.com"]) == (("tcp/shop/web/80", 1),)

    def test_a_name_of_a_listener_that_is_closed_never_falls_to_a_wider_one(self) -> None:
        closed = https(hostname="a.example.com", secret="gone")
        found = world(closed, passthrough("wide", hostname="*.example.com"), documents=[tls("*.example.com")])
        assert shares(chains(found)["a.example.com"]) == CLOSED

    def test_of_two_routes_for_one_name_the_narrower_then_the_oldest_wins(self) -> None:
        wide = tls("*.example.com", name="wide", metadata={"creationTimestamp": "2025-01-01T00:00:00Z"})
        late = tls("a.example.com", name="late", metadata=LATER)
        found = world(
            passthrough(hostname="a.example.com"),
            documents=[wide, late, tls("a.example.com", rules=[rule(backend("api"))])],
        )
        assert shares(chains(found)["a.example.com"]) == (("tcp/shop/api/80", 1),)
        assert found.listener_status("tls")["attachedRoutes"] == 3

    def test_a_route_for_other_names_does_not_attach(self) -> None:
        found = world(passthrough(hostname="a.example.com"), documents=[tls("b.example.com")])
        assert found.parent_condition(TLS, "Accepted") == ("False", "NoMatchingListenerHostname")

    def test_without_its_certificate_a_listener_stays_closed(self) -> None:
        found = world(door("TLS", "tls", 8443, tls={"certificateRefs": [{"name": "gone"}]}))
        assert found.listener_condition("tls", "ResolvedRefs") == ("False", "InvalidCertificateRef")
        assert found.listeners() == {}


class TestUdp:
    def test_datagrams_go_to_the_udp_port_of_the_backend(self) -> None:
        slice_ = endpoint_slice("dns", "10.0.0.9", ports=[{"port": 5353, "protocol": "UDP"}])
        found = world(door("UDP", "dns", 5300), documents=[udp(), slice_])
        assert datagrams(found) == (("udp/shop/dns/53", 1),)
        assert found.addresses("udp/shop/dns/53") == [("10.0.0.9", 5353)]

    def test_the_oldest_of_several_routes_gets_the_traffic_and_all_are_counted(self) -> None:
        found = world(door("UDP", "dns", 5300), documents=[udp("a", rule(backend()), metadata=LATER), udp()])
        assert datagrams(found) == (("udp/shop/dns/53", 1),)
        assert found.listener_status("dns")["attachedRoutes"] == 2

    def test_a_tcp_port_is_no_backend_for_datagrams(self) -> None:
        found = world(door("UDP", "dns", 5300), documents=[udp("r", rule(backend()))])
        assert found.parent_condition(UDP, "ResolvedRefs") == ("False", "BackendNotFound")
        assert datagrams(found) == CLOSED

    def test_it_shares_the_number_of_a_port_with_other_protocols(self) -> None:
        found = world(door("UDP", "dns", 8080), http(), documents=[udp()])
        assert found.listener_condition("dns", "Conflicted") == ("False", "NoConflicts")
        assert list(found.listeners()) == ["http/127.0.0.1/8080"]
        (made,) = found.values(INFRASTRUCTURE).values()
        assert made["spec"]["ports"] == [
            {"name": "port-8080", "port": 8080},
            {"name": "udp-8080", "port": 8080, "protocol": "UDP"},
        ]
