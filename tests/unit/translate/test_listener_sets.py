"""ListenerSets: who is let in, which listener wins, who may attach to them, and what authors are told."""

from typing import Any

import pytest
from tests.unit.translate.certificates import tls_secret
from tests.unit.translate.world import (
    EDGE,
    World,
    door,
    gateway,
    gateway_class,
    http,
    http_route,
    https,
    listener_set,
    namespace,
    passthrough,
    reference_grant,
    route,
    service,
)

from sekisho.model.names import ResourceId
from sekisho.translate.facts import SYNCED, ProxyState
from sekisho.translate.gateway.sockets import CERTIFICATES
from sekisho.translate.outputs import EXPIRIES, INFRASTRUCTURE, LISTENERS, VIRTUAL_HOSTS

MORE = ResourceId("ListenerSet", "shop", "more")
TEAM = ResourceId("ListenerSet", "team", "more")
ALL = {"allowedListeners": {"namespaces": {"from": "All"}}}
TO_MORE = [{"kind": "ListenerSet", "name": "more"}]


def edge(*documents: Any, listeners: tuple[Any, ...] = (), **spec: Any) -> World:
    """A Gateway that lets everybody in, whose proxies are up to date."""
    own = listeners or (http("own", hostname="own.test"),)
    found = World(gateway(*own, **(ALL | spec)), service(), *documents)
    found.commit({ProxyState.of(EDGE): SYNCED})
    return found


def made(day: int) -> dict[str, Any]:
    return {"metadata": {"creationTimestamp": f"2026-01-{day:02}T00:00:00Z"}}


def entry(found: World, name: str, of: ResourceId = MORE) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition of a listener."""
    listener = next(one for one in found.status(of)["listeners"] if one["name"] == name)
    return {said["type"]: (said["status"], said["reason"]) for said in listener["conditions"]}


@pytest.mark.parametrize(
    ("wanted", "let_in"),
    [
        (None, ()),
        ({}, ()),
        ({"from": "None"}, ()),
        ({"from": "Same"}, (MORE,)),
        ({"from": "All"}, (MORE, TEAM)),
        ({"from": "Selector", "selector": {"matchLabels": {"may": "listen"}}}, (TEAM,)),
        ({"from": "Selector"}, ()),
    ],
)
def test_a_gateway_lets_in_whom_it_names_and_by_default_nobody(wanted: Any, let_in: Any) -> None:
    allowed = {} if wanted is None else {"allowedListeners": {"namespaces": wanted}}
    found = World(
        gateway(http(hostname="own.test"), **allowed),
        namespace("team", may="listen"),
        listener_set("more", http("a", hostname="a.test")),
        listener_set("more", http("b", hostname="b.test"), namespace="team"),
    )
    for one in (MORE, TEAM):
        accepted = ("True", "Accepted") if one in let_in else ("False", "NotAllowed")
        programmed = ("False", "Pending") if one in let_in else ("False", "NotAllowed")
        assert found.condition(one, "Accepted") == accepted
        assert found.condition(one, "Programmed") == programmed
        assert len(found.status(one)["listeners"]) == (one in let_in)
    assert found.status()["attachedListenerSets"] == len(let_in)
    assert (found.host("a.test") is not None) is (MORE in let_in)


@pytest.mark.parametrize(
    "parent", [{"name": "missing"}, {"name": "other"}, {"name": "edge", "kind": "Other"}]
)
def test_nothing_is_said_of_a_listener_set_of_somebody_else(parent: Any) -> None:
    other = gateway(name="other", **ALL)
    other["spec"]["gatewayClassName"] = "foreign"
    found = edge(
        gateway_class("foreign", controller="example.com/other"), other, listener_set("more", parent=parent)
    )
    assert found.status(MORE) is None
    found.apply(http_route("r", parents=TO_MORE))
    assert found.status(ResourceId("HTTPRoute", "shop", "r"))["parents"] == []


def test_a_listener_set_adds_its_listeners_to_the_proxies_of_its_gateway() -> None:
    found = edge(
        listener_set("more", http("a", hostname="a.test"), http("b", 9090)),
        http_route("r", parents=TO_MORE),
    )
    assert found.routes("a.test") == ["shop/r/0/0"]
    assert found.routes("*", "9090") == ["shop/r/0/0"]
    assert found.routes("own.test") == []
    assert sorted(found.listeners()) == ["http/127.0.0.1/8080", "http/127.0.0.1/9090"]
    ports = found.engine.value(INFRASTRUCTURE, EDGE)["spec"]["ports"]
    assert [port["port"] for port in ports] == [8080, 9090]
    assert found.condition(MORE, "Accepted") == ("True", "Accepted")
    assert found.condition(MORE, "Programmed") == ("True", "Programmed")
    assert found.status(MORE)["listeners"][0]["attachedRoutes"] == 1


def test_a_route_of_the_gateway_is_no_route_of_its_listener_sets() -> None:
    found = edge(listener_set("more", http("a", hostname="a.test")), http_route("r"))
    assert found.routes("own.test") == ["shop/r/0/0"]
    assert found.routes("a.test") == []
    found.apply(http_route("r", parents=[{"name": "edge", "sectionName": "a"}]))
    assert found.parent_condition("r", "Accepted") == ("False", "NoMatchingParent")


def test_each_parent_is_answered_for_itself() -> None:
    parents = [{"name": "edge", "sectionName": "nowhere"}, TO_MORE[0] | {"sectionName": "a"}]
    found = edge(listener_set("more", http("a", hostname="a.test")), http_route("r", parents=parents))
    assert found.parent_condition("r", "Accepted", 0) == ("False", "NoMatchingParent")
    assert found.parent_condition("r", "Accepted", 1) == ("True", "Accepted")
    (_, second) = found.status(ResourceId("HTTPRoute", "shop", "r"))["parents"]
    assert second["parentRef"]["kind"] == "ListenerSet"


def test_a_route_of_a_listener_set_that_is_not_let_in_is_refused() -> None:
    found = edge(listener_set("more"), http_route("r", parents=TO_MORE), allowedListeners={})
    assert found.parent_condition("r", "Accepted") == ("False", "NoMatchingParent")


def test_same_namespace_is_that_of_the_listener_set() -> None:
    same = http("a", hostname="a.test", allowedRoutes={"namespaces": {"from": "Same"}})
    parents = [{"kind": "ListenerSet", "name": "more", "namespace": "team"}]
    found = edge(
        listener_set("more", same, namespace="team"),
        http_route("near", parents=parents, namespace="team"),
        http_route("far", parents=parents),
    )
    assert found.parent_condition("far", "Accepted") == ("False", "NotAllowedByListeners")
    assert found.routes("a.test") == ["team/near/0/0"]


def test_the_gateways_own_listener_wins_a_hostname() -> None:
    found = edge(listener_set("more", http("mine", hostname="own.test"), http("b", hostname="b.test")))
    lost = ("False", "HostnameConflict")
    said = entry(found, "mine")
    assert (said["Accepted"], said["Programmed"]) == (lost, lost)
    assert said["Conflicted"] == ("True", "HostnameConflict")
    assert found.listener_condition("own", "Accepted") == ("True", "Accepted")
    assert found.listener_condition("own", "Conflicted") == ("False", "NoConflicts")
    assert found.condition(MORE, "Accepted") == ("True", "ListenersNotValid")
    assert found.condition(MORE, "Programmed") == ("True", "Programmed")
    assert found.status()["attachedListenerSets"] == 1


def test_the_oldest_listener_set_wins_then_the_first_by_name() -> None:
    listener = http("x", hostname="x.test")
    names = {"b": 1, "a": 2, "c": 2}
    found = edge(*(listener_set(name, listener, **made(day)) for name, day in names.items()))
    taken = {name: ResourceId("ListenerSet", "shop", name) for name in names}
    for winner in ("b", "a", "c"):
        accepted = {name: found.condition(one, "Accepted")[0] for name, one in taken.items()}
        assert accepted == {name: "True" if name == winner else "False" for name in taken}
        for name, one in taken.items():
            if name != winner:
                assert found.condition(one, "Programmed") == ("False", "ListenersNotValid")
        assert found.status()["attachedListenerSets"] == 1
        found.remove(taken.pop(winner))


def test_who_loses_does_not_learn_from_whom() -> None:
    found = edge(
        listener_set("secret", http("s", hostname="x.test"), namespace="team", **made(1)),
        listener_set("more", http("x", hostname="x.test"), **made(2)),
    )
    assert "secret" not in str(found.status(MORE))


def test_a_port_keeps_the_protocol_of_its_first_listener() -> None:
    found = edge(
        listener_set("more", door("TCP", "bytes", 8080), door("TCP", "other", 9000), **made(2)),
        listener_set("late", http("h", 9000), **made(3)),
    )
    assert entry(found, "bytes")["Conflicted"] == ("True", "ProtocolConflict")
    assert entry(found, "bytes")["Programmed"] == ("False", "ProtocolConflict")
    assert entry(found, "other")["Accepted"] == ("True", "Accepted")
    late = ResourceId("ListenerSet", "shop", "late")
    assert entry(found, "h", late)["Accepted"] == ("False", "ProtocolConflict")
    assert found.listener_condition("own", "Accepted") == ("True", "Accepted")
    found.remove(MORE)
    assert entry(found, "h", late)["Accepted"] == ("True", "Accepted")


def test_what_lost_its_port_takes_no_hostname_from_others() -> None:
    found = edge(
        listener_set("more", https("s", 8080, hostname="x.test"), **made(1)),
        listener_set("late", http("h", hostname="x.test"), **made(2)),
    )
    assert entry(found, "h", ResourceId("ListenerSet", "shop", "late"))["Accepted"] == ("True", "Accepted")


def test_inside_one_listener_set_the_first_wins() -> None:
    found = edge(listener_set("more", http("a", 9000), door("TCP", "b", 9000)))
    assert entry(found, "a")["Accepted"] == ("True", "Accepted")
    assert entry(found, "b")["Accepted"] == ("False", "ProtocolConflict")


def test_certificates_need_a_grant_to_the_listener_set_itself() -> None:
    far = https("s", hostname="s.test", tls={"certificateRefs": [{"name": "cert", "namespace": "vault"}]})
    found = edge(
        tls_secret("cert", "s.test", namespace="vault"),
        reference_grant("Gateway", "shop", "Secret", namespace="vault", name="to-the-gateway"),
        listener_set("more", far),
    )
    assert entry(found, "s")["ResolvedRefs"] == ("False", "RefNotPermitted")
    assert found.condition(MORE, "Accepted") == ("False", "ListenersNotValid")
    assert found.condition(MORE, "Programmed") == ("False", "ListenersNotValid")
    assert "http/127.0.0.1/8443" not in found.listeners()
    assert found.values(EXPIRIES) == {}
    found.apply(reference_grant("ListenerSet", "shop", "Secret", namespace="vault", name="to-the-set"))
    assert entry(found, "s")["ResolvedRefs"] == ("True", "ResolvedRefs")
    assert found.condition(MORE, "Accepted") == ("True", "Accepted")
    assert list(found.values(CERTIFICATES)) == [(EDGE, "secret/vault/cert")]
    assert list(found.values(EXPIRIES)) == [ResourceId("Secret", "vault", "cert")]


def test_the_gateways_own_grant_does_not_come_from_its_listener_sets() -> None:
    far = https("s", tls={"certificateRefs": [{"name": "cert", "namespace": "vault"}]})
    found = edge(
        tls_secret("cert", "s.test", namespace="vault"),
        reference_grant("ListenerSet", "shop", "Secret", namespace="vault"),
        listeners=(far,),
    )
    assert found.listener_condition("s", "ResolvedRefs") == ("False", "RefNotPermitted")


def test_https_listeners_of_all_sources_are_chains_of_one_socket_and_one_table() -> None:
    found = edge(
        tls_secret("cert", "*.test"),
        tls_secret("cert", "*.test", namespace="team"),
        listener_set("more", https("https", hostname="a.test"), namespace="team"),
        http_route("r", parents=[{"kind": "ListenerSet", "name": "more", "namespace": "team"}]),
        listeners=(https("https", hostname="*.test"),),
    )
    (socket,) = found.listeners().values()
    assert [(chain.called, chain.table, chain.server_names) for chain in socket.chains] == [
        ("8443/https", "8443/https", ("*.test",)),
        ("8443/~secret/team/cert", "8443/https", ("a.test",)),
    ]
    host = found.host("a.test", "8443/https")
    assert host is not None
    assert (host.server_name, [one.name for one in host.routes]) == ("a.test", ["shop/r/0/0"])


def test_listeners_of_listener_sets_share_a_chain_with_those_of_their_certificate() -> None:
    wild = {"certificateRefs": [{"name": "wild"}]}
    found = edge(
        tls_secret("cert", "*.test"),
        tls_secret("wild", "*.wild.test"),
        listener_set("a", https("one", hostname="a.test"), https("two", hostname="b.test")),
        listener_set("b", https("one", hostname="c.test"), https("w", hostname="a.wild.test", tls=wild)),
        listener_set("c", https("any", hostname="*.wild.test", tls=wild)),
        listeners=(https("own", hostname="own.test"),),
    )
    (socket,) = found.listeners().values()
    assert [(chain.called, chain.server_names, chain.shared) for chain in socket.chains] == [
        ("8443/own", ("own.test",), False),
        ("8443/shop/c/any", ("*.wild.test",), False),
        ("8443/~secret/shop/cert", ("a.test", "b.test", "c.test"), True),
        ("8443/~secret/shop/wild", ("a.wild.test",), True),
    ]


def test_tls_that_is_passed_on_by_a_listener_set() -> None:
    found = edge(
        listener_set("more", passthrough("t", hostname="*.t.test")),
        route("TLSRoute", "r", parents=TO_MORE, hostnames=["a.t.test"]),
    )
    chains = found.listeners()["http/127.0.0.1/8443"].chains
    assert [chain.table for chain in chains] == [
        "8443/shop/more/t/*.t.test", "8443/shop/more/t/a.t.test"
    ]  # fmt: skip
    assert chains[1].tcp is not None
    assert chains[1].tcp.shares == (("tcp/shop/web/80", 1),)


def test_overlapping_hosts_are_told_without_the_names_of_others() -> None:
    found = edge(
        tls_secret("cert", "*.test"),
        tls_secret("cert", "*.test", namespace="team"),
        listener_set("more", https("s", hostname="a.test"), namespace="team"),
        listeners=(https("wide", hostname="*.test"), https("far", hostname="a.other")),
    )
    overlapping = ("True", "OverlappingHostnames")
    assert found.listener_condition("wide", "OverlappingTLSConfig") == overlapping
    assert entry(found, "s", TEAM)["OverlappingTLSConfig"] == overlapping
    assert found.listener_condition("far", "OverlappingTLSConfig") == ("", "")
    found.remove(TEAM)
    assert found.listener_condition("wide", "OverlappingTLSConfig") == ("", "")


def test_kinds_that_cannot_attach_are_told_as_at_a_gateway() -> None:
    kinds = {"namespaces": {"from": "All"}, "kinds": [{"kind": "TLSRoute"}]}
    found = edge(listener_set("more", http("a", hostname="a.test", allowedRoutes=kinds)))
    assert entry(found, "a")["ResolvedRefs"] == ("False", "InvalidRouteKinds")


def test_a_gateway_that_cannot_be_served_takes_its_listener_sets_with_it() -> None:
    found = edge(listener_set("more"), addresses=[{"type": "Hostname", "value": "a.test"}])
    assert found.condition(MORE, "Accepted") == ("False", "ParentNotAccepted")
    assert found.condition(MORE, "Programmed") == ("False", "ParentNotProgrammed")
    assert found.status()["attachedListenerSets"] == 0


def test_what_a_gateway_no_longer_lets_in_is_gone() -> None:
    found = edge(listener_set("more", http("a", 9090)), http_route("r", parents=TO_MORE))
    found.apply(gateway(http("own", hostname="own.test")))
    assert "http/127.0.0.1/9090" not in found.listeners()
    assert found.condition(MORE, "Accepted") == ("False", "NotAllowed")
    found.apply(gateway(http("own", hostname="own.test"), **ALL))
    assert found.routes("*", "9090") == ["shop/r/0/0"]
    found.remove(EDGE)
    assert found.listeners() == {}
    assert found.status(MORE) is None


def test_a_change_of_one_listener_set_runs_nothing_for_the_others() -> None:
    many = 40
    found = edge(
        tls_secret("cert", "*.test"),
        *(listener_set(f"s{n}", https("s", hostname=f"h{n}.test")) for n in range(many)),
        *(http_route(f"r{n}", parents=[{"kind": "ListenerSet", "name": f"s{n}"}]) for n in range(many)),
    )
    found.engine.runs.clear()
    changes = found.apply(listener_set("s0", https("s", hostname="new.test")))
    assert {key[2] for key in changes.outputs[VIRTUAL_HOSTS]} == {"h0.test", "new.test"}
    assert len(changes.outputs[LISTENERS]) == 1
    most = {name: times for name, times in found.engine.runs.items() if times > 4}
    assert most == {}
