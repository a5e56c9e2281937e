"""Metrics of Prometheus' text form as a request of OTLP (opentelemetry.proto.collector.metrics.v1)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby, pairwise
from math import inf, isfinite
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from sekisho.protos import message

_Request = message("opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest")
_Metric = message("opentelemetry.proto.metrics.v1.Metric")
_CUMULATIVE = 2
"""AggregationTemporality: values count from `start` on."""
_TOTAL = "_total"
"""The parser gives it to all counters, as OpenMetrics has them; here they are called as they were."""
_BOUND = "le"
"""Label with the upper bound of a bucket."""


def request(text: str, resource: Mapping[str, str], *, start: datetime, now: datetime) -> bytes:
    """All metrics of `text`. `resource`: attributes of who tells them; `start`: since when counters count.

    Raises ValueError for what is no such text.
    """
    made = _Request()
    group = made.resource_metrics.add()
    for key, value in resource.items():
        group.resource.attributes.add(key=key, value={"string_value": value})
    times = {"start_time_unix_nano": _nanoseconds(start), "time_unix_nano": _nanoseconds(now)}
    scope = group.scope_metrics.add()
    scope.scope.name = "sekisho"
    names = {line.split(" ", 3)[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    for family in text_string_to_metric_families(text):
        for metric in _metrics(family, times):
            if metric.name not in names and metric.name.removesuffix(_TOTAL) in names:
                metric.name = metric.name.removesuffix(_TOTAL)
            scope.metrics.append(metric)
    return bytes(made.SerializeToString())


def _metrics(family: Any, times: Mapping[str, int]) -> Iterator[Any]:
    if family.type == "histogram":
        yield _histogram(family, times)
        return
    for name, samples in groupby(family.samples, key=lambda sample: sample.name):
        metric = _Metric(name=name, description=family.documentation)
        counts = family.type == "counter" or (family.type == "summary" and name != family.name)
        if counts:
            metric.sum.aggregation_temporality = _CUMULATIVE
            metric.sum.is_monotonic = True
        points = metric.sum.data_points if counts else metric.gauge.data_points
        for sample in samples:
            if isfinite(sample.value):
                points.add(as_double=sample.value, attributes=_attributes(sample.labels), **times)
        yield metric


def _histogram(family: Any, times: Mapping[str, int]) -> Any:
    """Buckets count there what is in them alone, not what is in those below as well."""
    metric = _Metric(name=family.name, description=family.documentation)
    metric.histogram.aggregation_temporality = _CUMULATIVE
    by_labels: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in family.samples:
        labels = tuple(sorted((key, value) for key, value in sample.labels.items() if key != _BOUND))
        by_labels.setdefault(labels, []).append(sample)
    for labels, samples in by_labels.items():
        buckets = sorted(
            (float(one.labels[_BOUND]), int(one.value)) for one in samples if _BOUND in one.labels
        )
        total = sum(one.value for one in samples if one.name == f"{family.name}_sum")
        counted = [0, *(count for _, count in buckets)]
        metric.histogram.data_points.add(
            attributes=_attributes(dict(labels)),
            explicit_bounds=[bound for bound, _ in buckets if bound != inf],
            bucket_counts=[max(0, above - below) for below, above in pairwise(counted)],
            count=counted[-1],
            sum=total,
            **times,
        )
    return metric


def _attributes(labels: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    return [{"key": key, "value": {"string_value": value}} for key, value in sorted(labels.items())]


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
