"""Law: a request meets the rule that the Gateway API says, read as plainly as it is written.

The oracle knows nothing of virtual hosts, indexes or tables: it looks at every listener, route and
match for each request. What a proxy would do is asked of the simulator, over what translation made.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.strategies import HOSTNAMES, PATHS, lists, optional
from tests.unit.translate.world import (
    EDGE,
    World,
    backend,
    gateway,
    http,
    http_route,
    rule,
    service,
    unvalidated,
)

from sekisho import ir
from sekisho.ir.calls import Call
from sekisho.ir.simulator import simulate
from sekisho.kit import hostnames
from sekisho.model.gateway import Gateway, Listener
from sekisho.model.httproute import HTTPRoute, HttpRouteMatch
from sekisho.translate.outputs import ENDPOINTS, LISTENERS, VIRTUAL_HOSTS, WILDCARD_TABLES

HOSTS = [
    "a.example.com",
    "b.a.example.com",
    "c.b.a.example.com",
    "d.example.com",
    "x.org",
    "y.org",
    "example.com",
]
CALLS = st.builds(
    lambda host, path, method, headers: Call(
        host=host, port=8080, path=path, method=method, headers=tuple(headers)
    ),
    st.sampled_from(HOSTS),
    st.sampled_from(["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab"]),
    st.sampled_from(["GET", "POST"]),
    st.lists(st.sampled_from([("x", "1"), ("y", "1")]), unique=True),
)
MATCHES = st.builds(
    lambda type_, value, method, headers: {
        "path": {"type": type_, "value": value},
        "headers": [{"name": name, "value": "1"} for name in headers],
        **method,
    },
    st.sampled_from(["PathPrefix", "Exact"]),
    PATHS | st.just("/a/"),
    optional("method", st.sampled_from(["GET", "POST"])),
    lists(st.sampled_from(["x", "y"])),
)
RULES = st.builds(lambda matches: rule(backend(), matches=matches), lists(MATCHES))
LISTENERS_WRITTEN = st.lists(st.none() | HOSTNAMES, min_size=1, max_size=4).map(
    lambda names: [
        http(f"l{index}", **({"hostname": name} if name else {})) for index, name in enumerate(names)
    ]
)
ROUTES_WRITTEN = st.dictionaries(
    st.sampled_from(["p", "q", "r", "s"]),
    st.tuples(
        st.lists(RULES, min_size=1, max_size=2),
        lists(HOSTNAMES),
        optional("sectionName", st.sampled_from(["l0", "l1"])),
        st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
    ),
    max_size=4,
)


class Plan:
    """What the simulator asks of a proxy's configuration."""

    def __init__(self, world: World) -> None:
        self._value = world.engine.value
        self._listeners = list(world.values(LISTENERS).values())

    def listeners(self) -> list[ir.Listener]:
        return self._listeners

    def virtual_host(self, table: str, hostname: str) -> ir.VirtualHost | None:
        found: ir.VirtualHost | None = self._value(VIRTUAL_HOSTS, (EDGE, table, hostname))
        return found

    def wildcard_table(self, table: str) -> ir.WildcardTable | None:
        found: ir.WildcardTable | None = self._value(WILDCARD_TABLES, (EDGE, table))
        return found

    def endpoints(self, cluster: str) -> ir.Endpoints | None:
        found: ir.Endpoints | None = self._value(ENDPOINTS, (EDGE, cluster))
        return found


@settings(max_examples=200)
@given(LISTENERS_WRITTEN, ROUTES_WRITTEN, st.lists(CALLS, min_size=1, max_size=8))
def test_a_request_meets_the_rule_the_specification_says(
    listeners: Any, written: Any, calls: list[Call]
) -> None:
    resources = unvalidated(
        gateway(*listeners),
        *(
            http_route(
                name,
                *rules,
                hostnames=names,
                parents=[{"name": "edge", **section}],
                metadata={"creationTimestamp": created},
            )
            for name, (rules, names, section, created) in written.items()
        ),
    )
    world = World(service())
    world.commit(resources)
    edge: Gateway = resources.pop(EDGE)
    plan, routes = Plan(world), list(resources.values())
    for call in calls:
        met = simulate(plan, call).route
        assert (met and met.name) == expected(edge, routes, call), call


def expected(edge: Gateway, routes: list[HTTPRoute], call: Call) -> str | None:
    """The name of the route, or None for 404."""
    listener = listener_of(edge, call)
    if listener is None:
        return None
    found = [
        (order(route, call, index, number, match), f"shop/{route.metadata.name}/{index}/{number}")
        for route in routes
        if route.spec.parent_refs[0].section_name in (None, listener.name)
        and (
            not route.spec.hostnames
            or any(hostnames.matches(name, call.host) for name in route.spec.hostnames)
        )
        for index, written in enumerate(route.spec.rules)
        for number, match in enumerate(written.matches or (HttpRouteMatch(),))
        if holds(match, call)
    ]
    return min(found)[1] if found else None


def listener_of(edge: Gateway, call: Call) -> Listener | None:
    """The most specific listener for the host; none when it is in conflict with another."""
    able = [one for one in edge.spec.listeners if hostnames.matches(one.hostname or "*", call.host)]
    best = max(able, key=lambda one: hostnames.specificity(one.hostname or "*"), default=None)
    if best is None or [one.hostname for one in edge.spec.listeners].count(best.hostname) > 1:
        return None
    return best


def holds(match: HttpRouteMatch, call: Call) -> bool:
    if match.method not in (None, call.method):
        return False
    if any((header.name, header.value) not in call.headers for header in match.headers):
        return False
    if match.path.type == "Exact":
        return call.path == match.path.value
    wanted = [segment for segment in match.path.value.split("/") if segment]
    return [segment for segment in call.path.split("/") if segment][: len(wanted)] == wanted


def order(route: HTTPRoute, call: Call, index: int, number: int, match: HttpRouteMatch) -> Any:
    """HTTPRouteSpec.hostnames, then HTTPRouteRule.matches, in the order they are written there."""
    matching = [name for name in route.spec.hostnames if hostnames.matches(name, call.host)]
    exact = max((len(name) for name in matching if not name.startswith("*")), default=0)
    longest = max((len(name) for name in matching), default=0)
    exactly = match.path.type == "Exact"
    return (
        -exact, -longest,
        not exactly, -len(match.path.value.rstrip("/")),
        match.method is None, -len({header.name for header in match.headers}),
        route.metadata.creation_timestamp, route.metadata.name, index, number,
    )  # fmt: skip
