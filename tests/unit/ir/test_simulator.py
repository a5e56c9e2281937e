"""The way of a call through the IR of one proxy."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from sekisho import ir
from sekisho.ir.calls import Answered, Call, Refused, Sent
from sekisho.ir.matching import matches
from sekisho.ir.simulator import edited, simulate
from sekisho.model.names import Origin, ResourceId

ORIGIN = Origin(ResourceId("HTTPRoute", "shop", "test"))


def route(action: ir.Action, **fields: object) -> ir.Route:
    return ir.Route(
        **{"name": "test", "match": ir.RouteMatch(), "action": action, "origin": ORIGIN, **fields}
    )


def host(name: str, *routes: ir.Route, table: str = "8080") -> ir.VirtualHost:
    return ir.VirtualHost(table=table, hostname=name, routes=routes)


def chain(table: str, *names: str, tls: bool = False) -> ir.Chain:
    ends = ir.TlsTermination(certificates=("c",)) if tls else None
    return ir.Chain(table=table, server_names=names, tls=ends, origin=ORIGIN)


def listener(port: int, *chains: ir.Chain) -> ir.Listener:
    return ir.Listener(name=f"l{port}", address="::", port=port, chains=chains, origin=ORIGIN)


@dataclass
class Fixed:
    """A plan written down."""

    hosts: list[ir.VirtualHost]
    ready: tuple[str, ...] = ("one",)
    sockets: list[ir.Listener] = field(default_factory=lambda: [listener(8080, chain("8080"))])

    def listeners(self) -> Iterable[ir.Listener]:
        return self.sockets

    def virtual_host(self, table: str, hostname: str) -> ir.VirtualHost | None:
        return next((one for one in self.hosts if (one.table, one.hostname) == (table, hostname)), None)

    def wildcard_table(self, table: str) -> ir.WildcardTable | None:
        wild = (one for one in self.hosts if one.table == table and "*" in one.hostname)
        return ir.WildcardTable(table=table, hosts=tuple(wild))

    def endpoints(self, cluster: str) -> ir.Endpoints | None:
        found = (ir.Endpoint("127.0.0.1", 1),) if cluster in self.ready else ()
        return ir.Endpoints(cluster=cluster, endpoints=found, origin=ORIGIN)


def status(plan: Fixed, **call: object) -> int | None:
    outcome = simulate(plan, Call(**{"host": "shop.test", "port": 8080, **call})).outcome
    return outcome.status if isinstance(outcome, Answered) else None


FOUND = route(ir.Respond(status=201))


def test_exact_hosts_come_first_and_keep_what_they_do_not_route() -> None:
    wild = [host("*", route(ir.Respond(status=202))), host("*.test", route(ir.Respond(status=203)))]
    narrow = route(ir.Respond(status=201), match=ir.RouteMatch(path=ir.PathExact("/a")))
    plan = Fixed([host("shop.test", narrow), *wild])
    assert status(plan, path="/a") == 201
    assert status(plan, path="/b") == 404
    assert status(plan, host="SHOP.test.:80", path="/a") == 201
    assert status(plan, host="a.b.test") == 203
    assert status(plan, host="test") == 202
    assert status(plan, host="[::1]:8080") == 202


def test_the_listener_is_picked_by_port_and_the_chain_by_server_name() -> None:
    chains = (
        chain("443/any", tls=True),
        chain("443/w", "*.w.test", tls=True),
        chain("443/a", "a.w.test", tls=True),
    )
    tables = {"443/any": 201, "443/w": 202, "443/a": 203}
    hosts = [host("*", route(ir.Respond(status=code)), table=table) for table, code in tables.items()]
    plan = Fixed(hosts, sockets=[listener(443, *chains)])
    over_tls = {"scheme": "https", "port": 443}
    assert status(plan, **over_tls) == 201
    assert status(plan, host="b.w.test", **over_tls) == 202
    assert status(plan, host="A.w.test", **over_tls) == 203
    assert status(plan, host="b.w.test", server_name="a.w.test", **over_tls) == 203
    for call, why in (
        (Call(host="a", port=443), "port 443 speaks HTTPS"),
        (Call(host="a", port=80), "nothing listens on port 80"),
    ):
        assert simulate(plan, call).outcome == Refused(why)
    closed = Fixed([], sockets=[listener(443, *chains[1:])])
    why = "no listener on port 443 is for the server name x"
    assert simulate(closed, Call(scheme="https", host="x", port=443)).outcome == Refused(why)


def test_a_request_by_the_connection_of_another_listener_is_misdirected() -> None:
    chains = (
        replace(chain("443/https", tls=True), name="443/any"),
        replace(chain("443/https", "a.test", tls=True), name="443/a"),
    )
    hosts = [
        replace(host("a.test", FOUND, table="443/https"), server_name="a.test"),
        replace(host("*", FOUND, table="443/https"), server_name="*"),
    ]
    plan = Fixed(hosts, sockets=[listener(443, *chains)])
    over_tls = {"scheme": "https", "port": 443}
    assert status(plan, host="a.test", server_name="a.test", **over_tls) == 201
    assert status(plan, host="a.test", server_name="b.test", **over_tls) == 421
    assert status(plan, host="b.test", server_name="a.test", **over_tls) == 421
    assert status(plan, host="c.test", server_name="b.test", **over_tls) == 201


@pytest.mark.parametrize(
    "call",
    [{"path": "/a#b"}, {"headers": (("a_b", "1"),)}, {"host": "shop.test:80,other.test"}, {"host": "a,b"}],
)
def test_ambiguous_requests_are_refused(call: dict[str, object]) -> None:
    assert status(Fixed([host("shop.test", FOUND), host("*", FOUND)]), **call) == 400


def test_a_request_goes_to_what_is_ready() -> None:
    edits = ir.HeaderEdits(set=(("x", "share"),), remove=("gone",))
    names = ("one", "empty", None)
    shares = [ir.Share(cluster=name, weight=1, request_headers=edits, origin=ORIGIN) for name in names]
    forward = ir.Forward(
        shares=tuple(shares), path_rewrite=ir.ReplacePrefix("/b"), host_rewrite=ir.HostRewrite("inside.test")
    )
    wanted = route(
        forward,
        match=ir.RouteMatch(path=ir.PathPrefix("/a")),
        request_headers=ir.HeaderEdits(set=(("x", "route"),), add=(("y", "more"),)),
    )
    call = Call(host="shop.test", port=8080, path="/a/c?d", headers=(("gone", "1"), ("y", "some")))
    sent = simulate(Fixed([host("shop.test", wanted)]), call).outcome
    assert isinstance(sent, Sent)
    assert [target.status for target in sent.targets] == [None, 503, 500]
    assert (sent.path, sent.host) == ("/b/c?d", "inside.test")
    assert sent.targets[0].headers == (("y", "some"), ("y", "more"), ("x", "share"))


@pytest.mark.parametrize(
    ("name", "of", "location"),
    [
        ("shop.test", "SHOP.test.:99", "http://shop.test/a"),
        ("*.test", "Shop.test.:99", "http://Shop.test/a"),
        ("*", "[::1]:99", "http://[::1]/a"),
    ],
)
def test_a_redirect_that_keeps_the_host_leaves_its_port_out(name: str, of: str, location: str) -> None:
    plan = Fixed([host(name, route(ir.Redirect(status=301)))])
    outcome = simulate(plan, Call(host=of, port=8080, path="/a")).outcome
    assert isinstance(outcome, Answered)
    assert (outcome.status, outcome.location) == (301, location)


@pytest.mark.parametrize(
    ("origin", "outcome"), [("https://a.test", 200), ("https://b.a.test", 200), ("https://evil.test", 403)]
)
def test_preflights_end_at_the_proxy(origin: str, outcome: int) -> None:
    origins = tuple(ir.OriginMatch(value=value) for value in ("https://a.test", "https://*.a.test"))
    share = ir.Share(cluster="one", weight=1, origin=ORIGIN)
    plan = Fixed([host("*", route(ir.Forward(shares=(share,)), cors=ir.Cors(origins=origins)))])
    asked = (("origin", origin), ("access-control-request-method", "PUT"))
    assert status(plan, method="OPTIONS", headers=asked) == outcome
    assert status(plan, method="GET", headers=asked) is None


@pytest.mark.parametrize(
    ("name", "values", "wanted", "regex", "found"),
    [
        ("x", ("1", "2"), "2", False, True),
        ("x", ("1", "2"), "1,2", False, False),
        ("x", ("1,2",), "1,2", False, True),
        ("x", ("12",), "1", True, False),
        ("x", (), ".*", True, False),
        ("authorization", ("1", "2"), "2", False, False),
        ("authorization", ("1", "2"), "1,2", False, True),
    ],
)
def test_a_header_matches_by_one_of_its_lines(
    name: str,
    values: tuple[str, ...],
    wanted: str,
    regex: bool,
    found: bool,
) -> None:
    call = Call(host="a", port=80, headers=tuple((name, value) for value in values))
    assert matches(ir.RouteMatch(headers=(ir.StringMatch(name, wanted, regex),)), call, "/") is found


def test_headers_are_removed_then_set_then_added() -> None:
    edits = ir.HeaderEdits(set=(("a", "3"),), add=(("b", "4"),), remove=("c",))
    assert edited((("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")), edits) == (
        ("b", "2"), ("d", "4"), ("a", "3"), ("b", "4"),
    )  # fmt: skip


def guarded(*ranges: str) -> ir.Treatment:
    """Lets in callers of these addresses."""
    rules = (
        ir.PermissionRule(effect=ir.Effect.ALLOW, caller=ir.Caller(source_ranges=(one,)), origin=ORIGIN)
        for one in ranges
    )
    return ir.Treatment(permissions=ir.Permissions(rules=tuple(rules)))


def test_who_is_not_permitted_gets_403_wherever_his_request_would_go() -> None:
    narrow = route(ir.Respond(status=201), match=ir.RouteMatch(path=ir.PathExact("/a")))
    own = replace(FOUND, treatment=guarded("127.0.0.0/8"), match=ir.RouteMatch(path=ir.PathExact("/own")))
    exact = replace(host("shop.test", narrow, own), treatment=guarded("10.0.0.0/8"))
    wild = replace(host("*.test", narrow), treatment=guarded("10.0.0.0/8"))
    plan = Fixed([exact, wild])
    assert status(plan, path="/a") == 403
    assert status(plan, path="/a", source="10.1.2.3") == 201
    assert status(plan, path="/own") == 201, "the route's permissions, not the host's"
    assert status(plan, path="/own", source="10.1.2.3") == 403
    assert status(plan, path="/nothing") == 403
    assert status(plan, host="a.test", path="/a") == 403
    assert status(plan, host="a.test", path="/nothing") == 404, "of a wildcard host no route, no settings"


def test_a_preflight_is_answered_before_anybody_is_judged() -> None:
    policy = ir.Cors(origins=(ir.OriginMatch(value="*"),))
    crossing = replace(
        route(ir.Forward(shares=(ir.Share(cluster="one", weight=1, origin=ORIGIN),))), cors=policy
    )
    plan = Fixed([replace(host("shop.test", crossing), treatment=guarded("10.0.0.0/8"))])
    asked = (("origin", "https://a.test"), ("access-control-request-method", "GET"))
    assert status(plan, method="OPTIONS", headers=asked) == 200
    assert status(plan, method="GET", headers=asked[:1]) == 403


def test_claims_hold_only_where_tokens_are_verified() -> None:
    buyer = ir.Caller(claims=(("role", ir.Text("exact", "buyer")),))
    rule = ir.PermissionRule(effect=ir.Effect.ALLOW, caller=buyer, origin=ORIGIN)
    closed = replace(
        host("shop.test", FOUND), treatment=ir.Treatment(permissions=ir.Permissions(rules=(rule,)))
    )
    verified = replace(closed, filters=ir.PolicyFilters(permissions=True, tokens=True))
    said = (("role", "buyer"),)
    assert status(Fixed([verified]), claims=said) == 201
    assert status(Fixed([verified]), claims=(("role", "seller"),)) == 403
    assert status(Fixed([verified])) == 403
    assert status(Fixed([closed]), claims=said) == 403
