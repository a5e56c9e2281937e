"""One change costs what it touches: counted in queries run or functions called, never in time."""

import gc
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.unit.translate.certificates import tls_secret
from tests.unit.translate.world import (
    World,
    backend,
    endpoint_slice,
    gateway,
    http,
    http_route,
    https,
    listener_set,
    route_id,
    rule,
    service,
)

from sekisho.engine import Changes


def numbered_route(number: int, path: str = "/", service: str = "") -> dict[str, Any]:
    to = backend(service or f"s{number}")
    return http_route(f"r{number}", rule(to, path=path), hostnames=[f"h{number}.example.com"])


def shop(size: int) -> World:
    documents = [
        one
        for number in range(size)
        for one in (service(f"s{number}"), endpoint_slice(f"s{number}", "10.0.0.1"), numbered_route(number))
    ]
    return World(gateway(http(), http("b", 8081)), *documents)


def runs(size: int, change: Callable[[World], Changes]) -> tuple[Counter[str], Counter[str]]:
    """The queries a change runs again in a shop of `size` routes, and how many values it moves by output."""
    found = shop(size)
    before = found.engine.runs.copy()
    changes = change(found)
    moved = Counter({output.name: len(keys) for output, keys in changes.outputs.items()})
    return found.engine.runs - before, moved


def same_at_any_size(change: Callable[[World], Changes]) -> tuple[Counter[str], Counter[str]]:
    few, many = runs(10, change), runs(1000, change)
    assert few == many
    return few


def test_an_edit_of_a_route_rebuilds_its_hostnames_alone() -> None:
    ran, moved = same_at_any_size(lambda found: found.apply(numbered_route(3, "/edited")))
    assert moved == {"virtual hosts": 2}  # one per listener
    assert ran["ScopedRouteConfiguration of virtual hosts"] + ran["virtual hosts"] == 2
    assert ran["routes.plan"] == 1
    assert sum(ran.values()) <= 20


def test_a_route_to_another_service_moves_one_cluster_and_no_listener() -> None:
    ran, moved = same_at_any_size(lambda found: found.apply(numbered_route(3, service="s4")))
    assert moved == {"virtual hosts": 2, "clusters": 1, "endpoints": 1}
    assert sum(ran.values()) <= 20


def test_a_new_endpoint_moves_the_endpoints_of_its_service_alone() -> None:
    ran, moved = same_at_any_size(lambda found: found.apply(endpoint_slice("s3", "10.0.0.1", "10.0.0.2")))
    assert moved == {"endpoints": 1}
    assert sum(ran.values()) <= 4


def test_a_new_route_moves_its_hostname_its_cluster_and_the_count() -> None:
    ran, moved = same_at_any_size(lambda found: found.apply(service("new"), *[new_route()]))
    assert moved == {"virtual hosts": 2, "clusters": 1, "endpoints": 1, "statuses": 2}
    assert sum(ran.values()) <= 42


def new_route() -> dict[str, Any]:
    return http_route("new", rule(backend("new")), hostnames=["new.example.com"])


def test_a_route_that_goes_costs_no_more_than_one_that_comes() -> None:
    ran, moved = same_at_any_size(lambda found: found.remove(route_id("r3")))
    assert moved == {"virtual hosts": 2, "clusters": 1, "endpoints": 1, "statuses": 2}
    assert sum(ran.values()) <= 42


def test_what_is_not_part_of_a_route_does_not_run_it_again() -> None:
    ran, moved = same_at_any_size(lambda found: found.apply(service("s3", clusterIP="10.1.1.1")))
    assert (ran["routes.plan"], moved) == (0, {})
    assert sum(ran.values()) <= 4


def test_nothing_is_left_behind_when_everything_has_gone() -> None:
    found, empty = shop(20), World()
    found.remove(*[key for key in list(found.engine._leaves) if getattr(key, "kind", "") in KINDS])
    assert found.engine.size == empty.engine.size


KINDS = ("Gateway", "HTTPRoute", "Service", "EndpointSlice")
EVERYBODY = {"allowedListeners": {"namespaces": {"from": "All"}}}


def listener_sets(namespaces: int) -> World:
    """So many namespaces, each with a certificate and eight ListenerSets."""
    documents = [
        one
        for team in (f"team-{number}" for number in range(namespaces))
        for one in (
            tls_secret("cert", f"*.{team}.example.com", namespace=team),
            *(one_of(team, f"app-{number}") for number in range(8)),
        )
    ]
    return World(gateway(http(), **EVERYBODY), *documents)


def one_of(team: str, name: str) -> dict[str, Any]:
    return listener_set(name, https(hostname=f"{name}.{team}.example.com"), namespace=team)


def calls(work: Callable[[], object]) -> int:
    """How many functions it calls: unlike queries run, this also tells what is read of others."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    gc.disable()  # others may have something called by it
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def test_one_more_listener_set_asks_its_neighbours_and_no_other_listener_set() -> None:
    """Its socket has a filter chain for each certificate, and is put together of them anew."""

    def asked(namespaces: int) -> int:
        found = listener_sets(namespaces)
        return calls(lambda: found.apply(one_of("team-3", "one-more")))

    few, many = asked(10), asked(60)
    assert many - few <= 4 * 50  # a look at each certificate, and none at the 400 ListenerSets


def test_one_more_plain_listener_set_asks_its_neighbours_alone() -> None:
    def plain(team: int, name: str) -> dict[str, Any]:
        return listener_set(name, http(hostname=f"{name}.{team}.example.com"), namespace=f"team-{team}")

    def asked(namespaces: int) -> int:
        sets = [plain(team, f"app-{number}") for team in range(namespaces) for number in range(8)]
        found = World(gateway(http(), **EVERYBODY), *sets)
        return calls(lambda: found.apply(plain(3, "one-more")))

    few, many = asked(10), asked(60)
    assert many <= few
