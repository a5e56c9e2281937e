"""Prometheus' text as OTLP: counters count, gauges stand, buckets hold what is in them alone."""

from datetime import UTC, datetime, timedelta

import pytest

from sekisho.agent.otlp_metrics import request
from sekisho.protos import message

START = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = """\
# HELP sold_total Things sold.
# TYPE sold_total counter
sold_total{kind="bowl"} 3
sold_total{kind="cup"} 4
# TYPE lost counter
lost 1
# TYPE open gauge
open 2.5
# TYPE took histogram
took_bucket{to="a",le="1"} 1
took_bucket{to="a",le="2"} 4
took_bucket{to="a",le="+Inf"} 6
took_sum{to="a"} 11
took_count{to="a"} 6
# TYPE quick summary
quick{quantile="0.5"} 0.1
quick_sum 7
quick_count 9
plain 1
broken NaN
"""


def metrics(text: str) -> dict[str, object]:
    found = message("opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest")()
    found.ParseFromString(
        request(text, {"service.name": "shop/a"}, start=START, now=START + timedelta(seconds=1))
    )
    (group,) = found.resource_metrics
    assert [(one.key, one.value.string_value) for one in group.resource.attributes] == [
        ("service.name", "shop/a")
    ]
    return {metric.name: metric for metric in group.scope_metrics[0].metrics}


def test_counters_count_from_the_start_on_by_label() -> None:
    assert metrics(TEXT)["lost"].HasField("sum")  # type: ignore[attr-defined]
    sold = metrics(TEXT)["sold_total"].sum  # type: ignore[attr-defined]
    assert sold.is_monotonic
    assert sold.aggregation_temporality == 2
    assert [(one.attributes[0].value.string_value, one.as_double) for one in sold.data_points] == [
        ("bowl", 3.0), ("cup", 4.0),
    ]  # fmt: skip
    times = {(one.start_time_unix_nano, one.time_unix_nano) for one in sold.data_points}
    seconds = int(START.timestamp())
    assert times == {(seconds * 10**9, (seconds + 1) * 10**9)}


def test_gauges_stand_and_what_has_no_type_is_one() -> None:
    found = metrics(TEXT)
    for name, value in (("open", 2.5), ("plain", 1.0)):
        assert [one.as_double for one in found[name].gauge.data_points] == [value]  # type: ignore[attr-defined]
    assert list(found["broken"].gauge.data_points) == []  # type: ignore[attr-defined]


def test_buckets_hold_what_is_in_them_alone() -> None:
    (point,) = metrics(TEXT)["took"].histogram.data_points  # type: ignore[attr-defined]
    assert list(point.explicit_bounds) == [1.0, 2.0]
    assert list(point.bucket_counts) == [1, 3, 2]
    assert (point.count, point.sum) == (6, 11.0)
    assert [(one.key, one.value.string_value) for one in point.attributes] == [("to", "a")]


def test_sums_of_summaries_count_and_quantiles_stand() -> None:
    found = metrics(TEXT)
    assert found["quick"].HasField("gauge")  # type: ignore[attr-defined]
    for name in ("quick_sum", "quick_count"):
        assert found[name].HasField("sum")  # type: ignore[attr-defined]


def test_what_is_no_such_text_is_refused() -> None:
    with pytest.raises(ValueError, match="kind"):
        metrics('sold{kind="bowl} 3\n')
