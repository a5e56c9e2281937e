"""Who is let in: the verdict of permissions, with and without requests to look at."""

import pytest

from sekisho import ir
from sekisho.ir.admittance import Peer, Prospect, fits, judge, prospect, without_requests
from sekisho.ir.calls import Call
from sekisho.model.names import Origin, ResourceId

DOMAIN = "spiffe://default.default.mesh.local"
CART = f"{DOMAIN}/ns/shop/sa/cart"
PEER = Peer(identity=CART, address="10.0.0.1", server_name="80.web.shop.default.default.sekisho")
EVERYBODY = ir.Caller()
IN_SHOP = ir.Caller(identities=(ir.Text("prefix", f"{DOMAIN}/ns/shop"),))
ADMIN = ir.Caller(paths=(ir.Text("prefix", "/admin"),))


def permissions(**rules: tuple[ir.Caller, ...]) -> ir.Permissions:
    effects = {"deny": ir.Effect.DENY, "allow": ir.Effect.ALLOW, "shadow": ir.Effect.SHADOW_DENY}
    return ir.Permissions(
        rules=tuple(
            ir.PermissionRule(
                effect=effects[name],
                caller=caller,
                origin=Origin(ResourceId("TrafficPermission", "shop", "p"), f"{name}[{number}]"),
            )
            for name, callers in rules.items()
            for number, caller in enumerate(callers)
        )
    )


def call(path: str = "/", method: str = "GET", *headers: tuple[str, str]) -> Call:
    return Call(host="web", port=80, path=path, method=method, headers=headers)


def test_no_rule_at_all_lets_nobody_in() -> None:
    found = judge(permissions(), PEER, call())
    assert (found.allowed, found.rule) == (False, None)


def test_a_denial_wins_over_every_permission() -> None:
    found = judge(permissions(allow=(EVERYBODY,), deny=(ADMIN,)), PEER, call("/admin/x?a=/b"))
    assert not found.allowed
    assert found.rule is not None
    assert found.rule.origin.path == "deny[0]"
    assert judge(permissions(allow=(EVERYBODY,), deny=(ADMIN,)), PEER, call("/administrator")).allowed


def test_a_shadow_denial_lets_in_and_is_told() -> None:
    found = judge(permissions(shadow=(ADMIN,), allow=(IN_SHOP,)), PEER, call("/admin"))
    assert found.allowed
    assert found.shadow is not None
    assert found.shadow.origin.path == "shadow[0]"
    assert judge(permissions(shadow=(ADMIN,), allow=(IN_SHOP,)), PEER, call("/")).shadow is None


def test_where_bytes_are_not_read_a_condition_on_requests_never_lets_in_and_always_keeps_out() -> None:
    assert not judge(permissions(allow=(ADMIN,)), PEER, None).allowed
    assert not judge(permissions(allow=(EVERYBODY,), deny=(ADMIN,)), PEER, None).allowed
    assert judge(permissions(allow=(IN_SHOP,)), PEER, None).allowed


def test_rules_as_they_work_without_requests_say_the_same() -> None:
    wanted = permissions(deny=(ADMIN,), allow=(ADMIN, IN_SHOP))
    assert [rule.origin.path for rule in without_requests(wanted).rules] == ["deny[0]", "allow[1]"]
    assert prospect(without_requests(wanted), PEER) is Prospect.NEVER


def test_a_prospect_is_certain_only_where_no_request_matters() -> None:
    stranger = Peer(address="10.0.0.1")
    cases = [
        (permissions(), PEER, Prospect.NEVER),
        (permissions(allow=(IN_SHOP,)), PEER, Prospect.ALWAYS),
        (permissions(allow=(IN_SHOP,)), stranger, Prospect.NEVER),
        (permissions(allow=(IN_SHOP,), deny=(EVERYBODY,)), PEER, Prospect.NEVER),
        (permissions(allow=(IN_SHOP,), deny=(ADMIN,)), PEER, Prospect.DEPENDS),
        (permissions(allow=(ADMIN,)), PEER, Prospect.DEPENDS),
        (permissions(shadow=(IN_SHOP,)), PEER, Prospect.ALWAYS),
    ]
    for wanted, peer, expected in cases:
        assert prospect(wanted, peer) is expected


def text(kind: str, value: str = "") -> ir.Text:
    return ir.Text(kind, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("caller", "holds"),
    [
        (EVERYBODY, True),
        (ir.Caller(identities=(text("exact", CART),)), True),
        (ir.Caller(identities=(text("exact", f"{CART}-2"),)), False),
        (ir.Caller(identities=(text("prefix", f"{DOMAIN}/ns/sho"),)), False),
        (ir.Caller(identities=(text("prefix", CART),)), True),
        (ir.Caller(identities=(text("present"),)), True),
        (ir.Caller(source_ranges=("10.0.0.0/8",)), True),
        (ir.Caller(source_ranges=("fd00::/8", "10.1.0.0/16")), False),
        (ir.Caller(server_names=("80.web.shop.default.default.sekisho",)), True),
        (ir.Caller(server_names=("web",)), False),
        (ir.Caller(methods=("POST",)), False),
        (ir.Caller(methods=("GET", "POST")), True),
        (ir.Caller(paths=(text("exact", "/a/b"),)), True),
        (ir.Caller(paths=(text("prefix", "/a"),)), True),
        (ir.Caller(paths=(text("prefix", "/"),)), True),
        (ir.Caller(paths=(text("regex", "/a/[^/]+"),)), True),
        (ir.Caller(paths=(text("regex", "/a"),)), False),
        (ir.Caller(headers=(("x-a", text("exact", "1")),)), True),
        (ir.Caller(headers=(("x-a", text("suffix", "2")),)), True),
        (ir.Caller(headers=(("x-a", text("prefix", "2")),)), True),
        (ir.Caller(headers=(("x-a", text("exact", "1,2")),)), False),
        (ir.Caller(headers=(("x-b", text("present")),)), False),
        (ir.Caller(headers=(("x-a", text("present")), ("x-b", text("present")))), False),
        (ir.Caller(claims=(("role", text("exact", "buyer")),)), True),
        (ir.Caller(claims=(("role", text("exact", "seller")),)), False),
        (ir.Caller(methods=("GET",), claims=(("none", text("present")),)), False),
    ],
)
def test_a_caller_fits_when_every_condition_holds(caller: ir.Caller, holds: bool) -> None:
    peer = Peer(identity=CART, address="10.0.0.1", server_name=PEER.server_name, claims=(("role", "buyer"),))
    asked = call("/a/b?c", "GET", ("x-a", "1"), ("x-a", "2"))
    assert fits(caller, peer, asked) is holds


def test_who_has_no_identity_fits_no_condition_on_identities() -> None:
    for pattern in (text("present"), text("regex", ".*"), text("prefix", "")):
        assert not fits(ir.Caller(identities=(pattern,)), Peer(address="10.0.0.1"), call())
