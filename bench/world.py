"""Worlds for benchmarks: many services behind one gateway, as manifests and as leaves."""

from collections.abc import Iterable, Iterator
from typing import Any

from tests.kit.objects import (
    endpoint_slice,
    gateway,
    gateway_class,
    id_of,
    manifest,
    route,
    service,
)

from sekisho.model.document import check, engine_view


def services(count: int, endpoints: int = 5) -> Iterator[dict[str, Any]]:
    """A gateway `shop/web`, and `count` services with endpoints and a hostname each."""
    yield manifest("Namespace", "shop")
    yield gateway_class()
    yield gateway(port=18080)
    for number in range(count):
        name = f"s{number}"
        yield service(name)
        yield slice_of(number, 0, endpoints)
        yield route(name, f"{name}.example.com", name)


def slice_of(number: int, version: int, endpoints: int = 5) -> dict[str, Any]:
    """The endpoints of one service; they differ by version."""
    third, fourth = number % 250, version % 200
    addresses = [f"10.{one}.{third}.{fourth + 1}" for one in range(endpoints)]
    return endpoint_slice(f"s{number}", *addresses)


def leaves(manifests: Iterable[dict[str, Any]]) -> dict[Any, Any]:
    """What the control loop would put into the engine."""
    return {id_of(one): engine_view(check(one["kind"], one).resource) for one in manifests}
