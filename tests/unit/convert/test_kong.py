"""Kong's declarative file: services, routes, plugins, upstreams."""

from typing import Any

import pytest

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


def _web(route: str = "", service: str = "", more: str = "") -> str:
    return f"""
_format_version: "3.0"
services:
  - {{name: web, url: "http://10.0.0.9:80", {service} routes: [{{name: web, paths: [/], {route}}}]}}
{more}
"""


@pytest.mark.parametrize(
    "route",
    [
        "plugins: [{name: key-auth}]",
        "plugins: [{name: bot-detection}]",
        "plugins: [{name: one-of-our-own}]",
        "sources: [{ip: 10.0.0.0/8}]",
        "expression: net.src.ip == 10.0.0.1",
    ],
)
def test_what_lets_only_some_in_and_cannot_be_said_closes_a_route(route: str) -> None:
    found = converted(_web(route))
    (made_route,) = made(found, "HTTPRoute")
    assert all("backendRefs" not in rule for rule in made_route["spec"]["rules"])
    assert any("closed" in note.message for note in found.notes)


def test_a_plugin_that_refuses_nothing_is_told_and_closes_nothing() -> None:
    found = converted(_web("plugins: [{name: prometheus}]"))
    assert made(found, "HTTPRoute")[0]["spec"]["rules"][0]["backendRefs"]
    assert [note.message for note in found.notes] == ["plugin prometheus is not converted"]


def test_what_is_for_https_alone_is_not_served_in_plain() -> None:
    found = converted(
        _web("protocols: [https], https_redirect_status_code: 301",
             more="certificates: [{cert: c, key: k, snis: [{name: a.test}]}]")
    )  # fmt: skip
    redirecting, route = made(found, "HTTPRoute")
    assert route["spec"]["parentRefs"] == [{"name": "kong", "sectionName": "a-test"}]
    assert redirecting["spec"]["parentRefs"] == [{"name": "kong", "sectionName": "http"}]
    (filter_,) = redirecting["spec"]["rules"][0]["filters"]
    assert filter_["requestRedirect"] == {"scheme": "https", "statusCode": 301}
    alone = converted(_web("protocols: [https]"))
    assert made(alone, "HTTPRoute")[0]["spec"]["parentRefs"] == [{"name": "kong", "sectionName": "https"}]


def test_each_value_of_a_header_is_a_match_of_its_own() -> None:
    found = converted(_web('headers: {x-v: ["1", "~*2.*"]}'))
    headers = [rule["matches"][0]["headers"] for rule in made(found, "HTTPRoute")[0]["spec"]["rules"]]
    assert headers == [
        [{"name": "x-v", "value": "1"}],
        [{"name": "x-v", "value": "2.*", "type": "RegularExpression"}],
    ]


def test_addresses_alone_are_ranges_and_a_permission_that_is_no_longer_whole_denies_everybody() -> None:
    found = converted(_web('plugins: [{name: ip-restriction, config: {deny: ["1.2.3.4", "fd00::1"]}}]'))
    default = made(found, "TrafficPermission")[0]["spec"]["rules"][0]["default"]
    assert default["deny"] == [{"sourceRanges": ["1.2.3.4/32", "fd00::1/128"]}]
    broken = converted(_web('plugins: [{name: ip-restriction, config: {deny: ["nonsense"]}}]'))
    assert made(broken, "TrafficPermission")[0]["spec"]["rules"] == [{"default": {"deny": [{}]}}]


def test_what_is_switched_off_or_carries_bytes_is_left_out_and_fields_nobody_reads_are_told() -> None:
    assert not made(converted(_web(service="enabled: false,")), "HTTPRoute")
    assert not made(converted(_web("protocols: [tcp]")), "HTTPRoute")
    found = converted(_web("regex_priority: 3", service="retries: 5, tls_verify: false,"))
    assert {note.path for note in found.notes} == {
        "services[0].retries", "services[0].tls_verify", "services[0].routes[0].regex_priority",
    }  # fmt: skip


def test_another_file_is_refused_in_words() -> None:
    found = converted("services: []\n")
    assert found.objects == ()
    assert "_format_version" in found.notes[0].message
