"""Clusters fetched when somebody calls: which filters wait for them, and what is never waited for."""

from typing import Any

import pytest
from msgspec.structs import replace

from sekisho import ir
from sekisho.envoy.filters import on_demand
from sekisho.envoy.outbound import outbound_listener
from sekisho.envoy.route_action import UNRESOLVED
from sekisho.envoy.route_tables import route_configuration
from sekisho.ir.sidecar import Outbound, RouteTable
from sekisho.model.names import Origin, ResourceId
from sekisho.protos import unpack

ORIGIN = Origin(ResourceId("Service", "shop", "cart"), "spec.ports[port=80]")
OUTBOUND = Outbound(
    name="outbound/shop/cart/80", addresses=("241.0.0.1",), port=80, bound=False, tcp=None, origin=ORIGIN
)
LIMIT = ir.RateLimit(tokens=1, interval_ms=1000)


def last_filter(wanted: Outbound) -> Any:
    """The one that sends requests or bytes on."""
    return unpack(outbound_listener(wanted).filter_chains[0].filters[-1].typed_config)


def test_a_request_waits_before_any_filter_counts_it() -> None:
    wanted = replace(OUTBOUND, on_demand=True, rate_limit=LIMIT)
    first = last_filter(wanted).http_filters[0]
    assert first.name == on_demand.NAME
    assert unpack(first.typed_config).odcds.source.HasField("ads")


def test_who_knows_all_from_the_start_asks_for_nothing() -> None:
    assert on_demand.NAME not in [one.name for one in last_filter(OUTBOUND).http_filters]


@pytest.mark.parametrize("fetches", [True, False])
def test_bytes_wait_in_the_proxy_of_their_connection(*, fetches: bool) -> None:
    forward = ir.TcpForward(shares=(("shop/cart/80", 1),))
    assert last_filter(replace(OUTBOUND, tcp=forward, on_demand=fetches)).HasField("on_demand") is fetches


def test_a_connection_that_is_only_to_be_closed_waits_for_nothing() -> None:
    closed = ir.TcpForward(shares=((ir.CLOSED, 1),))
    assert not last_filter(replace(OUTBOUND, tcp=closed, on_demand=True)).HasField("on_demand")


def test_a_share_that_leads_nowhere_is_never_asked_for() -> None:
    shares = tuple(ir.Share(cluster=name, weight=1, origin=ORIGIN) for name in ("shop/cart/80", None))
    route = ir.Route(name="r", match=ir.RouteMatch(), action=ir.Forward(shares=shares), origin=ORIGIN)
    host = ir.VirtualHost(table=OUTBOUND.name, hostname="*", routes=(route,), origins=(ORIGIN,))
    built = route_configuration(RouteTable(name=OUTBOUND.name, hosts=(host,), origin=ORIGIN))
    first, second = built.virtual_hosts[0].routes[0].route.weighted_clusters.clusters
    assert (first.name, dict(first.typed_per_filter_config)) == ("shop/cart/80", {})
    assert second.name == UNRESOLVED
    assert not unpack(second.typed_per_filter_config[on_demand.NAME]).HasField("odcds")
