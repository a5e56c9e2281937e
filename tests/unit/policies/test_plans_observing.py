"""What access logs, traces and metrics change in a plan."""

import msgspec
import pytest
from tests.unit.policies.plans import INBOUND, ORIGIN, OUTBOUND, SOME, conf, rule

from sekisho import ir
from sekisho.ir.agent import ApplicationMetrics, MetricsPush
from sekisho.ir.telemetry import FileLog, LogFormat, OtelLog, Tag, TcpLog
from sekisho.model.policies.access_log import AccessLogDefault
from sekisho.model.policies.collectors import Collector
from sekisho.model.policies.metrics import MetricsDefault
from sekisho.model.policies.tracing import TracingDefault
from sekisho.policies import (
    access_log,
    collectors,
    metrics,
    tracing,
)

FILE = {"type": "File", "file": {"path": "/dev/stdout", "format": {"plain": "%RESPONSE_CODE%"}}}
TCP = {
    "type": "Tcp",
    "tcp": {
        "address": "logs.example.com:5000",
        "format": {"type": "Json", "json": [{"key": "c", "value": "%DURATION%"}], "omitEmptyValues": True},
    },
}
OTEL = {
    "type": "OpenTelemetry",
    "openTelemetry": {
        "collector": {"address": "10.0.0.9", "port": 4317},
        "attributes": [{"key": "a", "value": "b"}],
        "body": "hello",
    },
}
FILE_LOG = FileLog(path="/dev/stdout", format=LogFormat(text="%RESPONSE_CODE%"))
TCP_LOG = TcpLog(
    address="logs.example.com", port=5000, format=LogFormat(fields=(("c", "%DURATION%"),), omit_empty=True)
)


def test_access_log_knows_three_backends() -> None:
    wanted = conf(AccessLogDefault, backends=[FILE, TCP, OTEL])
    otel = OtelLog(cluster="collector/address/10.0.0.9/4317", attributes=(("a", "b"),), body="hello")
    assert access_log.outbound(OUTBOUND, wanted).access_logs == (FILE_LOG, TCP_LOG, otel)
    assert [one.address for one in access_log.collectors(wanted)] == ["10.0.0.9"]


def test_of_all_rules_that_fit_a_caller_each_writes_its_lines() -> None:
    rules = (rule({"backends": [FILE]}), rule({"backends": [TCP, FILE]}, SOME, 1))
    some, rest = access_log.inbound(INBOUND, rules).access_logs
    assert (some.caller, some.value) == (SOME, (TCP_LOG, FILE_LOG))
    assert (rest.caller, rest.value) == (None, (FILE_LOG,))


@pytest.mark.parametrize(
    ("text", "about_requests"),
    [
        ("%REQ(X-A)%", True),
        ("%RESPONSE_CODE%", True),
        ("%PATH(WQ)%", True),
        ("", True),
        ("%RESPONSE_FLAGS% %DURATION% %REQUESTED_SERVER_NAME%", False),
        ("%BYTES_SENT% by %DOWNSTREAM_PEER_URI_SAN%", False),
    ],
)
def test_a_line_about_requests_is_one_that_needs_http(text: str, *, about_requests: bool) -> None:
    file = FileLog(path="/dev/stdout", format=LogFormat(text=text))
    fields = TcpLog(address="a", port=1, format=LogFormat(fields=(("x", text),)))
    assert access_log.is_about_requests([file]) is about_requests
    assert access_log.is_about_requests([OtelLog(cluster="c", body=text)]) is (about_requests and bool(text))
    if text:
        assert access_log.is_about_requests([fields]) is about_requests


def test_tracing_sends_spans_to_one_backend() -> None:
    zipkin = {"type": "Zipkin", "zipkin": {"collector": {"address": "z", "port": 9411}, "path": "/p"}}
    tags = [{"name": "a", "literal": "b"}, {"name": "c", "header": {"name": "X-C", "default": "d"}}]
    sampling = {"overall": "12.5", "random": 1}
    wanted = conf(TracingDefault, backends=[zipkin], sampling=sampling, tags=tags)
    assert tracing.tracing(wanted, collectors.INBOUND) == ir.Tracing(
        provider="zipkin", cluster="inbound/collector/address/z/9411", path="/p", trace_id_128=False,
        overall=12.5, random=1.0, tags=(Tag(name="a", literal="b"), Tag(name="c", header="x-c", default="d")),
    )  # fmt: skip
    assert tracing.tracing(conf(TracingDefault, backends=[])) is None


def test_a_collector_in_the_mesh_is_the_cluster_of_its_service_and_one_outside_gets_its_own() -> None:
    document = {"a": [{"collector": {"service": {"name": "otel", "port": 4317}}}]}
    placed = collectors.at_home(document, "watch")
    inside = msgspec.convert(placed["a"][0]["collector"], Collector)
    assert collectors.cluster_name(inside) == "watch/otel/4317"
    assert collectors.cluster(inside, ir.Protocol.GRPC, ORIGIN) is None
    outside = conf(Collector, address="10.0.0.9", port=4317)
    assert collectors.cluster(outside, ir.Protocol.GRPC, ORIGIN) == ir.Cluster(
        name="collector/address/10.0.0.9/4317", protocol=ir.Protocol.GRPC, hosts=(ir.Host("10.0.0.9", 4317),),
        origin=ORIGIN,
    )  # fmt: skip


def test_metrics_are_offered_where_a_backend_is_named() -> None:
    profiles = {
        "appendProfiles": [{"name": "None"}],
        "include": [{"type": "Prefix", "match": "envoy_a."}, {"type": "Exact", "match": "b"}],
        "exclude": [{"type": "Contains", "match": "c"}, {"type": "Regex", "match": "d+"}],
    }
    wanted = conf(
        MetricsDefault,
        sidecar={"profiles": profiles, "includeUnused": True},
        applications=[{"port": 80}, {"name": "own", "port": 81, "path": "/m", "address": "10.0.0.2"}],
        backends=[{"type": "Prometheus", "prometheus": {"port": 1, "path": "/x"}}],
    )
    found = metrics.endpoint(wanted, "10.0.0.1", "127.0.0.1")
    assert found is not None
    assert (found.address, found.port, found.path, found.unused) == ("10.0.0.1", 1, "/x", True)
    assert (found.include, found.exclude) == ((r"envoy_a\..*", "b"), (".*c.*", "d+"))
    assert found.applications == (
        ApplicationMetrics(name="80", address="127.0.0.1", port=80),
        ApplicationMetrics(name="own", address="10.0.0.2", port=81, path="/m"),
    )
    assert metrics.endpoint(conf(MetricsDefault), "10.0.0.1", "127.0.0.1") is None
    assert metrics.endpoint(wanted, "", "") is None, "a Gateway is not asked"


def test_metrics_are_sent_to_collectors_by_gateways_too() -> None:
    pushed = {"collector": {"address": "10.0.0.9", "port": 4317}, "refreshInterval": "5s"}
    scraped = {"type": "Prometheus", "prometheus": {"port": 1}}
    wanted = conf(MetricsDefault, backends=[scraped, {"type": "OpenTelemetry", "openTelemetry": pushed}])
    push = MetricsPush(address="10.0.0.9", port=4317, interval=5.0)
    for address, port in (("10.0.0.1", 1), ("", 0)):
        found = metrics.endpoint(wanted, address, address)
        assert found is not None
        assert (found.port, found.pushes) == (port, (push,))
