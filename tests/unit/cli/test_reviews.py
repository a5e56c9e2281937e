"""explain, status, config-dump, token: what they ask and how they show the answer."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from sekisho.cli.failures import failure
from sekisho.client import Conflict
from sekisho.client.errors import Status

from .conftest import Api, Said

Command = Callable[..., Said]


def test_explain_asks_with_headers_and_method_and_shows_each_step(sekisho: Command, api: Api) -> None:
    api.answers["Explanation"] = {
        "outcome": "forwarded to shop/cart/80",
        "steps": [
            {"what": "route", "name": "shop/cart/0", "origin": "HTTPRoute/shop/cart spec.rules[0]",
             "file": "cart.yaml", "line": 3, "detail": "path prefix /cart"},
            {"what": "virtual host", "name": "*"},
        ],
    }  # fmt: skip
    said = sekisho(
        "explain", "http://shop/cart", "-H", "a: b", "-H", "c:d", "-X", "post", "--gateway", "shop/door"
    )
    assert api.questions == [
        ("Explanation", {
            "url": "http://shop/cart", "method": "POST", "headers": [["a", "b"], ["c", "d"]],
            "gateway": "shop/door", "client": "", "claims": [], "shadow": False, "zone": "",
        }),
    ]  # fmt: skip
    assert said.code == 0
    assert "path prefix /cart  ← HTTPRoute/shop/cart spec.rules[0] (cart.yaml:3)" in said.out
    assert said.out.splitlines()[-1] == "→ forwarded to shop/cart/80"


def test_explain_of_a_request_that_would_fail_exits_1(sekisho: Command, api: Api) -> None:
    for outcome in ("answered 404: no route matches", "refused: no SNI", "no gateway is served"):
        api.answers["Explanation"] = {"outcome": outcome}
        assert sekisho("explain", "http://shop/").code == 1


GOOD = {
    "controlPlane": {"version": "0.1.0", "revision": 7},
    "gateways": [
        {"namespace": "shop", "name": "door", "programmed": True, "addresses": ["127.0.0.1"],
         "listeners": [{"name": "http", "port": 8080, "protocol": "HTTP", "attachedRoutes": 2,
                        "programmed": True}]},
    ],
    "proxies": [{"name": "door-1", "gateway": "shop/door", "connected": True, "synced": True, "lag": 0.004}],
}  # fmt: skip


def test_status_of_a_sound_system_exits_0(sekisho: Command, api: Api) -> None:
    api.answers["SystemStatus"] = GOOD
    said = sekisho("status")
    assert said.code == 0
    assert "http HTTP 8080 (2 routes)" in said.out
    assert "4 ms" in said.out
    assert "no problems" in said.out


def test_answers_are_shown_whole_as_yaml_and_json(sekisho: Command, api: Api) -> None:
    api.answers |= {
        "SystemStatus": GOOD,
        "Explanation": {"outcome": "forwarded"},
        "Permission": {"outcome": ""},
    }
    for arguments in (
        ("status",),
        ("explain", "http://shop/"),
        ("permissions", "a/b", "a/c"),
        ("token", "list"),
    ):
        shown = [
            json.loads(sekisho(*arguments, "-o", "json").out),
            yaml.safe_load(sekisho(*arguments, "-o", "yaml").out),
        ]
        assert shown[0] == shown[1]
    assert (
        json.loads(sekisho("status", "-o", "json").out)["gateways"][0]["listeners"][0]["attachedRoutes"] == 2
    )
    assert sekisho("status", "-w", "-o", "json").code == 2


def test_status_with_something_to_look_at_says_where_and_exits_1(sekisho: Command, api: Api) -> None:
    trouble = {"resource": "HTTPRoute/shop/cart", "message": "no such Service", "reason": "BackendNotFound",
               "file": "cart.yaml", "line": 9}  # fmt: skip
    api.answers["SystemStatus"] = GOOD | {"troubles": [trouble]}
    said = sekisho("status")
    assert said.code == 1
    assert "cart.yaml:9: HTTPRoute/shop/cart: BackendNotFound: no such Service" in said.out


def test_status_counts_a_lost_proxy_as_something_to_look_at(sekisho: Command, api: Api) -> None:
    api.answers["SystemStatus"] = GOOD | {"proxies": [{"name": "door-1", "gateway": "shop/door"}]}
    said = sekisho("status")
    assert said.code == 1
    assert "NO" in said.out


def test_config_dump_shows_each_resource_as_a_document(sekisho: Command, api: Api) -> None:
    api.answers["ConfigDump"] = {
        "resources": [{"type": "cluster", "name": "shop/cart/80", "version": "1f", "body": {"name": "x"}}]
    }
    said = sekisho("config-dump", "shop/door", "--type", "cluster")
    assert api.questions == [
        (
            "ConfigDump",
            {"gateway": "shop/door", "workload": "", "type": "cluster", "shadow": False, "zone": ""},
        )
    ]
    assert "name: shop/cart/80" in said.out


def test_config_dump_of_a_workload_with_shadows_is_a_difference(sekisho: Command, api: Api) -> None:
    def dump(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        body = {"name": "x", "connect_timeout": "9s" if spec["shadow"] else "5s"}
        resource = {"type": "cluster", "name": "shop/cart/80", "version": "1f", "body": body}
        return {"resources": [resource]}

    api.answers["ConfigDump"] = dump
    said = sekisho("config-dump", "--workload", "shop/web-1", "--shadow")
    assert said.code == 1
    assert said.out.splitlines() == [
        "--- cluster shop/cart/80 (now)",
        "+++ cluster shop/cart/80 (with shadows)",
        "@@ -1,2 +1,2 @@",
        " name: x",
        "-connect_timeout: 5s",
        "+connect_timeout: 9s",
    ]
    assert [spec["workload"] for _, spec in api.questions] == ["shop/web-1", "shop/web-1"]
    api.answers["ConfigDump"] = {}
    assert sekisho("config-dump", "shop/door", "--shadow").code == 0


def test_explain_from_a_workload_with_shadows(sekisho: Command, api: Api) -> None:
    api.answers["Explanation"] = {"outcome": "forwarded to shop/db/5432"}
    assert (
        sekisho("explain", "--from", "shop/web-1", "tcp://db.shop.svc.mesh.local:5432", "--shadow").code == 0
    )
    spec = api.questions[0][1]
    assert (spec["client"], spec["url"], spec["shadow"]) == (
        "shop/web-1", "tcp://db.shop.svc.mesh.local:5432", True,
    )  # fmt: skip
    assert sekisho("explain", "--from", "web-1", "http://db/").code == 2


PERMISSION = {
    "outcome": "shop/web-1 may make some requests to shop/cart",
    "allowed": True,
    "client": "Workload/shop/web-1",
    "identity": "spiffe://a/ns/shop/sa/web",
    "address": "10.0.0.1",
    "ports": [
        {"port": 80, "workloads": ["shop/cart-1"], "identity": "spiffe://a/ns/shop/sa/cart", "speaks": "HTTP",
         "mode": "Strict", "verdict": "conditional", "others": 2, "warnings": ["beware"],
         "rules": [
             {"effect": "deny", "who": "everybody", "requests": "path /admin/*",
              "origin": "TrafficPermission/shop/p spec.rules[0]", "file": "p.yaml", "line": 3},
             {"effect": "allow", "who": "spiffe://a/*"},
         ]},
    ],
}  # fmt: skip


def test_permissions_shows_who_decides_as_a_table(sekisho: Command, api: Api) -> None:
    api.answers["Permission"] = PERMISSION
    said = sekisho(
        "permissions",
        "shop/web-1",
        "shop/cart",
        "--path",
        "/x",
        "-X",
        "post",
        "-H",
        "a: b",
        "--claim",
        "a.b=c=d",
    )
    assert said.code == 0
    assert api.questions[0][1] == {
        "client": "shop/web-1", "server": "shop/cart", "port": 0, "path": "/x", "method": "POST",
        "headers": [["a", "b"]], "claims": [["a.b", "c=d"]], "shadow": False, "zone": "",
    }  # fmt: skip
    assert said.out.splitlines() == [
        "caller    Workload/shop/web-1",
        "identity  spiffe://a/ns/shop/sa/web",
        "from      10.0.0.1",
        "",
        "port 80  HTTP, mutual TLS Strict  depends on the request",
        "server    shop/cart-1",
        "identity  spiffe://a/ns/shop/sa/cart",
        "  deny   everybody     path /admin/*  ← TrafficPermission/shop/p spec.rules[0] (p.yaml:3)",
        "  allow  spiffe://a/*  all requests",
        "  2 more for other callers",
        "  warning: beware",
        "",
        "→ shop/web-1 may make some requests to shop/cart",
    ]


def test_permissions_of_who_may_not_call_exits_1_and_of_a_mistake_2(sekisho: Command, api: Api) -> None:
    api.answers["Permission"] = {"outcome": "shop/a may not call shop/b"}
    assert sekisho("permissions", "shop/a", "shop/b").code == 1
    assert sekisho("permissions", "a", "shop/b").code == 2
    assert sekisho("permissions", "shop/a", "shop/b", "--path", "x").code == 2


def test_config_dump_without_a_gateway_to_choose_says_so(sekisho: Command) -> None:
    said = sekisho("config-dump")
    assert said.code == 1
    assert "there is no Gateway" in said.err


def test_a_new_token_is_printed_alone_on_stdout(sekisho: Command, api: Api) -> None:
    api.answers["TokenReview"] = {"token": "sekisho_x_y"}
    said = sekisho("token", "create", "ada", "--role", "admin", "--days", "3")
    assert said.out == "sekisho_x_y\n"
    assert api.questions[0][1] == {
        "action": "create",
        "name": "ada",
        "role": "admin",
        "days": 3,
        "minutes": 0,
        "id": "",
        "proxies": [],
    }


def test_a_join_token_is_for_one_proxy_and_needs_no_name(sekisho: Command, api: Api) -> None:
    api.answers["TokenReview"] = {"token": "sekisho_x_y"}
    said = sekisho("token", "create", "--join", "workload/shop/cart-1", "--minutes", "5")
    assert said.out == "sekisho_x_y\n"
    asked = api.questions[0][1]
    assert (asked["role"], asked["proxies"], asked["minutes"]) == ("join", ["workload/shop/cart-1"], 5)
    assert sekisho("token", "create").code == 2
    assert sekisho("token", "create", "ada", "--join", "workload/shop/cart-1").code == 2


def test_the_list_of_tokens_shows_whom_they_speak_for_and_what_was_revoked(
    sekisho: Command, api: Api
) -> None:
    token = {"id": "0123456789ab", "name": "host-1", "role": "agent", "expires": "2026-01-01T00:00:00+00:00",
             "proxies": ["workload/shop/*"]}  # fmt: skip
    revocation = {"what": "gateway/shop/web", "at": "2025-12-01T00:00:00+00:00", "until": "2025-12-08"}
    api.answers["TokenReview"] = {"tokens": [token], "revocations": [revocation]}
    said = sekisho("token", "list")
    assert "workload/shop/*" in said.out
    assert "gateway/shop/web" in said.out


def test_revoking_a_proxy_says_whose_certificates_ended(sekisho: Command, api: Api) -> None:
    api.answers["TokenReview"] = {"revoked": True}
    said = sekisho("token", "revoke", "workload/shop/cart-1")
    assert said.out == "certificates of workload/shop/cart-1 revoked\n"


TRUST = {
    "domain": "default.default.mesh.local", "stage": "Published", "since": "2026-01-01T00:00:00+00:00",
    "roots": [{"fingerprint": "ab" * 32, "expires": "2036-01-01", "signing": True},
              {"fingerprint": "cd" * 32, "expires": "2036-01-02"}],
    "rootKeyHere": False, "issuerExpires": "2026-03-01", "holders": 2,
    "waiting": [{"proxy": "workload/shop/cart-1", "reason": "is not connected", "offline": True}],
}  # fmt: skip


def test_trust_shows_roots_stage_and_whom_a_rotation_waits_for(sekisho: Command, api: Api) -> None:
    api.answers["TrustReview"] = {"domains": [TRUST]}
    for command, action in (
        ("status", "status"),
        ("rotate", "rotate"),
        ("continue", "continue"),
        ("abort", "abort"),
    ):
        said = sekisho("trust", command, "--mesh", "shop")
        assert said.code == 0
        assert api.questions[-1] == ("TrustReview", {"action": action, "mesh": "shop", "domain": ""})
    assert "Published since 2026-01-01" in said.out
    assert "the root's key is not here" in said.out
    assert "workload/shop/cart-1   no          is not connected" in said.out


def test_revoking_an_unknown_token_exits_1(sekisho: Command, api: Api) -> None:
    api.answers["TokenReview"] = {"revoked": False}
    said = sekisho("token", "revoke", "abc")
    assert said.code == 1
    assert "there is no token abc" in said.err


def test_version_shows_all_three(sekisho: Command) -> None:
    said = sekisho("version")
    assert [line.split()[0] for line in said.out.splitlines()] == ["sekisho", "envoy", "control"]
    assert "not running" not in said.out


def test_a_conflict_that_is_about_no_fields_advises_no_force() -> None:
    told = failure(Conflict(Status(code=409, reason="Conflict", message="there is no rotation to abort")))
    assert told
    assert (str(told), told.advice) == ("there is no rotation to abort", "")
