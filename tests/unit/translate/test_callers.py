"""Certificates of callers and of the Gateway itself: who is believed, what is shown, and what closes."""

from typing import Any

import pytest
from tests.unit.translate.certificates import key_pair, tls_secret
from tests.unit.translate.world import (
    EDGE,
    World,
    document,
    gateway,
    http,
    http_route,
    https,
    listener_set,
    reference_grant,
    service,
)

from sekisho import ir
from sekisho.model.names import ResourceId
from sekisho.translate.outputs import CALLER_AUTHORITIES, CLIENT_CERTIFICATES, EXPIRIES

DEFAULT, OWN = "authorities/Gateway/shop/edge/default", "authorities/Gateway/shop/edge/9443"


def validation(*names: str, kind: str = "ConfigMap", mode: str = "", **fields: str) -> dict[str, Any]:
    references = [{"group": "", "kind": kind, "name": name, **fields} for name in names]
    return {"validation": {"caCertificateRefs": references, **({"mode": mode} if mode else {})}}


def authorities(name: str = "ca", host: str = "ca.test", namespace: str = "shop") -> dict[str, Any]:
    return document("ConfigMap", name, namespace, data={"ca.crt": key_pair(host)[0].decode()})


def edge(*documents: Any, default: Any = None, ports: Any = (), listeners: Any = ()) -> World:
    frontend = {"default": default or {}, "perPort": [{"port": port, "tls": tls} for port, tls in ports]}
    own = listeners or (https("a"), https("b", 9443), http("plain"))
    return World(
        tls_secret("cert", "*.test"), authorities(), *documents, gateway(*own, tls={"frontend": frontend})
    )


def callers(found: World, port: int) -> ir.CallerValidation | None:
    (chain,) = found.listeners()[f"http/127.0.0.1/{port}"].chains
    assert chain.tls is not None
    return chain.tls.callers


def bundles(found: World) -> dict[str, bytes]:
    return {name: bundle.authorities for (_, name), bundle in found.values(CALLER_AUTHORITIES).items()}


def test_callers_of_every_https_port_are_asked_by_default() -> None:
    found = edge(default=validation("ca"))
    expected = ir.CallerValidation(authorities=DEFAULT, required=True)
    assert callers(found, 8443) == callers(found, 9443) == expected
    assert found.listeners()["http/127.0.0.1/8080"].chains[0].tls is None
    assert bundles(found) == {DEFAULT: key_pair("ca.test")[0]}
    for name in ("a", "b", "plain"):
        assert found.listener_condition(name, "ResolvedRefs") == ("True", "ResolvedRefs")


def test_what_a_port_has_of_its_own_counts_alone() -> None:
    found = edge(
        authorities("other", "other.test"), default=validation("ca"), ports=[(9443, validation("other"))]
    )
    assert callers(found, 9443) == ir.CallerValidation(authorities=OWN)
    assert bundles(found) == {DEFAULT: key_pair("ca.test")[0], OWN: key_pair("other.test")[0]}
    assert callers(edge(default=validation("ca"), ports=[(9443, {})]), 9443) is None
    assert callers(edge(ports=[(9443, validation("ca"))]), 8443) is None


def test_insecure_fallback_asks_needs_nothing_and_is_told() -> None:
    found = edge(default=validation("ca", mode="AllowInsecureFallback"))
    assert callers(found, 8443) == ir.CallerValidation(authorities=DEFAULT, required=False)
    assert found.condition(EDGE, "InsecureFrontendValidationMode") == ("True", "ConfigurationChanged")
    assert edge(default=validation("ca")).condition(EDGE, "InsecureFrontendValidationMode") == ("", "")


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (validation("missing"), "InvalidCACertificateRef"),
        (validation("empty"), "InvalidCACertificateRef"),
        (validation("ca", kind="Service"), "InvalidCACertificateKind"),
        (validation("ca", namespace="far"), "RefNotPermitted"),
    ],
)
@pytest.mark.parametrize("mode", ["AllowValidOnly", "AllowInsecureFallback"])
def test_where_nobody_can_be_believed_the_port_is_closed(wanted: Any, reason: str, mode: str) -> None:
    wanted["validation"]["mode"] = mode
    found = edge(
        authorities(namespace="far"),
        document("ConfigMap", "empty", data={}),
        default=validation("ca"),
        ports=[(9443, wanted)],
    )
    assert sorted(found.listeners()) == ["http/127.0.0.1/8080", "http/127.0.0.1/8443"]
    assert found.listener_condition("b", "ResolvedRefs") == ("False", reason)
    assert found.listener_condition("b", "Accepted") == ("False", "NoValidCACertificate")
    assert found.listener_condition("b", "Programmed") == ("False", "Invalid")
    assert found.listener_condition("a", "Accepted") == ("True", "Accepted")
    assert found.condition(EDGE, "ResolvedRefs") == ("False", "ListenersNotResolved")
    assert bundles(found).keys() == {DEFAULT}


def test_good_authorities_are_believed_beside_bad_ones() -> None:
    found = edge(default=validation("missing", "ca"))
    assert bundles(found) == {DEFAULT: key_pair("ca.test")[0]}
    assert found.listener_condition("a", "Accepted") == ("True", "Accepted")
    assert found.listener_condition("a", "ResolvedRefs") == ("False", "InvalidCACertificateRef")


def test_a_grant_lets_authorities_come_from_another_namespace_and_its_end_closes() -> None:
    grant = reference_grant("Gateway", "shop", "ConfigMap", namespace="far")
    found = edge(authorities(namespace="far"), grant, default=validation("ca", namespace="far"))
    assert callers(found, 8443) is not None
    found.remove(ResourceId("ReferenceGrant", "far", "grant"))
    assert list(found.listeners()) == ["http/127.0.0.1/8080"]


def test_authorities_that_change_reach_proxies_and_those_that_go_close() -> None:
    found = edge(default=validation("ca"))
    found.apply(authorities(host="new.test"))
    assert bundles(found) == {DEFAULT: key_pair("new.test")[0]}
    found.remove(ResourceId("ConfigMap", "shop", "ca"))
    assert list(found.listeners()) == ["http/127.0.0.1/8080"]
    assert bundles(found) == {}


def test_callers_of_listener_sets_are_asked_as_the_gateway_says() -> None:
    found = World(
        tls_secret("cert", "*.test"),
        authorities(),
        gateway(
            http(),
            tls={"frontend": {"default": validation("ca")}},
            allowedListeners={"namespaces": {"from": "Same"}},
        ),
        listener_set("more", https("s", hostname="s.test")),
    )
    assert callers(found, 8443) == ir.CallerValidation(authorities=DEFAULT)
    assert bundles(found).keys() == {DEFAULT}
    found.remove(ResourceId("ConfigMap", "shop", "ca"))
    assert list(found.listeners()) == ["http/127.0.0.1/8080"]


# What the Gateway shows


def calling(*documents: Any, with_policy: bool = True, **reference: Any) -> World:
    shown = {"name": "client", **reference}
    target = {"group": "", "kind": "Service", "name": "web"}
    trusted = {
        "hostname": "web.test",
        "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}],
    }
    policy = document("BackendTLSPolicy", "p", spec={"targetRefs": [target], "validation": trusted})
    return World(
        authorities(),
        service(),
        http_route("r"),
        gateway(tls={"backend": {"clientCertificateRef": shown}}),
        *([policy] if with_policy else []),
        *documents,
    )


def test_backends_spoken_to_by_tls_are_shown_the_gateways_certificate() -> None:
    found = calling(tls_secret("client", "edge.test"))
    transport = found.clusters()["shop/web/80"].transport
    assert isinstance(transport, ir.ServerTls)
    assert transport.certificate == "client/secret/shop/client"
    assert list(found.values(CLIENT_CERTIFICATES)) == [(EDGE, "client/secret/shop/client")]
    assert list(found.values(EXPIRIES)) == [ResourceId("Secret", "shop", "client")]
    assert found.condition(EDGE, "ResolvedRefs") == ("True", "ResolvedRefs")


def test_others_are_shown_nothing() -> None:
    found = calling(tls_secret("client", "edge.test"), with_policy=False)
    assert found.clusters()["shop/web/80"].transport is None
    assert found.values(CLIENT_CERTIFICATES) == {}


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ({"name": "missing"}, "InvalidClientCertificateRef"),
        ({"name": "malformed"}, "InvalidClientCertificateRef"),
        ({"group": "example.com"}, "InvalidClientCertificateRef"),
        ({"kind": "ConfigMap"}, "InvalidClientCertificateRef"),
        ({"namespace": "far"}, "RefNotPermitted"),
    ],
)
def test_without_the_certificate_no_backend_is_called_by_tls(reference: Any, reason: str) -> None:
    found = calling(
        tls_secret("client", "edge.test"),
        tls_secret("client", "edge.test", namespace="far"),
        document("Secret", "malformed", type="kubernetes.io/tls", data={"tls.crt": "", "tls.key": ""}),
        **reference,
    )
    assert "shop/web/80" not in found.clusters()
    assert found.condition(EDGE, "ResolvedRefs") == ("False", reason)
    assert found.condition(EDGE, "Accepted") == ("True", "Accepted")


def test_a_grant_lets_the_certificate_come_from_another_namespace() -> None:
    found = calling(
        tls_secret("client", "edge.test", namespace="far"),
        reference_grant("Gateway", "shop", "Secret", namespace="far"),
        namespace="far",
    )
    assert list(found.values(CLIENT_CERTIFICATES)) == [(EDGE, "client/secret/far/client")]
