"""Ingresses of ingress-nginx: what becomes of hosts, paths, annotations and canaries."""

from typing import Any

import pytest

from sekisho.convert import CONVERTERS, Converted
from sekisho.model import yaml

INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  namespace: web
  annotations: {}
spec:
  ingressClassName: nginx
  rules:
    - host: shop.example.com
      http:
        paths:
          - path: /cart
            pathType: Prefix
            backend: {service: {name: cart, port: {number: 80}}}
"""


def converted(text: str = INGRESS, **annotations: str) -> Converted:
    """Of one Ingress or several; the annotations (with `_` for `-`) are of the first one."""
    documents = [one.value for one in yaml.load(text)]
    named = {
        f"nginx.ingress.kubernetes.io/{key.replace('_', '-')}": value for key, value in annotations.items()
    }
    documents[0]["metadata"]["annotations"] |= named
    return CONVERTERS["ingress-nginx"](documents)


def made(found: Converted, kind: str, name: str = "shop") -> Any:
    return next(
        one["spec"] for one in found.objects if (one["kind"], one["metadata"]["name"]) == (kind, name)
    )


def test_an_ingress_is_a_route_of_the_gateway_of_its_namespace() -> None:
    found = converted()
    assert found.notes == ()
    assert [one["metadata"]["namespace"] for one in found.objects] == ["web", "web"]
    route = made(found, "HTTPRoute")
    assert route["hostnames"] == ["shop.example.com"]
    assert route["rules"][0]["matches"][0]["path"] == {"type": "PathPrefix", "value": "/cart"}
    assert route["rules"][0]["backendRefs"][0]["name"] == "cart"
    assert [one["port"] for one in made(found, "Gateway", "ingress")["listeners"]] == [80]


def test_a_secured_host_is_served_by_https_and_plain_requests_are_sent_there() -> None:
    secured = INGRESS + "  tls: [{hosts: [shop.example.com], secretName: shop-tls}]\n"
    found = converted(secured)
    listeners = made(found, "Gateway", "ingress")["listeners"]
    assert [(one["port"], one.get("hostname")) for one in listeners] == [
        (80, None),
        (443, "shop.example.com"),
    ]
    assert made(found, "HTTPRoute")["parentRefs"][0]["sectionName"] == "https-shop-example-com"
    redirect = made(found, "HTTPRoute", "shop-to-https")["rules"][0]["filters"][0]["requestRedirect"]
    assert (redirect["scheme"], redirect["statusCode"]) == ("https", 308)
    kept = converted(secured, ssl_redirect="false")
    assert "sectionName" not in made(kept, "HTTPRoute")["parentRefs"][0]
    assert len(kept.objects) == 2


@pytest.mark.parametrize("more", [{}, {"use_regex": "true"}])
def test_the_usual_prefix_with_capture_groups_is_a_prefix_that_is_taken_away(more: dict[str, str]) -> None:
    found = converted(INGRESS.replace("path: /cart", "path: /cart(/|$)(.*)"), rewrite_target="/$2", **more)
    rule = made(found, "HTTPRoute")["rules"][0]
    assert rule["matches"][0]["path"] == {"type": "PathPrefix", "value": "/cart"}
    assert rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"] == "/"
    assert found.notes == ()


def test_other_expressions_are_expressions_and_their_groups_are_told() -> None:
    found = converted(INGRESS.replace("path: /cart", "path: /cart/[0-9]+(/|$)(.*)"), use_regex="true")
    path = made(found, "HTTPRoute")["rules"][0]["matches"][0]["path"]
    assert path == {"type": "RegularExpression", "value": "(?i)/cart/[0-9]+(/|$)(.*).*"}
    other = converted(rewrite_target="/x/$1/y")
    assert "only /$2 behind" in other.notes[0].message
    assert "filters" not in made(other, "HTTPRoute")["rules"][0]


def test_canaries_are_weights_and_headers_of_the_route_they_are_for() -> None:
    canary = INGRESS.replace("name: shop", "name: shop-canary").replace("name: cart,", "name: cart-next,")
    marked = canary.replace(
        "annotations: {}",
        'annotations: {nginx.ingress.kubernetes.io/canary: "true", '
        'nginx.ingress.kubernetes.io/canary-weight: "10", '
        "nginx.ingress.kubernetes.io/canary-by-header: X-Next}",
    )
    found = converted(f"{INGRESS}---{marked}")
    assert found.notes == ()
    by_header, usual = made(found, "HTTPRoute")["rules"]
    assert by_header["matches"][0]["headers"][0] == {"name": "X-Next", "value": "always"}
    assert [one["name"] for one in by_header["backendRefs"]] == ["cart-next"]
    assert [(one["name"], one["weight"]) for one in usual["backendRefs"]] == [("cart", 90), ("cart-next", 10)]
    assert not any(one["metadata"]["name"] == "shop-canary" for one in found.objects)


def test_redirects_take_the_place_of_backends() -> None:
    found = converted(permanent_redirect="https://new.example.com/start", permanent_redirect_code="308")
    rule = made(found, "HTTPRoute")["rules"][0]
    redirect = rule["filters"][0]["requestRedirect"]
    assert (redirect["hostname"], redirect["statusCode"]) == ("new.example.com", 308)
    assert redirect["path"]["replaceFullPath"] == "/start"
    assert "backendRefs" not in rule


def test_times_and_limits_are_policies_of_the_route() -> None:
    found = converted(proxy_connect_timeout="3", proxy_read_timeout="30", limit_rps="7")
    default = made(found, "Timeout")["to"][0]["default"]
    assert default == {"connectionTimeout": "3s", "http": {"streamIdleTimeout": "30s"}}
    rate = made(found, "RateLimit")["to"][0]["default"]["local"]["http"]["requestRate"]
    assert rate == {"num": 7, "interval": "1s"}
    assert "one bucket is for all callers" in found.notes[0].message


def test_what_is_not_converted_is_told_with_its_annotation() -> None:
    found = converted(auth_url="http://auth.example.com", configuration_snippet="deny all;")
    assert [note.path for note in found.notes] == [
        'metadata.annotations["nginx.ingress.kubernetes.io/auth-url"]',
        'metadata.annotations["nginx.ingress.kubernetes.io/configuration-snippet"]',
    ]


def test_what_cannot_be_said_here_leaves_the_rest_as_it_is() -> None:
    broken = INGRESS.replace("port: {number: 80}", "port: {name: http}").replace(
        "path: /cart", "path: no-slash"
    )
    found = converted(broken)
    assert any("write its number" in note.message for note in found.notes)
    assert any("left out" in note.message for note in found.notes)


def test_what_a_firewall_kept_out_is_kept_out() -> None:
    def rule(value: str) -> Any:
        found = converted(f"""
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations: {{nginx.ingress.kubernetes.io/enable-modsecurity: "{value}"}}
spec:
  rules:
    - host: a.test
      http:
        paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: web, port: {{number: 80}}}}}}}}]
""")
        return made(found, "HTTPRoute", "web")["rules"][0]

    assert "backendRefs" not in rule("true")
    assert rule("false")["backendRefs"]
