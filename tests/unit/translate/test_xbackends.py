"""XBackends and XBackendTrafficPolicies: ways outside that close rather than open, and who is told."""

from typing import Any

import pytest
from tests.unit.translate.certificates import key_pair, tls_secret
from tests.unit.translate.world import (
    EDGE,
    Document,
    World,
    backend,
    document,
    gateway,
    http_route,
    of_type,
    route,
    rule,
    service,
)

from sekisho import ir
from sekisho.ir.cluster import Host
from sekisho.model.names import ResourceId
from sekisho.translate.outputs import AUTHORITIES, CLIENT_CERTIFICATES, STATUSES

GROUP = "gateway.networking.x-k8s.io"
BANK = ResourceId("XBackend", "shop", "bank")
NAME = "backend/shop/bank/443"
BUNDLE = "authorities/XBackend/shop/bank"
AUTHORITY = {"group": "", "kind": "ConfigMap", "name": "ca"}
BELIEVING = {"hostname": "api.bank.example", "caCertificateRefs": [AUTHORITY]}
LATER = {"creationTimestamp": "2026-01-02T00:00:00Z"}


def bank(**spec: Any) -> Document:
    where = {
        "type": "ExternalHostname",
        "externalHostname": {"hostname": "api.bank.example"},
        "port": {"port": 443},
    }
    return document("XBackend", "bank", spec={**where, **spec})


def tls(mode: str = "ServerOnly", **more: Any) -> Document:
    return {"tls": {"mode": mode, **more}}


def leading(kind: str = "HTTPRoute", **reference: Any) -> Document:
    to = rule({"group": GROUP, "kind": "XBackend", "name": "bank", **reference})
    return http_route("r", to) if kind == "HTTPRoute" else route(kind, "r", to)


def world(*documents: Document) -> World:
    return World(gateway(), leading(), *documents)


def authorities() -> Document:
    return document("ConfigMap", "ca", data={"ca.crt": key_pair("ca.example.com")[0].decode()})


def accepted(found: World, id_: ResourceId = BANK, entries: str = "parents") -> tuple[str, str]:
    (entry,) = found.engine.value(STATUSES, id_)[entries]
    return of_type(entry["conditions"], "Accepted")


def test_it_is_looked_up_guarded_and_asked_by_its_name() -> None:
    found = world(bank())
    cluster = found.clusters()[NAME]
    assert cluster.hosts == (Host("api.bank.example", 443),)
    assert cluster.guarded, "a name may lead to the host itself"
    assert cluster.transport is None
    assert found.forward().host_of_server
    assert accepted(found) == ("True", "Accepted")


def test_nobody_is_told_of_one_that_no_route_leads_to() -> None:
    assert World(gateway(), bank()).engine.value(STATUSES, BANK) == {"parents": []}


@pytest.mark.parametrize(
    ("protocol", "spoken", "alpn"),
    [
        (None, ir.Protocol.HTTP1, ("http/1.1",)),
        ("HTTP", ir.Protocol.HTTP1, ("http/1.1",)),
        ("HTTP11", ir.Protocol.HTTP1, ("http/1.1",)),
        ("MCP", ir.Protocol.HTTP1, ("http/1.1",)),
        ("HTTP2", ir.Protocol.H2C, ("h2",)),
    ],
)
def test_its_protocol_is_spoken_and_offered(
    protocol: str | None, spoken: ir.Protocol, alpn: tuple[str, ...]
) -> None:
    cluster = world(bank(**tls(), **({"protocol": protocol} if protocol else {}))).clusters()[NAME]
    assert cluster.protocol is spoken
    assert isinstance(cluster.transport, ir.ServerTls)
    assert cluster.transport.alpn == alpn


def test_calls_go_there_over_http2_unless_it_speaks_less() -> None:
    found = World(gateway(), leading("GRPCRoute"), bank())
    assert found.clusters()[NAME].protocol is ir.Protocol.GRPC
    assert World(gateway(), leading("GRPCRoute"), bank(protocol="HTTP11")).clusters() == {}


@pytest.mark.parametrize(
    ("reference", "fields", "reason"),
    [
        ({"port": 80}, {}, "BackendNotFound"),
        ({"name": "gone"}, {}, "BackendNotFound"),
        ({"namespace": "other"}, {}, "RefNotPermitted"),
        ({}, {"protocol": "TCP"}, "UnsupportedProtocol"),
    ],
)
def test_a_reference_that_leads_nowhere_closes_its_rule(
    reference: Document, fields: Document, reason: str
) -> None:
    found = World(gateway(), leading(**reference), bank(**fields))
    assert found.route().action == ir.Respond(status=500)
    assert found.parent_condition("r", "ResolvedRefs") == ("False", reason)


def test_without_words_about_it_its_name_is_verified_by_whom_everybody_believes() -> None:
    transport = world(bank(**tls())).clusters()[NAME].transport
    assert transport == ir.ServerTls(server_name="api.bank.example", alpn=("http/1.1",))


def test_whom_it_says_is_believed_and_nobody_where_that_one_is_not_there() -> None:
    found = world(bank(**tls(validation=BELIEVING)))
    assert NAME not in found.clusters()
    assert accepted(found) == ("False", "InvalidCACertificateRef")
    found.apply(authorities())
    transport = found.clusters()[NAME].transport
    assert isinstance(transport, ir.ServerTls)
    assert transport.authorities == BUNDLE
    assert found.engine.value(AUTHORITIES, (EDGE, BUNDLE)).authorities
    assert accepted(found) == ("True", "Accepted")


def test_who_is_to_show_a_certificate_and_has_none_does_not_go_there() -> None:
    found = world(bank(**tls("ClientAndServer", clientCertificateRef={"name": "me"})))
    assert NAME not in found.clusters()
    assert accepted(found) == ("False", "InvalidCertificateRef")
    found.apply(tls_secret("me", "edge.example.com"))
    transport = found.clusters()[NAME].transport
    assert isinstance(transport, ir.ServerTls)
    assert found.engine.value(CLIENT_CERTIFICATES, (EDGE, transport.certificate)).key


def test_where_a_mesh_has_one_way_out_this_is_not_another() -> None:
    found = world(bank(), document("Mesh", "default", namespace="", spec={"egress": "Required"}))
    assert NAME not in found.clusters()
    assert accepted(found) == ("False", "EgressRequired")


def test_nobody_is_asked_by_a_host_name_nor_gets_copies_as_nobody_would_look_where_it_leads() -> None:
    """Envoy sends both past the filters of a cluster, where the guard is."""
    named = {"group": GROUP, "kind": "XBackend", "name": "bank"}
    asking = {"type": "ExternalAuth", "externalAuth": {"protocol": "HTTP", "backendRef": named, "http": {}}}
    copying = {"type": "RequestMirror", "requestMirror": {"backendRef": named}}
    found = World(
        service(), gateway(), bank(),
        http_route("asks", {**rule(backend()), "filters": [asking]}, hostnames=["asks.test"]),
        http_route("copies", {**rule(backend()), "filters": [copying]}, hostnames=["copies.test"]),
    )  # fmt: skip
    assert NAME not in found.clusters()
    assert not isinstance(found.route("asks.test").action, ir.Forward)
    forward = found.route("copies.test").action
    assert isinstance(forward, ir.Forward)
    assert forward.mirrors == ()
    for name in ("asks", "copies"):
        assert found.parent_condition(name, "ResolvedRefs") == ("False", "InvalidKind")


def policy(name: str = "p", metadata: Any = None, **spec: Any) -> Document:
    target = {"group": "", "kind": "Service", "name": "web"}
    return document(
        "XBackendTrafficPolicy", name, metadata=metadata or {}, spec={"targetRefs": [target], **spec}
    )


def sending(*documents: Document) -> World:
    return World(gateway(), service(), http_route("r", rule(backend())), *documents)


def test_retries_are_bounded_as_the_policy_says_and_by_default_as_the_specification_does() -> None:
    found = sending(policy(retryConstraint={}))
    limits = found.clusters()["shop/web/80"].limits
    assert limits.retry_budget == ir.RetryBudget(percent=20, interval_ms=10_000, least=10)
    rate = {"count": 90, "interval": "1m"}
    found.apply(policy(retryConstraint={"budget": {"percent": 5, "interval": "1s"}, "minRetryRate": rate}))
    limits = found.clusters()["shop/web/80"].limits
    assert limits.retry_budget == ir.RetryBudget(percent=5, interval_ms=1_000, least=2)
    found.remove(ResourceId("XBackendTrafficPolicy", "shop", "p"))
    assert found.clusters()["shop/web/80"].limits.retry_budget is None


def test_where_something_is_tried_again_it_is_told_whose_budget_may_keep_it_from_that() -> None:
    both = rule(backend(), backend("other"), retry={"attempts": 1, "codes": [500]})
    found = World(gateway(), service(), service("other"), http_route("r", both))
    assert [share.has_retry_budget for share in found.forward().shares] == [False, False]
    found.apply(policy(retryConstraint={}))
    assert [share.has_retry_budget for share in found.forward().shares] == [True, False]
    found.apply(http_route("r", rule(backend())))
    assert [share.has_retry_budget for share in found.forward().shares] == [False]


def test_of_two_policies_the_older_counts_and_the_other_is_told() -> None:
    found = sending(
        policy(retryConstraint={"budget": {"percent": 1}}), policy("q", LATER, retryConstraint={})
    )
    budget = found.clusters()["shop/web/80"].limits.retry_budget
    assert budget is not None
    assert budget.percent == 1
    ids = [ResourceId("XBackendTrafficPolicy", "shop", name) for name in ("p", "q")]
    assert [accepted(found, one, "ancestors") for one in ids] == [
        ("True", "Accepted"),
        ("False", "Conflicted"),
    ]


def test_sessions_of_a_backend_hold_where_a_rule_says_nothing() -> None:
    found = sending(policy(sessionPersistence={"sessionName": "kept"}))
    assert found.forward().session == ir.Session(name="kept", by="cookie")
    found.apply(http_route("r", rule(backend(), sessionPersistence={"sessionName": "own"})))
    assert found.forward().session == ir.Session(name="own", by="cookie")


def test_a_session_that_cannot_be_kept_is_none_and_its_policy_is_told() -> None:
    found = sending(policy(sessionPersistence={"absoluteTimeout": "1h"}))
    assert found.forward().session is None
    id_ = ResourceId("XBackendTrafficPolicy", "shop", "p")
    assert accepted(found, id_, "ancestors") == ("False", "Invalid")
