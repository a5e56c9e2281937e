"""Clusters of applications: how long connections to them live."""

import pytest
from tests.kit.sidecar import ORIGIN, inbound

from sekisho import envoy, ir
from sekisho.envoy.clusters import HTTP_OPTIONS
from sekisho.envoy.inbound_clusters import CONNECTION_AGE_MS
from sekisho.protos import unpack


def options(wanted: ir.Inbound) -> tuple[int | None, int | None]:
    """Milliseconds of idleness and of age; None for Envoy's own."""
    packed = envoy.inbound_cluster(wanted).typed_extension_protocol_options
    if HTTP_OPTIONS not in packed:
        return None, None
    common = unpack(packed[HTTP_OPTIONS]).common_http_protocol_options
    idle, age = (
        getattr(common, name).ToMilliseconds() if common.HasField(name) else None
        for name in ("idle_timeout", "max_connection_duration")
    )
    return idle, age


@pytest.mark.parametrize("protocol", [ir.Protocol.HTTP1, ir.Protocol.WEBSOCKET])
def test_connections_to_an_application_over_http1_end_by_age_and_not_by_a_clock_per_request(
    protocol: ir.Protocol,
) -> None:
    assert options(inbound(80, 8080, protocol=protocol)) == (0, CONNECTION_AGE_MS)


@pytest.mark.parametrize("protocol", [ir.Protocol.H2C, ir.Protocol.GRPC, ir.Protocol.TCP])
def test_connections_that_hold_many_requests_or_none_end_when_they_are_idle(protocol: ir.Protocol) -> None:
    assert options(inbound(80, 8080, protocol=protocol)) == (None, None)


def test_a_time_of_idleness_that_somebody_names_holds() -> None:
    times = (ir.Conditional(caller=None, value=ir.Times(idle=5_000), origin=ORIGIN),)
    assert options(inbound(80, 8080, times=times)) == (5_000, None)


def test_one_application_is_not_compared_with_others() -> None:
    assert envoy.inbound_cluster(inbound(80, 8080)).lb_policy == 0  # ROUND_ROBIN
