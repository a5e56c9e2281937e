"""Lines for log servers over TCP, which the agent carries: handed over by Envoy.

Envoy has no access log that writes lines to a socket. So it sends records (OTLP over gRPC) to the agent, on
the socket it has its configuration from: nothing is written to a disk, and what is not taken is dropped.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from sekisho import ir
from sekisho.envoy.building import XDS_CLUSTER, extension, milliseconds
from sekisho.protos import message

SERVICE, METHOD = "opentelemetry.proto.collector.logs.v1.LogsService", "Export"
"""What the agent answers."""

_OTEL = "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig"
_Records = message("opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest")
_FLUSH = 200
"""Milliseconds a line waits for others."""
_ADDRESS, _PORT, _OMIT_EMPTY = "address", "port", "omit-empty"
_NUMBER, _TEXT = "number:", "text:"
"""Before the names of fields: records have text only, and a line has numbers as numbers, as a file has."""
_SINGLE = re.compile(r"%([A-Z_]+)(?:\([^()%]*\))?%")
_NUMERIC = re.compile(
    r"(?:.+_)?(?:BYTES|BYTES_RECEIVED|BYTES_SENT|DURATION|PORT|CONNECTION_ID|ATTEMPT_COUNT)|RESPONSE_CODE"
    r"|GRPC_STATUS_NUMBER"
)
"""Operators whose value is a number."""
_NOTHING = "-"
"""What Envoy writes for a value that there is not."""
_USUAL = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% '
    "%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"'
)
"""Envoy's own default format of files."""


class LogServer(NamedTuple):
    """Where lines are to go."""

    address: str
    """IP address or host name."""
    port: int


def carried(log: ir.TcpLog) -> dict[str, Any]:
    """envoy.config.accesslog.v3.AccessLog"""
    layout = log.format
    told = {_ADDRESS: log.address, _PORT: str(log.port), _OMIT_EMPTY: "yes" if layout.omit_empty else ""}
    fields: dict[str, Any] = {
        "grpc_service": {"envoy_grpc": {"cluster_name": XDS_CLUSTER}},
        "log_name": "lines",
        "disable_builtin_labels": True,
        "resource_attributes": _pairs(told.items()),
        "buffer_flush_interval": milliseconds(_FLUSH),
    }
    if layout.fields:
        fields["attributes"] = _pairs((_typed(name, text), text) for name, text in layout.fields)
    else:
        fields["body"] = {"string_value": layout.text or _USUAL}
    return extension("envoy.access_loggers.open_telemetry", _OTEL, **fields)


def _pairs(items: Any) -> dict[str, Any]:
    return {"values": [{"key": key, "value": {"string_value": text}} for key, text in items]}


def _typed(name: str, text: str) -> str:
    single = _SINGLE.fullmatch(text)
    return f"{_NUMBER if single and _NUMERIC.fullmatch(single[1]) else _TEXT}{name}"


def lines(request: bytes) -> Iterator[tuple[LogServer, bytes]]:
    """The lines in a request of `SERVICE`, each with its end, and where each is to go.

    Raises google.protobuf.message.DecodeError, KeyError or ValueError for what is not of `carried`.
    """
    for group in _Records.FromString(request).resource_logs:
        told = {one.key: one.value.string_value for one in group.resource.attributes}
        server = LogServer(told[_ADDRESS], int(told[_PORT]))
        for scope in group.scope_logs:
            for record in scope.log_records:
                yield server, _line(record, omit_empty=bool(told[_OMIT_EMPTY]))


def _line(record: Any, *, omit_empty: bool) -> bytes:
    if not record.attributes:
        text: str = record.body.string_value.rstrip("\n").replace("\n", " ")
        return text.encode() + b"\n"
    fields = dict(_value(one.key, one.value.string_value) for one in record.attributes)
    if omit_empty:
        fields = {name: value for name, value in fields.items() if value is not None}
    return msgspec.json.encode(fields) + b"\n"


def _value(key: str, text: str) -> tuple[str, str | int | None]:
    kind, _, name = key.partition(":")
    if text in {_NOTHING, ""}:
        return name, None
    return name, int(text) if f"{kind}:" == _NUMBER and text.isdecimal() else text
