"""Listeners of a Gateway: validity, conflicts, kinds, sockets and addresses."""

from typing import Any

import pytest
from tests.unit.translate.certificates import tls_secret
from tests.unit.translate.world import (
    EDGE,
    World,
    gateway,
    gateway_class,
    http,
    http_route,
    https,
    of_type,
    service,
    unvalidated,
)

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.facts import SYNCED, AssignedAddress, ProxyState, Settings, SettingsKey
from sekisho.translate.outputs import LISTENERS, STATUSES

OURS = ResourceId("GatewayClass", "", "sekisho")


def edge(*listeners: Any, **spec: Any) -> World:
    """A Gateway whose proxy has taken the configuration."""
    found = World(tls_secret("cert", "*.example.com"), service())
    found.commit(unvalidated(gateway(*listeners, **spec)) | {ProxyState.of(EDGE): SYNCED})
    return found


def test_plain_listeners_of_a_port_share_one_socket_and_one_table() -> None:
    found = edge(http("a", hostname="a.example.com"), http("b", hostname="b.example.com"), http("c", 8081))
    assert found.listeners() == {
        "http/127.0.0.1/8080": ir.Listener(
            name="http/127.0.0.1/8080", address="127.0.0.1", port=8080,
            chains=(ir.Chain(table="8080", origin=ir_origin(0)),), origin=ir_origin(0),
        ),
        "http/127.0.0.1/8081": ir.Listener(
            name="http/127.0.0.1/8081", address="127.0.0.1", port=8081,
            chains=(ir.Chain(table="8081", origin=ir_origin(2)),), origin=ir_origin(2),
        ),
    }  # fmt: skip


def ir_origin(index: int) -> Any:
    return EDGE, f"spec.listeners[{index}]"


def test_https_listeners_of_a_port_are_chains_of_one_socket() -> None:
    found = edge(https("b", hostname="b.example.com"), https("a"))
    (socket,) = found.listeners().values()
    assert [(chain.table, chain.called, chain.server_names) for chain in socket.chains] == [
        ("8443/https", "8443/a", ()),
        ("8443/https", "8443/b", ("b.example.com",)),
    ]
    assert all(chain.tls == ir.TlsTermination(certificates=("secret/shop/cert",)) for chain in socket.chains)


def test_a_good_listener_is_accepted_resolved_and_programmed_once_a_proxy_has_it() -> None:
    found = edge(http())
    for type_, expected in {
        "Accepted": ("True", "Accepted"),
        "Conflicted": ("False", "NoConflicts"),
        "ResolvedRefs": ("True", "ResolvedRefs"),
        "Programmed": ("True", "Programmed"),
    }.items():
        assert found.listener_condition("http", type_) == expected
    assert found.condition(EDGE, "Accepted") == ("True", "Accepted")
    assert found.condition(EDGE, "Programmed") == ("True", "Programmed")


def test_nothing_is_programmed_before_a_proxy_has_it() -> None:
    found = World(gateway())
    assert found.condition(EDGE, "Programmed") == ("False", "Pending")
    assert found.listener_condition("http", "Programmed") == ("False", "Pending")


def test_every_condition_speaks_of_the_current_generation() -> None:
    found = World(gateway() | {"metadata": {"name": "edge", "namespace": "shop", "generation": 7}})
    status = found.status()
    said = status["conditions"] + [said for one in status["listeners"] for said in one["conditions"]]
    assert {condition["observedGeneration"] for condition in said} == {7}


def test_a_protocol_we_do_not_serve_is_refused_with_no_supported_kinds() -> None:
    found = edge({"name": "odd", "port": 9000, "protocol": "example.com/odd"}, http())
    assert found.listener_condition("odd", "Accepted") == ("False", "UnsupportedProtocol")
    assert found.listener_condition("odd", "Programmed") == ("False", "Invalid")
    assert found.listener_status("odd")["supportedKinds"] == []
    assert found.condition(EDGE, "Accepted") == ("True", "ListenersNotValid")
    assert found.condition(EDGE, "Programmed") == ("True", "Programmed")
    assert list(found.listeners()) == ["http/127.0.0.1/8080"]


def test_a_protocol_in_lower_case_is_told_with_the_one_that_was_meant() -> None:
    found = edge({"name": "odd", "port": 9000, "protocol": "http"}, http())
    said = {one["type"]: one for one in found.listener_status("odd")["conditions"]}["Accepted"]
    assert said["reason"] == "UnsupportedProtocol"
    assert said["message"].startswith("Protocol http is not served; HTTP, ")
    assert 'did you mean "HTTP"?' in said["message"]


def test_a_gateway_without_a_valid_listener_is_not_accepted() -> None:
    found = edge({"name": "odd", "port": 9000, "protocol": "example.com/odd"})
    assert found.condition(EDGE, "Accepted") == ("False", "ListenersNotValid")
    assert found.condition(EDGE, "Programmed") == ("False", "Invalid")
    assert found.listeners() == {}


def test_listeners_with_the_same_port_and_hostname_all_lose() -> None:
    found = edge(http("a", hostname="a.b"), http("b", hostname="a.b"), http("c"))
    for name in "ab":
        assert found.listener_condition(name, "Conflicted") == ("True", "HostnameConflict")
        assert found.listener_condition(name, "Accepted") == ("False", "HostnameConflict")
        assert found.listener_condition(name, "Programmed") == ("False", "Invalid")
    assert found.listener_condition("c", "Programmed") == ("True", "Programmed")


def test_http_and_https_on_one_port_are_a_conflict_of_protocols() -> None:
    found = edge(http("a", 8080, hostname="a.b"), https("b", 8080), http("c", 8081))
    assert found.listener_condition("a", "Conflicted") == ("True", "ProtocolConflict")
    assert found.listener_condition("b", "Conflicted") == ("True", "ProtocolConflict")
    assert list(found.listeners()) == ["http/127.0.0.1/8081"]


@pytest.mark.parametrize(
    ("kinds", "supported", "resolved"),
    [
        ([], ["HTTPRoute", "GRPCRoute"], ("True", "ResolvedRefs")),
        ([{"kind": "GRPCRoute"}], ["GRPCRoute"], ("True", "ResolvedRefs")),
        ([{"kind": "HTTPRoute"}], ["HTTPRoute"], ("True", "ResolvedRefs")),
        ([{"kind": "HTTPRoute"}, {"kind": "Odd"}], ["HTTPRoute"], ("False", "InvalidRouteKinds")),
        ([{"kind": "Odd"}], [], ("False", "InvalidRouteKinds")),
        ([{"kind": "HTTPRoute", "group": "example.com"}], [], ("False", "InvalidRouteKinds")),
    ],
)
def test_unknown_kinds_of_routes_are_told_and_the_known_ones_stay(
    kinds: Any, supported: list[str], resolved: tuple[str, str]
) -> None:
    found = edge(http(allowedRoutes={"kinds": kinds, "namespaces": {"from": "All"}}))
    found.apply(http_route("r"))
    assert [kind["kind"] for kind in found.listener_status("http")["supportedKinds"]] == supported
    assert found.listener_condition("http", "ResolvedRefs") == resolved
    assert found.listener_status("http")["attachedRoutes"] == supported.count("HTTPRoute")


def test_callers_that_should_be_checked_and_cannot_find_a_closed_door() -> None:
    checked = {"validation": {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}}
    only_8443 = {"frontend": {"default": {}, "perPort": [{"port": 8443, "tls": checked}]}}
    found = edge(https("a"), https("b", 9443), tls=only_8443)
    assert found.listener_condition("a", "Accepted") == ("False", "NoValidCACertificate")
    assert list(found.listeners()) == ["http/127.0.0.1/9443"]
    assert edge(https("a"), tls={"frontend": {"default": checked}}).listeners() == {}


def test_tls_that_is_not_terminated_does_not_go_with_https() -> None:
    found = edge(https(tls={"mode": "Passthrough"}))
    assert found.listener_condition("https", "Accepted") == ("False", "UnsupportedValue")


def test_https_listeners_that_share_hosts_say_so() -> None:
    found = edge(https("wide"), https("narrow", hostname="a.b"), https("far", 9443))
    assert found.listener_condition("wide", "OverlappingTLSConfig") == ("True", "OverlappingHostnames")
    assert found.listener_condition("narrow", "OverlappingTLSConfig") == ("True", "OverlappingHostnames")
    assert found.listener_condition("far", "OverlappingTLSConfig") == ("", "")


def test_every_listener_is_bound_on_every_address() -> None:
    found = edge(http(), http("b", 8081), addresses=[{"value": "127.0.0.2"}, {"value": "::1"}])
    assert sorted(found.listeners()) == [
        "http/127.0.0.2/8080", "http/127.0.0.2/8081", "http/::1/8080", "http/::1/8081",
    ]  # fmt: skip
    assert found.status()["addresses"] == [
        {"type": "IPAddress", "value": "127.0.0.2"},
        {"type": "IPAddress", "value": "::1"},
    ]


def test_without_addresses_the_operators_default_is_bound() -> None:
    found = edge(http(), addresses=[{"type": "IPAddress"}])
    assert list(found.listeners()) == ["http/127.0.0.1/8080"]
    found.commit({SettingsKey(): Settings(address="127.0.0.9")})
    assert list(found.listeners()) == ["http/127.0.0.9/8080"]
    assert found.status()["addresses"] == [{"type": "IPAddress", "value": "127.0.0.9"}]


def test_an_address_that_was_assigned_takes_the_place_of_the_default() -> None:
    found = edge(http())
    found.commit({AssignedAddress.of(EDGE): "127.0.0.7"})
    assert list(found.listeners()) == ["http/127.0.0.7/8080"]
    assert found.status()["addresses"] == [{"type": "IPAddress", "value": "127.0.0.7"}]


def test_a_gateway_for_which_no_address_is_left_says_so_and_serves_on_the_ones_it_names() -> None:
    found = edge(http())
    found.commit({AssignedAddress.of(EDGE): ""})
    assert found.condition(EDGE, "Accepted") == ("True", "Accepted")
    assert found.condition(EDGE, "Programmed") == ("False", "AddressNotAssigned")
    assert found.listeners() == {}
    found = edge(http(), addresses=[{"value": "127.0.0.2"}, {"type": "IPAddress"}])
    found.commit({AssignedAddress.of(EDGE): ""})
    assert found.condition(EDGE, "Programmed") == ("False", "AddressNotAssigned")
    assert list(found.listeners()) == ["http/127.0.0.2/8080"]


def test_an_address_of_an_unknown_type_is_refused() -> None:
    found = edge(http(), addresses=[{"type": "example.com/odd", "value": "x"}])
    assert found.condition(EDGE, "Accepted") == ("False", "UnsupportedAddress")
    assert found.condition(EDGE, "Programmed") == ("False", "Invalid")
    assert found.listeners() == {}
    assert found.status()["addresses"] == []


def test_an_address_nobody_can_have_is_told_and_the_others_serve() -> None:
    found = edge(http(), addresses=[{"value": "not-an-address"}, {"value": "127.0.0.3"}])
    assert found.condition(EDGE, "Accepted") == ("True", "Accepted")
    assert found.condition(EDGE, "Programmed") == ("False", "AddressNotUsable")
    assert list(found.listeners()) == ["http/127.0.0.3/8080"]


def test_parameters_we_do_not_know_are_refused() -> None:
    reference = {"parametersRef": {"group": "example.com", "kind": "Odd", "name": "x"}}
    assert edge(http(), infrastructure=reference).condition(EDGE, "Accepted") == (
        "False",
        "InvalidParameters",
    )


def test_a_gateway_of_another_controller_is_none_of_our_business() -> None:
    theirs = (gateway_class("other", "example.com/other"), gateway(gatewayClassName="other"))
    found = World(*theirs, http_route("r"))
    assert (found.values(LISTENERS), found.status()) == ({}, None)
    assert found.status(ResourceId("HTTPRoute", "shop", "r")) == {"parents": []}
    assert ResourceId("GatewayClass", "", "other") not in found.values(STATUSES)


def test_our_class_is_accepted_with_the_features_that_work() -> None:
    status = World().status(OURS)
    assert of_type(status["conditions"], "Accepted") == ("True", "Accepted")
    assert of_type(status["conditions"], "SupportedVersion") == ("True", "SupportedVersion")
    names = [feature["name"] for feature in status["supportedFeatures"]]
    assert names == sorted(names)
    assert "HTTPRouteRequestMultipleMirrors" in names


def test_a_class_with_parameters_we_do_not_know_serves_nothing() -> None:
    reference = {"group": "example.com", "kind": "Odd", "name": "x"}
    found = World(gateway_class(parametersRef=reference), gateway())
    assert found.condition(OURS, "Accepted") == (
        "False",
        "InvalidParameters",
    )
    assert found.condition(EDGE, "Accepted") == ("False", "InvalidParameters")
    assert found.listeners() == {}


def test_a_gateway_that_goes_takes_everything_with_it() -> None:
    found = edge(http())
    found.apply(http_route("r", hostnames=["a.b"]))
    found.remove(EDGE)
    assert {output.name: found.values(output) for output in found.outputs() if found.values(output)} == {
        "statuses": {
            OURS: found.status(OURS),
            ResourceId("HTTPRoute", "shop", "r"): {"parents": []},
        }
    }
