"""AccessLog: a line for each request or connection."""

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from sekisho import ir
from sekisho.ir.telemetry import AccessLog, FileLog, LogFormat, OtelLog, TcpLog
from sekisho.model.policies.access_log import AccessLogBackend, AccessLogDefault
from sekisho.model.policies.access_log import LogFormat as WrittenFormat
from sekisho.model.policies.collectors import Collector
from sekisho.policies.collectors import INBOUND, cluster_name
from sekisho.policies.merging import typed
from sekisho.policies.rules import Rule, together


def inbound(node: ir.Inbound, rules: Iterable[Rule]) -> ir.Inbound:
    """Of all rules that fit a caller, each writes its lines; no policy silences another one."""
    found = []
    for fitting in together(rules):
        confs = [typed(one.merged, AccessLogDefault) for one in fitting]
        logs = tuple(dict.fromkeys(log for conf in confs for log in access_logs(conf, INBOUND)))
        origin = fitting[0].parts[-1].origin
        found.append(ir.Conditional(caller=fitting[0].caller, value=logs, origin=origin))
    return replace(node, access_logs=tuple(found))


def outbound(node: ir.Outbound, conf: AccessLogDefault) -> ir.Outbound:
    """Of the workload's own calls."""
    return replace(node, access_logs=access_logs(conf))


def access_logs(conf: AccessLogDefault, side: str = "") -> tuple[AccessLog, ...]:
    """In the order written. `side` as in `collectors.cluster_name`."""
    return tuple(log for backend in conf.backends or () for log in _access_log(backend, side))


def is_about_requests(logs: Iterable[AccessLog]) -> bool:
    """Whether a line says anything that only who reads HTTP knows; the usual line does."""
    return any(_REQUESTS.search(text) for log in logs for text in _texts(log))


_REQUESTS = re.compile(
    "%(?:REQ|RESP|REQUEST_[A-Z_]+|RESPONSE_(?!FLAGS)[A-Z_]+|TRAILER|PATH|QUERY_PARAMS?|GRPC_STATUS(?:_NUMBER)?"
    "|PROTOCOL|STREAM_ID|TRACE_ID|SPAN_ID|ROUTE_NAME|VIRTUAL_CLUSTER_NAME|LOCAL_REPLY_BODY)[(%:]"
)
_USUAL = "%REQ(:PATH)%"
"""Stands for the format of a line that has none of its own."""


def _texts(log: AccessLog) -> Iterable[str]:
    if isinstance(log, OtelLog):
        return (log.body, *(text for _, text in log.attributes))
    return [text for _, text in log.format.fields] or [log.format.text or _USUAL]


def collectors(conf: AccessLogDefault) -> Iterator[Collector]:
    """Those that need a cluster."""
    for backend in conf.backends or ():
        if backend.open_telemetry:
            yield backend.open_telemetry.collector


def _access_log(backend: AccessLogBackend, side: str) -> Iterator[AccessLog]:
    if backend.file:
        yield FileLog(path=backend.file.path, format=_format(backend.file.format))
    if backend.tcp:
        address, _, port = backend.tcp.address.rpartition(":")
        yield TcpLog(address=address.strip("[]"), port=int(port), format=_format(backend.tcp.format))
    if otel := backend.open_telemetry:
        yield OtelLog(
            cluster=cluster_name(otel.collector, side),
            attributes=tuple((one.key, one.value) for one in otel.attributes),
            body=otel.body or "",
        )


def _format(asked: WrittenFormat | None) -> LogFormat:
    if asked is None:
        return LogFormat()
    return LogFormat(
        text=asked.plain or "",
        fields=tuple((one.key, one.value) for one in asked.json or ()),
        omit_empty=asked.omit_empty_values,
    )
