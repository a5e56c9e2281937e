"""AccessLog: lines about requests and connections, to files, to log servers, and to collectors."""

from collections.abc import Sequence
from typing import Any

from sekisho import ir
from sekisho.envoy.building import attribute, extension
from sekisho.envoy.carried_logs import carried
from sekisho.envoy.choices import Choice, depends

SUBJECT = "access_logs"

_FILE = "envoy.extensions.access_loggers.file.v3.FileAccessLog"
_OTEL = "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig"


def access_logs(logs: Sequence[ir.AccessLog]) -> list[dict[str, Any]]:
    """envoy.config.accesslog.v3.AccessLog"""
    return [_access_log(log) for log in logs]


def access_logs_by_caller(
    conditions: Sequence[ir.Conditional[tuple[ir.AccessLog, ...]]], choice: Choice
) -> list[dict[str, Any]]:
    """The same, for those to whom each applies; `choice.finder` must be one of the filters."""
    if not depends(conditions):
        return [log for each in conditions for log in access_logs(each.value)]
    return [
        log | {"filter": _for_choice(choice, number, otherwise=each.caller is None)}
        for number, each in enumerate(conditions)
        for log in access_logs(each.value)
    ]


def _for_choice(choice: Choice, number: int, *, otherwise: bool) -> dict[str, Any]:
    """envoy.config.accesslog.v3.AccessLogFilter. What ended before anybody could look is everybody's."""
    return {
        "metadata_filter": {
            "matcher": choice.matched(number),
            "match_if_key_not_found": {"value": otherwise},
        }
    }


def _access_log(log: ir.AccessLog) -> dict[str, Any]:
    match log:
        case ir.FileLog(path=path, format=layout):
            return _file(path, layout)
        case ir.TcpLog():
            return carried(log)
        case ir.OtelLog():
            return _otel(log)


def _file(path: str, layout: ir.LogFormat) -> dict[str, Any]:
    fields: dict[str, Any] = {"path": path}
    if layout.fields:
        fields["log_format"] = {
            "json_format": dict(layout.fields),
            "omit_empty_values": layout.omit_empty,
        }
    elif layout.text:
        line = layout.text if layout.text.endswith("\n") else f"{layout.text}\n"
        fields["log_format"] = {
            "text_format_source": {"inline_string": line},
            "omit_empty_values": layout.omit_empty,
        }
    return extension("envoy.access_loggers.file", _FILE, **fields)


def _otel(log: ir.OtelLog) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "grpc_service": {"envoy_grpc": {"cluster_name": log.cluster}},
        "log_name": "sekisho",
        "attributes": {"values": [attribute(name, text) for name, text in log.attributes]},
    }
    if log.body:
        fields["body"] = {"string_value": log.body}
    return extension("envoy.access_loggers.open_telemetry", _OTEL, **fields)
