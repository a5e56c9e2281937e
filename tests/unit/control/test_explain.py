"""What `sekisho explain` tells: one line of outcome, and who decided, in the order a request meets them."""

from typing import Any

from tests.kit.objects import endpoint_slice, gateway, gateway_class, http_listener, manifest, route, service
from tests.kit.site import Site

from sekisho.client.reviews import Explanation, ExplanationSpec, Step
from sekisho.control.explain import explain


def site(*more: dict[str, Any]) -> Site:
    return Site(
        manifest("Namespace", "shop"), gateway_class(), gateway(), service("cart"), service("empty"),
        endpoint_slice("cart", "127.0.0.1", "127.0.0.2"), endpoint_slice("empty"), *more,
    )  # fmt: skip


def ask(served: Site, url: str, **fields: Any) -> Explanation:
    return explain(served.engine, served.served(), ExplanationSpec(url=url, **fields))


def rows(found: Explanation) -> list[tuple[str, str, str]]:
    return [(step.what, step.name, step.detail) for step in found.steps]


def edits(name: str, **changes: Any) -> dict[str, Any]:
    """A filter `RequestHeaderModifier` or `ResponseHeaderModifier`."""
    return {"type": name, name[0].lower() + name[1:]: changes}


STRIPPED = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
FILTERS = [
    edits("RequestHeaderModifier", set=[{"name": "X-A", "value": "1"}], remove=["b"]),
    edits("ResponseHeaderModifier", add=[{"name": "c", "value": "2"}]),
    {"type": "URLRewrite", "urlRewrite": {"hostname": "in.test", "path": STRIPPED}},
    {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "empty", "port": 80}, "percent": 10}},
]


def test_every_decision_is_told_in_the_order_a_request_meets_it() -> None:
    share = edits("RequestHeaderModifier", set=[{"name": "d", "value": "3"}])
    matches = [{"path": {"value": "/cart"}, "method": "GET", "headers": [{"name": "V", "value": "1"}]}]
    backends = [
        {"name": "cart", "port": 80, "weight": 3, "filters": [share]},
        {"name": "empty", "port": 80},
        {"name": "missing", "port": 80},
    ]
    written = route(
        "r", "shop.test", matches=matches, filters=FILTERS, backendRefs=backends,
        timeouts={"request": "1s", "backendRequest": "500ms"},
        retry={"attempts": 2, "codes": [503], "backoff": "10ms"},
    )  # fmt: skip
    found = ask(site(written), "http://shop.test:8080/cart/1?x", headers=(("V", "1"),))
    assert found.outcome == "forwarded to shop/cart/80 or shop/empty/80 (503) or an unresolved backend (500)"
    assert rows(found) == [
        ("listener", "http/127.0.0.1/8080", "127.0.0.1 port 8080"),
        ("virtual host", "shop.test", "1 route, tried in order"),
        ("route", "shop/r/0/0", "path prefix /cart, method GET, header v=1"),
        ("filter", "request headers", "remove b, set x-a: 1"),
        ("filter", "response headers", "add c: 2"),
        ("filter", "path rewrite", "to /1?x"),
        ("filter", "host rewrite", "to in.test"),
        ("filter", "mirror", "10 of 100 to shop/empty/80, too"),
        ("filter", "timeout", "1000 ms for the whole request"),
        ("filter", "timeout", "500 ms for a try"),
        ("filter", "retry", "2 more attempts after a failed connection or status 503"),
        ("backend", "shop/cart/80", "weight 3 of 5, 2 ready endpoints"),
        ("filter", "request headers", "set d: 3"),
        ("backend", "shop/empty/80", "weight 1 of 5, 0 ready endpoints: answered 503"),
        ("backend", "none", "weight 1 of 5, not resolved: answered 500"),
    ]
    origins = [step.origin for step in found.steps]
    assert origins[:3] == [
        "Gateway/shop/web spec.listeners[0]",
        "HTTPRoute/shop/r spec.hostnames",
        "HTTPRoute/shop/r spec.rules[0].matches[0]",
    ]
    assert origins[-1] == "HTTPRoute/shop/r spec.rules[0].backendRefs[2]"


def test_file_and_line_are_told_where_they_are_known() -> None:
    written = route("r", "shop.test")
    written["metadata"]["annotations"] = {"sekisho.dev/source": "a:b.yaml:42"}
    steps: dict[str, Step] = {step.what: step for step in ask(site(written), "http://shop.test/").steps}
    assert (steps["route"].file, steps["route"].line) == ("a:b.yaml", 42)
    assert (steps["listener"].file, steps["listener"].line) == ("", 0)


def test_outcomes_say_why() -> None:
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    served = site(
        route("empty", "empty.test", backend="empty"),
        route("broken", "broken.test", backend="missing"),
        route("moved", "moved.test", backendRefs=[], filters=[redirect]),
        route("narrow", "narrow.test", matches=[{"path": {"type": "Exact", "value": "/a"}}]),
    )
    outcomes = {
        "http://empty.test/": "answered 503: shop/empty/80 has no ready endpoint",
        "http://broken.test/": "answered 500: the rule has no backend that can be used",
        "http://moved.test/a?b": "redirected (301) to https://moved.test/a?b",
        "http://narrow.test/b": "answered 404: no route of narrow.test matches",
        "http://other.test/": "answered 404: no route is for the host other.test",
        "http://narrow.test/x%2Fa": (
            "redirected (307) to /x/a: a path with an escaped slash is sent back to be written plainly"
        ),
        "https://narrow.test/a": "connection refused: no listener is served there (see `sekisho status`)",
        "http://narrow.test:81/a": "connection refused: no listener is served there (see `sekisho status`)",
        "http://narrow.test:99999/a": "not a URL: Port out of range 0-65535",
    }  # fmt: skip
    assert {url: ask(served, url).outcome for url in outcomes} == outcomes


def test_the_answering_gateway_is_found_or_named() -> None:
    second = gateway("second", http_listener(port=8081))
    served = site(second, route("r", "shop.test", gateway="second"))
    assert ask(served, "http://shop.test/").steps[0].name == "http/127.0.0.1/8081"
    only = ask(served, "http://shop.test/", gateway="shop/web")
    assert only.outcome.startswith("answered 404")
    unknown = ask(served, "http://shop.test/", gateway="shop/nobody")
    assert (unknown.outcome, unknown.steps) == ("no gateway shop/nobody is served", ())


def test_a_host_header_decides_over_the_url() -> None:
    served = site(route("r", "shop.test"))
    found = ask(served, "http://localhost:8080/", headers=(("Host", "SHOP.test:8080"),))
    assert found.outcome == "forwarded to shop/cart/80"


def test_who_is_asked_and_whose_session_it_is_are_told() -> None:
    auth = {"protocol": "HTTP", "backendRef": {"name": "empty", "port": 80}, "http": {}}
    written = route(
        "r", "shop.test", filters=[{"type": "ExternalAuth", "externalAuth": auth}],
        sessionPersistence={"sessionName": "cart"},
    )  # fmt: skip
    told = rows(ask(site(written), "http://shop.test:8080/"))
    assert ("filter", "authorizer", "shop/empty/80 by HTTP, which must let it pass") in told
    assert ("filter", "session", "whoever shows the cookie cart stays with its instance") in told


def test_what_an_ingress_decides_names_the_ingress() -> None:
    parameters = {
        "apiGroup": "gateway.networking.k8s.io", "kind": "Gateway",
        "scope": "Namespace", "namespace": "shop", "name": "web",
    }  # fmt: skip
    spec = {"controller": "sekisho.dev/ingress-controller", "parameters": parameters}
    paths = [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "cart", "port": {"number": 80}}}}
    ]
    rules = [{"host": "in.test", "http": {"paths": paths}}]
    ingress = manifest("Ingress", "door", spec={"ingressClassName": "own", "rules": rules})
    ingress["metadata"]["annotations"] = {"sekisho.dev/source": "shop/door.yaml:3"}
    served = site(manifest("IngressClass", "own", spec=spec), ingress)
    found = ask(served, "http://in.test:8080/a")
    assert found.outcome == "forwarded to shop/cart/80"
    assert ("route", "shop/ingress~door~in.test/0/0", "path prefix /") in rows(found)
    (step,) = (one for one in found.steps if one.what == "route")
    assert (step.origin, step.file, step.line) == ("Ingress/shop/door", "shop/door.yaml", 3)


def test_a_listener_that_is_closed_says_why_to_who_asks_there() -> None:
    secured = {"hostname": "a.test", "tls": {"certificateRefs": [{"name": "gone"}]}}
    web = gateway(
        "web", http_listener("one", 8443, protocol="HTTPS", **secured), http_listener("two", 8080),
        http_listener("three", 8081, protocol="UDP"),
    )  # fmt: skip
    served = Site(manifest("Namespace", "shop"), gateway_class(), web)
    found = ask(served, "https://a.test:8443/")
    assert found.outcome.startswith("connection refused")
    missing = "spec.listeners[0].tls.certificateRefs[0]: Secret/shop/gone does not exist."
    assert rows(found) == [("closed", "one, port 8443", missing)]
    assert found.steps[0].origin == "Gateway/shop/web spec.listeners[0]"
    assert rows(ask(served, "https://a.test/")) == rows(found)
    for elsewhere in ("https://b.test:8443/", "https://a.test:8444/", "http://a.test:8443/"):
        assert rows(ask(served, elsewhere)) == []
    assert rows(ask(served, "https://a.test:8443/", gateway="shop/other")) == []
