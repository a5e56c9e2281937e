"""What each policy of calls changes in a plan."""

from typing import Any

import msgspec
import pytest
from tests.unit.policies.plans import BYTES, CLUSTER, FORWARD, INBOUND, ORIGIN, OUTBOUND, SOME, conf, rule

from sekisho import ir
from sekisho.ir.patches import Patch
from sekisho.ir.traffic import HealthCheck
from sekisho.ir.transport import ServerTls
from sekisho.model.names import Origin, ResourceId
from sekisho.model.policies.circuit_breaker import CircuitBreakerDefault
from sekisho.model.policies.fault_injection import FaultInjectionDefault
from sekisho.model.policies.health_check import HealthCheckDefault
from sekisho.model.policies.load_balancing import LoadBalancingDefault
from sekisho.model.policies.passthrough import PassthroughDefault
from sekisho.model.policies.proxy_patch import ProxyPatchDefault
from sekisho.model.policies.rate_limit import RateLimitDefault
from sekisho.model.policies.retry import RetryDefault
from sekisho.model.policies.timeout import TimeoutDefault
from sekisho.policies import (
    circuit_breaker,
    fault_injection,
    health_check,
    load_balancing,
    passthrough,
    proxy_patch,
    rate_limit,
    retry,
    timeout,
)
from sekisho.policies.registry import BY_KIND, REGISTRY

TIMES = {
    "connectionTimeout": "2s",
    "idleTimeout": "3m",
    "http": {
        "requestTimeout": "4s",
        "streamIdleTimeout": "5s",
        "maxStreamDuration": "6s",
        "maxConnectionDuration": "7s",
        "requestHeadersTimeout": "8s",
    },
}


def test_timeout_sets_the_times_of_connections_and_of_requests() -> None:
    wanted = conf(TimeoutDefault, **TIMES)
    cluster = timeout.cluster(CLUSTER, wanted)
    assert cluster.connect_timeout_ms == 2_000
    assert (cluster.idle_timeout_ms, cluster.max_connection_duration_ms) == (180_000, 7_000)
    forward = timeout.forward(FORWARD, wanted)
    assert (forward.request_timeout_ms, forward.stream_idle_ms, forward.max_stream_ms) == (
        4_000,
        5_000,
        6_000,
    )
    assert timeout.outbound(OUTBOUND, wanted).times.request_headers == 8_000
    straight = timeout.outbound(BYTES, wanted).tcp
    assert straight is not None
    assert straight.idle_ms == 180_000


def test_timeout_says_nothing_where_it_says_nothing() -> None:
    nothing = conf(TimeoutDefault)
    assert timeout.cluster(CLUSTER, nothing) == CLUSTER
    assert timeout.forward(FORWARD, nothing) == FORWARD
    assert timeout.outbound(OUTBOUND, nothing) == OUTBOUND


def test_what_a_route_says_of_time_itself_stays() -> None:
    wanted = conf(TimeoutDefault, **TIMES)
    own = msgspec.structs.replace(FORWARD, request_timeout_ms=0)
    assert timeout.forward(own, wanted).request_timeout_ms == 0
    tries = msgspec.structs.replace(FORWARD, backend_timeout_ms=1_000)
    assert timeout.forward(tries, wanted).request_timeout_ms is None


def test_timeout_of_a_server_may_differ_by_caller() -> None:
    found = timeout.inbound(INBOUND, (rule(TIMES), rule({"http": {"requestTimeout": "1s"}}, SOME, 1)))
    some, rest = found.times
    assert (some.caller, some.value.request, some.value.idle) == (SOME, 1_000, 180_000)
    assert (rest.caller, rest.value.request) == (None, 4_000)


HTTP_RETRY = {
    "numRetries": 4,
    "perTryTimeout": "1s",
    "backOff": {"baseInterval": "10ms", "maxInterval": "1s"},
    "rateLimitedBackOff": {
        "resetHeaders": [{"name": "Retry-After", "format": "Seconds"}],
        "maxInterval": "9s",
    },
    "retryOn": ["503", "5xx", "GatewayError", "HttpMethodGet", "429"],
    "retriableResponseHeaders": [{"name": "X-Again", "type": "Present"}],
    "retriableRequestHeaders": [{"name": "X-May", "type": "Prefix", "value": "y."}],
    "hostSelection": [{"predicate": "OmitPreviousPriorities", "updateFrequency": 3}],
    "hostSelectionMaxAttempts": 7,
}


def test_retry_takes_over_every_field() -> None:
    forward = retry.forward(FORWARD, conf(RetryDefault, http=HTTP_RETRY), is_grpc=False)
    assert forward.backend_timeout_ms == 1_000
    assert forward.retry == ir.Retry(
        attempts=4,
        codes=(429, 503),
        connection_errors=False,
        backoff_ms=10,
        backoff_max_ms=1_000,
        on=("5xx", "gateway-error"),
        reset_headers=(("retry-after", "SECONDS"),),
        reset_max_ms=9_000,
        response_headers=(ir.StringMatch("x-again", ".*", regex=True),),
        request_headers=(
            ir.StringMatch(":method", "GET"),
            ir.StringMatch("x-may", r"y\..*", regex=True),
        ),
        omit_previous_hosts=False,
        omit_previous_priorities=3,
        host_attempts=7,
    )


def test_retry_without_conditions_repeats_only_what_no_server_has_begun() -> None:
    found = retry.forward(FORWARD, conf(RetryDefault, http={}), is_grpc=False).retry
    assert found is not None
    assert found.on == ("connect-failure", "refused-stream", "reset-before-request")
    assert (found.attempts, found.codes, found.connection_errors) == (1, (), False)


def test_retry_asks_the_part_of_the_protocol() -> None:
    wanted = conf(RetryDefault, grpc={"retryOn": ["Unavailable", "DeadlineExceeded"]}, http={"numRetries": 0})
    grpc = retry.forward(FORWARD, wanted, is_grpc=True).retry
    assert grpc is not None
    assert grpc.on[-2:] == ("unavailable", "deadline-exceeded")
    assert retry.forward(FORWARD, wanted, is_grpc=False).retry is None
    assert retry.forward(FORWARD, conf(RetryDefault), is_grpc=True) == FORWARD


def test_the_retry_of_a_route_itself_stays() -> None:
    own = msgspec.structs.replace(FORWARD, retry=ir.Retry(attempts=9))
    assert retry.forward(own, conf(RetryDefault, http=HTTP_RETRY), is_grpc=False).retry == own.retry


def test_connections_of_bytes_are_tried_again_and_those_of_http_are_not_touched() -> None:
    wanted = conf(RetryDefault, tcp={"maxConnectAttempt": 5})
    found = retry.outbound(BYTES, wanted).tcp
    assert found is not None
    assert found.connect_attempts == 5
    assert retry.outbound(OUTBOUND, wanted) == OUTBOUND


OUTLIERS = {
    "interval": "5s",
    "baseEjectionTime": "20s",
    "maxEjectionPercent": 0,
    "detectors": {
        "totalFailures": {"consecutive": 3},
        "gatewayFailures": {},
        "localOriginFailures": {"consecutive": 2},
        "successRate": {"standardDeviationFactor": "1.5"},
        "failurePercentage": {"minimumHosts": 2, "requestVolume": 9, "threshold": 0},
    },
    "healthyPanicThreshold": 0,
}


def test_circuit_breaker_takes_over_limits_and_outliers() -> None:
    limits = {"maxConnections": 1, "maxConnectionPools": 2, "maxPendingRequests": 3, "maxRetries": 4}
    wanted = conf(
        CircuitBreakerDefault, connectionLimits={**limits, "maxRequests": 0}, outlierDetection=OUTLIERS
    )
    found = circuit_breaker.cluster(CLUSTER, wanted)
    assert found.limits == ir.Limits(connections=1, pools=2, pending_requests=3, retries=4, requests=0)
    assert found.balancing.panic_percent == 0
    assert found.outliers == ir.Outliers(
        interval_ms=5_000,
        base_ejection_ms=20_000,
        max_ejection_percent=0,
        split_local_errors=True,
        consecutive_failures=3,
        consecutive_gateway_failures=5,
        consecutive_local_failures=2,
        success_rate=(5, 100, 1_500),
        failure_percentage=(2, 9, 0),
    )
    assert found.told_at_once, "else requests go on to endpoints that are left out"


@pytest.mark.parametrize("outliers", [{"interval": "1s"}, {**OUTLIERS, "disabled": True}])
def test_without_a_detector_nobody_is_left_out(outliers: dict[str, Any]) -> None:
    found = circuit_breaker.cluster(CLUSTER, conf(CircuitBreakerDefault, outlierDetection=outliers))
    assert found.outliers is None


def test_a_server_bounds_what_reaches_its_application() -> None:
    found = circuit_breaker.inbound(INBOUND, (rule({"connectionLimits": {"maxRequests": 7}}),))
    assert found.limits == ir.Limits(requests=7)


CHECKS = {"tcp": {"send": "aGk=", "receive": ["b2s="]}, "http": {"path": "/up"}, "grpc": {"serviceName": "s"}}


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        (ir.Protocol.TCP, HealthCheck(kind="tcp", send=b"hi", receive=(b"ok",))),
        (ir.Protocol.HTTP1, HealthCheck(kind="http", path="/up")),
        (ir.Protocol.GRPC, HealthCheck(kind="grpc", service="s")),
    ],
)
def test_health_is_asked_in_the_protocol_of_the_destination(
    protocol: ir.Protocol, expected: HealthCheck
) -> None:
    node = msgspec.structs.replace(CLUSTER, protocol=protocol)
    assert health_check.cluster(node, conf(HealthCheckDefault, **CHECKS)).health_checks == (expected,)


def test_health_is_asked_by_tcp_where_the_own_protocol_is_switched_off() -> None:
    wanted = conf(HealthCheckDefault, tcp={}, http={"disabled": True})
    (found,) = health_check.cluster(CLUSTER, wanted).health_checks
    assert found.kind == "tcp"
    assert not health_check.cluster(CLUSTER, conf(HealthCheckDefault, interval="1s")).health_checks


NAMED = msgspec.structs.replace(CLUSTER, hosts=(ir.Host("bank.example", 443),), guarded=True)


@pytest.mark.parametrize(
    "transport",
    [
        None,
        ServerTls(server_name="bank.example", verify="nothing"),
        ServerTls(server_name="bank.example", verify="no-authority"),
        ServerTls(server_name="bank.example", verify="no-names"),
        ServerTls(server_name="other.example"),
        ServerTls(server_name="bank.example", alternative_names=(("dns", "exact", "other.example"),)),
    ],
)
def test_health_of_whoever_a_name_leads_to_is_not_asked(transport: ServerTls | None) -> None:
    node = msgspec.structs.replace(NAMED, transport=transport)
    assert health_check.cluster(node, conf(HealthCheckDefault, **CHECKS)).health_checks == ()


def test_health_of_a_server_that_proves_its_name_is_asked() -> None:
    node = msgspec.structs.replace(NAMED, transport=ServerTls(server_name="bank.example"))
    assert health_check.cluster(node, conf(HealthCheckDefault, **CHECKS)).health_checks


def test_health_check_takes_over_its_times() -> None:
    wanted = conf(
        HealthCheckDefault,
        interval="1s", timeout="2s", unhealthyThreshold=3, healthyThreshold=4, initialJitter="5s",
        intervalJitter="6s", intervalJitterPercent=7, failTrafficOnPanic=True, noTrafficInterval="8s",
        reuseConnection=False,
        http={"expectedStatuses": [204, 200], "requestHeadersToAdd": {"set": [{"name": "A", "value": "b"}]}},
    )  # fmt: skip
    found = health_check.cluster(CLUSTER, wanted)
    assert found.balancing.fail_on_panic
    assert found.health_checks == (
        HealthCheck(
            kind="http", interval_ms=1_000, timeout_ms=2_000, unhealthy_threshold=3, healthy_threshold=4,
            initial_jitter_ms=5_000, interval_jitter_ms=6_000, interval_jitter_percent=7,
            no_traffic_interval_ms=8_000, reuse_connection=False, headers=(("a", "b"),),
            expected_statuses=(200, 204),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("percentage", "expected"), [(50, 200), (70, 143), (99, 102), (100, 100), (1, 10_000)]
)
def test_the_threshold_of_failover_is_exact_and_begins_below(percentage: int, expected: int) -> None:
    cross = {"failoverThreshold": {"percentage": percentage}}
    wanted = conf(LoadBalancingDefault, localityAwareness={"crossZone": cross})
    factor = load_balancing.cluster(CLUSTER, wanted).balancing.overprovisioning_percent
    assert factor == expected
    assert percentage * factor // 100 >= 100, "at the threshold, nothing goes elsewhere"
    assert (percentage - 1) * factor // 100 < 100 or percentage > 90, "one below, something does"


@pytest.mark.parametrize(
    ("balancer", "expected"),
    [
        ({"type": "RoundRobin"}, ir.Balancing(balancer=ir.Balancer.ROUND_ROBIN)),
        ({"type": "Random", "maglev": {"tableSize": 7}}, ir.Balancing(balancer=ir.Balancer.RANDOM)),
        (
            {"type": "LeastRequest", "leastRequest": {"choiceCount": 5, "activeRequestBias": "0.5"}},
            ir.Balancing(choices=5, active_request_bias=0.5),
        ),
        (
            {
                "type": "RingHash",
                "ringHash": {"hashFunction": "MurmurHash2", "minRingSize": 9, "maxRingSize": 5},
            },
            ir.Balancing(
                balancer=ir.Balancer.RING_HASH, hash_function="MurmurHash2", min_ring_size=9, max_ring_size=9
            ),
        ),
        (
            {"type": "Maglev", "maglev": {"tableSize": 7}},
            ir.Balancing(balancer=ir.Balancer.MAGLEV, table_size=7),
        ),
    ],
)
def test_load_balancing_takes_over_the_algorithm(balancer: Any, expected: ir.Balancing) -> None:
    found = load_balancing.cluster(CLUSTER, conf(LoadBalancingDefault, loadBalancer=balancer))
    assert found.balancing == expected


def test_groups_of_endpoints_are_weighed_where_places_count() -> None:
    tags = {"localZone": {"affinityTags": [{"key": "rack"}]}}
    for disabled in (False, True):
        wanted = conf(LoadBalancingDefault, localityAwareness={**tags, "disabled": disabled})
        assert load_balancing.cluster(CLUSTER, wanted).balancing.weighted_localities is not disabled


def test_requests_are_hashed_by_anything_and_bytes_by_their_connection() -> None:
    policies = [
        {"type": "Header", "header": {"name": "X-User"}, "terminal": True},
        {"type": "Cookie", "cookie": {"name": "s", "path": "/", "ttl": "0s"}},
        {"type": "Connection", "connection": {"sourceIP": True}},
        {"type": "QueryParameter", "queryParameter": {"name": "q"}},
        {"type": "FilterState", "filterState": {"key": "k"}},
    ]
    wanted = conf(LoadBalancingDefault, hashPolicies=policies)
    assert load_balancing.forward(FORWARD, wanted).hash_policies == (
        ir.HashPolicy(kind="Header", name="x-user", terminal=True),
        ir.HashPolicy(kind="Cookie", name="s", cookie_path="/", cookie_ttl_ms=0),
        ir.HashPolicy(kind="Connection"),
        ir.HashPolicy(kind="QueryParameter", name="q"),
        ir.HashPolicy(kind="FilterState", name="k"),
    )
    straight = load_balancing.outbound(BYTES, wanted).tcp
    assert straight is not None
    assert straight.hash_policies == (ir.HashPolicy(kind="Connection"),)


LIMITS = {
    "local": {
        "http": {
            "requestRate": {"num": 5, "interval": "10s"},
            "onRateLimit": {
                "status": 503,
                "headers": {"set": [{"name": "A", "value": "1"}], "add": [{"name": "B", "value": "2"}]},
            },
        },
        "tcp": {"connectionRate": {"num": 3, "interval": "1s"}},
    }
}
REQUESTS = ir.RateLimit(
    tokens=5, interval_ms=10_000, status=503, set_headers=(("a", "1"),), add_headers=(("b", "2"),)
)
CONNECTIONS = ir.RateLimit(tokens=3, interval_ms=1_000)


def test_rates_of_requests_differ_by_caller_and_those_of_connections_do_not() -> None:
    found = rate_limit.inbound(INBOUND, (rule(LIMITS), rule(LIMITS, SOME, 1)))
    assert [(one.caller, one.value) for one in found.rate_limits] == [(SOME, REQUESTS), (None, REQUESTS)]
    assert found.connection_rate == CONNECTIONS


def test_a_disabled_rate_is_none_for_its_callers_and_hides_the_one_for_everybody() -> None:
    off = {"local": {"http": {"disabled": True}}}
    found = rate_limit.inbound(INBOUND, (rule(LIMITS), rule(off, SOME, 1)))
    assert [(one.caller, one.value) for one in found.rate_limits] == [(SOME, None), (None, REQUESTS)]


def test_own_calls_are_limited_by_what_they_are() -> None:
    wanted = conf(RateLimitDefault, **LIMITS)
    assert rate_limit.outbound(OUTBOUND, wanted).rate_limit == REQUESTS
    assert rate_limit.outbound(BYTES, wanted).rate_limit == CONNECTIONS


def test_faults_are_counted_in_millionths_and_kibibytes() -> None:
    fault = {
        "abort": {"httpStatus": 503, "percentage": "0.5"},
        "delay": {"value": "2s", "percentage": 10},
        "responseBandwidth": {"limit": "1mbps", "percentage": 100},
    }
    expected = ir.Fault(
        abort_status=503, abort_millionths=5_000, delay_ms=2_000, delay_millionths=100_000,
        bandwidth_kbps=122, bandwidth_millionths=1_000_000,
    )  # fmt: skip
    wanted = conf(FaultInjectionDefault, http=[fault])
    assert fault_injection.outbound(OUTBOUND, wanted).fault == (expected,)
    assert fault_injection.outbound(BYTES, wanted) == BYTES
    (found,) = fault_injection.inbound(INBOUND, (rule({"http": [fault]}, SOME),)).faults
    assert (found.caller, found.value) == (SOME, (expected,))


@pytest.mark.parametrize(("text", "expected"), [("1kbps", 1), ("100kbps", 12), ("1 Gbps", 122_070)])
def test_a_bandwidth_is_never_nothing(text: str, expected: int) -> None:
    assert fault_injection.kib_per_second(text) == expected


def test_what_is_no_bandwidth_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match="not a bandwidth"):
        fault_injection.kib_per_second("fast")


PASSTHROUGH = ir.Passthrough(everything=True, origin=ORIGIN)


def test_passthrough_without_a_mode_lets_through_what_matches() -> None:
    matches = [
        {"type": "Domain", "value": "*.example.com", "port": 443, "protocol": "tls"},
        {"type": "IP", "value": "fd00::1"},
        {"type": "CIDR", "value": "10.0.0.0/8", "protocol": "http"},
    ]
    found = passthrough.passthrough(PASSTHROUGH, conf(PassthroughDefault, appendMatch=matches))
    assert not found.everything
    assert found.matches == (
        ir.PassthroughMatch(hostnames=("*.example.com",), port=443, protocol="tls"),
        ir.PassthroughMatch(ranges=("fd00::1/128",)),
        ir.PassthroughMatch(ranges=("10.0.0.0/8",), protocol="http"),
    )


@pytest.mark.parametrize(("mode", "expected"), [("All", True), ("None", False)])
def test_passthrough_of_everything_or_nothing(mode: str, expected: bool) -> None:
    match = {"type": "IP", "value": "10.0.0.1"}
    found = passthrough.passthrough(
        PASSTHROUGH, conf(PassthroughDefault, passthroughMode=mode, appendMatch=[match])
    )
    assert (found.everything, found.matches) == (expected, ())


def test_a_proxy_patch_knows_where_each_change_was_written() -> None:
    steps = [{"op": "add", "path": "/a", "value": None}, {"op": "move", "path": "/b", "from": "/a"}]
    modifications = [
        {"cluster": {"operation": "Add", "value": {"name": "x"}}},
        {
            "httpFilter": {
                "operation": "Patch",
                "match": {"origin": "inbound", "name": "n"},
                "jsonPatches": steps,
            }
        },
    ]
    other = Origin(ResourceId("ProxyPatch", "shop", "other"), "spec.default.appendModifications[0]")
    origins = (("appendModifications[0]", ORIGIN), ("appendModifications[1]", other))
    found = proxy_patch.patches(conf(ProxyPatchDefault, appendModifications=modifications), origins)
    assert found == (
        Patch(target="cluster", operation="Add", value=b'{"name":"x"}', origin=ORIGIN),
        Patch(
            target="httpFilter", operation="Patch", side="inbound", name="n", origin=other,
            steps=b'[{"op":"add","path":"/a","value":null},{"from":"/a","op":"move","path":"/b"}]',
        ),
    )  # fmt: skip


def test_every_kind_is_registered_once() -> None:
    from sekisho.model.kinds import POLICY_KINDS  # noqa: PLC0415  the model's own list

    assert sorted(BY_KIND) == sorted(POLICY_KINDS)
    assert len(REGISTRY) == len(BY_KIND)
