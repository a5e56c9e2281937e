"""What a proxy refuses is told to whoever wrote it, and to nobody else."""

from tests.unit.translate.certificates import tls_secret
from tests.unit.translate.world import EDGE, World, gateway, http, http_route, https, route_id, service

from sekisho.model.names import ResourceId
from sekisho.translate.facts import SYNCED, ProxyState, Rejection
from sekisho.translate.gateway.rejections import CLUSTER_TYPES, LISTENER_TYPE, SCOPE_TYPE, SECRET_TYPE


def shop() -> World:
    found = World(
        service(),
        tls_secret("cert", "a.b"),
        gateway(http(), http("other", 8081), https()),
        http_route("a", hostnames=["a.b"]),
        http_route("w", hostnames=["*.c"]),
    )
    found.commit({ProxyState.of(EDGE): SYNCED})
    return found


def reject(found: World, type_url: str, name: str, message: str = "no") -> Rejection:
    key = Rejection.of(EDGE, type_url, name)
    found.commit({key: message})
    return key


def message(found: World, listener: str) -> str:
    said = found.listener_status(listener)["conditions"]
    return next(one["message"] for one in said if one["type"] == "Programmed")


def test_a_port_in_use_is_told_on_the_listener_and_the_gateway_and_the_rest_serves() -> None:
    found = shop()
    text = (
        "error adding listener 'http/127.0.0.1/8080': cannot bind '127.0.0.1:8080': Address already in use\n"
    )
    key = reject(found, LISTENER_TYPE, "http/127.0.0.1/8080", text)
    assert found.listener_condition("http", "Programmed") == ("False", "Invalid")
    assert message(found, "http") == "Port 8080: Address already in use."
    assert found.listener_condition("other", "Programmed") == ("True", "Programmed")
    assert found.condition(EDGE, "Programmed") == ("False", "Invalid")
    assert found.condition(EDGE, "Accepted") == ("True", "Accepted")
    found.commit({key: None})
    assert found.condition(EDGE, "Programmed") == ("True", "Programmed")


def test_an_address_this_host_does_not_have_is_not_usable() -> None:
    found = shop()
    reject(found, LISTENER_TYPE, "http/127.0.0.1/8080", "cannot bind: Cannot assign requested address")
    assert found.condition(EDGE, "Programmed") == ("False", "AddressNotUsable")


def test_a_certificate_the_proxy_refuses_is_told_on_the_listener_that_presents_it() -> None:
    found = shop()
    reject(found, SECRET_TYPE, "secret/shop/cert", "bad certificate")
    assert found.listener_condition("https", "Programmed") == ("False", "Invalid")
    assert message(found, "https") == "secret/shop/cert: bad certificate."
    assert found.listener_condition("http", "Programmed") == ("True", "Programmed")


def test_a_scope_the_proxy_refuses_is_told_to_the_routes_in_it() -> None:
    found = shop()
    key = reject(found, SCOPE_TYPE, "8080|a.b", "invalid regex")
    assert found.parent_condition("a", "Programmed") == ("False", "Rejected")
    assert found.parent_condition("a", "Accepted") == ("True", "Accepted")
    assert found.parent_condition("w", "Programmed") == ("", "")
    found.commit({key: None})
    assert found.parent_condition("a", "Programmed") == ("", "")


def test_the_scope_of_all_wildcards_is_told_to_routes_with_wildcards() -> None:
    found = shop()
    reject(found, SCOPE_TYPE, "8080|~wild")
    assert found.parent_condition("w", "Programmed") == ("False", "Rejected")
    assert found.parent_condition("a", "Programmed") == ("", "")


def test_a_cluster_the_proxy_refuses_is_told_to_all_routes_that_use_it() -> None:
    for type_url in CLUSTER_TYPES:
        found = shop()
        reject(found, type_url, "shop/web/80")
        assert found.parent_condition("a", "Programmed") == ("False", "Rejected")
        assert found.parent_condition("w", "Programmed") == ("False", "Rejected")


def test_what_another_gateway_refuses_is_not_told_here() -> None:
    found = shop()
    found.commit({Rejection.of(ResourceId("Gateway", "shop", "x"), SCOPE_TYPE, "8080|a.b"): "no"})
    (parent,) = found.status(route_id("a"))["parents"]
    assert [said["type"] for said in parent["conditions"]] == ["Accepted", "ResolvedRefs"]
