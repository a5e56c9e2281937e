"""Which hostnames a table has, which routes each of them carries, and in which order."""

from typing import Any

from tests.unit.translate.certificates import tls_secret
from tests.unit.translate.world import (
    EDGE,
    World,
    backend,
    gateway,
    http,
    http_route,
    https,
    passthrough,
    route_id,
    rule,
    service,
    unvalidated,
)

from sekisho import ir
from sekisho.translate.outputs import VIRTUAL_HOSTS, WILDCARD_TABLES


def shop(*routes: Any, listeners: tuple[Any, ...] = ()) -> World:
    return World(service(), gateway(*listeners), *routes)


def tls_shop(*routes: Any, listeners: tuple[Any, ...]) -> World:
    return World(service(), tls_secret("cert", "*.example.com"), gateway(*listeners), *routes)


def test_each_hostname_of_a_route_is_a_virtual_host_and_wildcards_are_gathered_in_one_table() -> None:
    found = shop(http_route("r", hostnames=["a.example.com", "*.example.com"]))
    assert [key.hostname for key in found.values(VIRTUAL_HOSTS)] == ["a.example.com"]
    (table,) = found.values(WILDCARD_TABLES).values()
    assert [host.hostname for host in table.hosts] == ["*", "*.example.com"]


def test_routes_of_one_hostname_are_merged_by_the_precedence_of_their_matches() -> None:
    def match(**fields: Any) -> dict[str, Any]:
        return rule(backend(), matches=[fields])

    path = {"type": "PathPrefix", "value": "/a"}
    header, query = [{"name": "h", "value": "1"}], [{"name": "q", "value": "1"}]
    written = [
        http_route("any", match()),
        http_route("prefix", match(path=path)),
        http_route("query", match(path=path, queryParams=query)),
        http_route("header", match(path=path, headers=header)),
        http_route("method", match(path=path, method="GET")),
        http_route("longer", match(path={"type": "PathPrefix", "value": "/a/b"})),
        http_route("regex", match(path={"type": "RegularExpression", "value": "/a.*"})),
        http_route("exact", match(path={"type": "Exact", "value": "/a"})),
    ]
    expected = ["exact", "regex", "longer", "method", "header", "query", "prefix", "any"]
    assert shop(*written).routes("*") == [f"shop/{name}/0/0" for name in expected]


def test_equal_matches_go_to_the_oldest_route_then_the_first_name_then_the_first_rule() -> None:
    old = {"creationTimestamp": "2020-01-01T00:00:00Z"}
    found = shop(
        http_route("a", rule(backend()), rule(backend())), http_route("b"), http_route("z", metadata=old)
    )  # fmt: skip
    assert found.routes("*") == ["shop/z/0/0", "shop/a/0/0", "shop/a/1/0", "shop/b/0/0"]


def test_a_hostname_carries_the_rules_of_wider_hostnames_behind_its_own() -> None:
    found = shop(
        http_route("exact", rule(backend(), path="/e"), hostnames=["a.example.com"]),
        http_route("wild", rule(backend(), path="/very/long/path"), hostnames=["*.example.com"]),
        http_route("any", rule(backend(), path="/the/longest/path/of/all")),
    )
    assert found.routes("a.example.com") == ["shop/exact/0/0", "shop/wild/0/0", "shop/any/0/0"]
    assert found.routes("*.example.com") == ["shop/wild/0/0", "shop/any/0/0"]
    assert found.routes("*") == ["shop/any/0/0"]


def test_a_route_with_several_hostnames_that_cover_one_counts_once_by_the_most_specific() -> None:
    found = shop(
        http_route("both", hostnames=["*.example.com", "a.example.com"]),
        http_route("wild", rule(backend(), path="/long"), hostnames=["*.example.com"]),
    )
    assert found.routes("a.example.com") == ["shop/both/0/0", "shop/wild/0/0"]


def test_a_hostname_is_the_intersection_of_the_route_and_the_listener() -> None:
    found = shop(
        http_route("wider", hostnames=["*.com"]),
        http_route("equal", hostnames=["A.EXAMPLE.com".lower()]),
        http_route("none"),
        listeners=(http(hostname="a.example.com"),),
    )
    assert found.routes("a.example.com") == ["shop/equal/0/0", "shop/wider/0/0", "shop/none/0/0"]
    assert found.values(WILDCARD_TABLES) == {(EDGE, "8080"): ir.WildcardTable(table="8080", hosts=())}


def test_the_routes_of_a_less_specific_listener_never_serve_the_hosts_of_a_more_specific_one() -> None:
    parents = [{"name": "edge", "sectionName": "wide"}]
    found = shop(
        http_route("all", parents=parents),
        http_route("exact", parents=parents, hostnames=["a.example.com", "other.com"]),
        listeners=(http("wide"), http("narrow", hostname="*.example.com")),
    )
    assert found.routes("*.example.com") == []
    assert found.host("a.example.com") is None
    assert found.routes("other.com") == ["shop/exact/0/0", "shop/all/0/0"]


def test_listeners_in_conflict_close_their_hostname_for_wider_listeners_too() -> None:
    rivals = (http("wide"), http("one", hostname="a.example.com"), http("two", hostname="a.example.com"))
    found = shop(http_route("all"))
    found.commit(unvalidated(gateway(*rivals)))
    assert found.routes("a.example.com") == []
    assert found.routes("*") == ["shop/all/0/0"]


def test_the_https_listeners_of_a_port_share_a_table() -> None:
    found = tls_shop(
        http_route("r", hostnames=["a.example.com"]),
        listeners=(https("one", hostname="*.example.com"), https("two", port=9443)),
    )
    assert found.routes("a.example.com", "8443/https") == ["shop/r/0/0"]
    assert found.routes("a.example.com", "9443/https") == ["shop/r/0/0"]
    assert server_name(found, "a.example.com") == "*.example.com"
    assert server_name(found, "a.example.com", "9443/https") == "*"


def test_each_host_says_by_which_listener_its_requests_must_come() -> None:
    found = tls_shop(
        http_route("r"),
        listeners=(
            https("exact", hostname="a.example.com"),
            https("wild", hostname="*.example.com"),
            https("other", hostname="a.example.org"),
        ),
    )
    for hostname in ("a.example.com", "*.example.com", "a.example.org"):
        assert server_name(found, hostname) == hostname
        assert found.routes(hostname, "8443/https") == ["shop/r/0/0"]
    assert found.host("*", "8443/https") is None


def test_hosts_of_plain_listeners_do_not_care_how_requests_came() -> None:
    assert server_name(shop(http_route("r", hostnames=["a.example.com"])), "a.example.com", "8080") == ""


def test_a_route_on_a_wide_listener_for_a_host_of_a_narrow_one_is_served_by_neither() -> None:
    found = tls_shop(
        http_route("r", parents=[{"name": "edge", "sectionName": "wide"}], hostnames=["a.example.com"]),
        listeners=(https("wide"), https("narrow", hostname="a.example.com")),
    )
    assert server_name(found, "a.example.com") == "a.example.com"
    assert found.routes("a.example.com", "8443/https") == []


def test_a_closed_https_listener_keeps_its_hosts_from_wider_ones() -> None:
    broken = https("broken", hostname="a.example.com", secret="missing")
    found = tls_shop(http_route("r"), listeners=(https("wide"), broken))
    assert server_name(found, "a.example.com") == "a.example.com"


def test_a_tls_listener_keeps_its_hosts_from_wider_https_listeners_of_its_port() -> None:
    found = tls_shop(http_route("r"), listeners=(https("wide"), passthrough(hostname="a.example.com")))
    assert server_name(found, "a.example.com") == "a.example.com"
    assert found.routes("a.example.com", "8443/https") == []
    assert list(shop(listeners=(passthrough(hostname="a.example.com"),)).values(VIRTUAL_HOSTS)) == []


def server_name(found: World, hostname: str, table: str = "8443/https") -> str:
    host = found.host(hostname, table)
    assert host is not None
    return host.server_name


def test_a_virtual_host_names_everyone_who_has_a_part_in_it() -> None:
    host = shop(http_route("a", hostnames=["a.example.com"]), http_route("b")).host("a.example.com")
    assert host is not None
    assert [str(origin) for origin in host.origins] == [
        "Gateway/shop/edge spec.listeners[0]",
        "HTTPRoute/shop/a",
        "HTTPRoute/shop/b",
    ]


def test_a_route_that_goes_takes_its_hostname_with_it() -> None:
    found = shop(http_route("r", hostnames=["a.example.com"]))
    changes = found.remove(route_id("r"))
    assert changes.outputs[VIRTUAL_HOSTS] == {(EDGE, "8080", "a.example.com"): None}


def test_two_gateways_do_not_share_tables() -> None:
    route = http_route("r", parents=[{"name": "inner"}], hostnames=["a.b"])
    found = World(service(), gateway(), gateway(name="inner"), route)
    assert [str(key.gateway) for key in found.values(VIRTUAL_HOSTS)] == ["Gateway/shop/inner"]
