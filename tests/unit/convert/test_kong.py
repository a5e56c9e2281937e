"""Kong's declarative file: services, routes, plugins, upstreams."""

from typing import Any

from sekisho.convert import CONVERTERS, Converted
from sekisho.model import yaml


def converted(text: str) -> Converted:
    return CONVERTERS["kong"]([one.value for one in yaml.load(text)])


def made(found: Converted, kind: str) -> Any:
    return [one for one in found.objects if one["kind"] == kind]


def test_a_service_of_addresses_with_its_routes() -> None:
    found = converted("""
_format_version: "3.0"
services:
  - name: orders
    host: orders-pool
    port: 80
    path: /v1
    read_timeout: 20000
    routes:
      - name: orders-read
        hosts: [api.example.com]
        paths: [/orders]
        methods: [GET, HEAD]
        headers: {x-tenant: [a]}
upstreams:
  - name: orders-pool
    targets: [{target: "10.0.0.1:8080"}, {target: "10.0.0.2:8080"}]
""")
    assert found.notes == ()
    assert len(made(found, "EndpointSlice")) == 2
    (route,) = made(found, "HTTPRoute")
    rule = route["spec"]["rules"][0]
    assert [one["matches"][0]["method"] for one in route["spec"]["rules"]] == ["GET", "HEAD"]
    assert rule["matches"][0]["headers"] == [{"name": "x-tenant", "value": "a"}]
    rewrite = rule["filters"][0]["urlRewrite"]
    assert rewrite["path"]["replacePrefixMatch"] == "/v1"
    assert rule["backendRefs"] == [{"name": "orders", "port": 80}]
    assert made(found, "Timeout")[0]["spec"]["to"][0]["default"] == {"http": {"streamIdleTimeout": "20000ms"}}


def test_a_service_elsewhere_is_called_by_its_name_over_verified_tls() -> None:
    found = converted("""
_format_version: "3.0"
services:
  - name: bank
    url: https://api.bank.example/base
    routes: [{name: bank, paths: [/bank], strip_path: true}]
""")
    (outside,) = made(found, "ExternalService")
    assert outside["spec"]["endpoints"] == [{"address": "api.bank.example", "port": 443}]
    assert outside["spec"]["tls"] == {"enabled": True}
    rule = made(found, "HTTPRoute")[0]["spec"]["rules"][0]
    assert rule["filters"][0]["urlRewrite"]["hostname"] == "api.bank.example"
    assert rule["backendRefs"][0]["kind"] == "ExternalService"


def test_plugins_are_filters_and_policies_and_others_are_told() -> None:
    found = converted("""
_format_version: "3.0"
services:
  - name: web
    url: http://10.0.0.9:80
    plugins:
      - {name: rate-limiting, config: {minute: 60}}
      - {name: request-transformer, config: {add: {headers: ["x-a: 1"]}, remove: {headers: [x-b]}}}
      - {name: file-log}
    routes: [{name: web, paths: ["~/items/[0-9]+$"]}]
""")
    rule = made(found, "HTTPRoute")[0]["spec"]["rules"][0]
    assert rule["matches"][0]["path"] == {"type": "RegularExpression", "value": "/items/[0-9]+"}
    changed = next(one for one in rule["filters"] if one["type"] == "RequestHeaderModifier")
    assert changed["requestHeaderModifier"] == {"add": [{"name": "x-a", "value": "1"}], "remove": ["x-b"]}
    rate = made(found, "RateLimit")[0]["spec"]["to"][0]["default"]["local"]["http"]["requestRate"]
    assert rate == {"num": 60, "interval": "1m"}
    assert any("file-log" in note.message for note in found.notes)


def test_another_file_is_refused_in_words() -> None:
    found = converted("services: []\n")
    assert found.objects == ()
    assert "_format_version" in found.notes[0].message
