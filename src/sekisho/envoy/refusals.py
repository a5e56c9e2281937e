"""Connections of the mesh that are refused before anybody reads them: how Envoy tells of them, and why.

A certificate that is not believed, TLS without our protocols, a server name that nobody has: no filter that
writes access logs sees any of these, so the listener itself tells. It tells the agent, as with lines for log
servers (`carried_logs`): nothing is written to a disk here, and what is not taken is dropped.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from sekisho.envoy.building import XDS_CLUSTER, attribute, extension, milliseconds
from sekisho.protos import message

METADATA = ("x-sekisho-records", "refusals")
"""By what the agent tells these records from lines of access logs: gRPC metadata of the request."""

_OTEL = "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig"
_CEL = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
_Records = message("opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest")
_FLUSH = 500
"""Milliseconds a record waits for others."""
_NO_CHAIN, _NO_CLUSTER = "NR", "NC"
"""Response flags: no filter chain takes it; the cluster that its server name asks for is not there."""
_FAILED = (
    "connection.transport_failure_reason != ''"
    " && !connection.transport_failure_reason.startsWith('TLS_error|')"
)
"""TLS that came about in no way. By the second form the inspector tells of connections without TLS, which are
welcome where a listener has a chain for them, and else refused for want of one."""
_FIELDS = {
    "peer": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "at": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "server_name": "%REQUESTED_SERVER_NAME%",
    "claimed": "%DOWNSTREAM_PEER_URI_SAN%",
    "flags": "%RESPONSE_FLAGS%",
    "tls": "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
}
_NOTHING = "-"
_LONGEST = 256
"""Characters kept of what a stranger sent."""

_REASONS = (
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "it shows no certificate"),
    ("SAN_matcher", "its certificate is of nobody who may call here"),
    ("certificate_is_not_yet_valid", "its certificate is not valid yet: compare the clocks of both hosts"),
    ("certificate_has_expired", "its certificate has expired"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is of no authority that is believed here"),
    ("Secret_is_not_supplied", "there is no certificate here yet"),
    ("_ALERT_", "it does not believe the certificate that is shown here"),
    ("HTTP_REQUEST", "it speaks no TLS"),
    ("WRONG_VERSION_NUMBER", "it speaks no TLS"),
    ("UNSUPPORTED_PROTOCOL", "it wants a version of TLS that is not spoken here"),
)
"""What stands in Envoy's words → ours; the first that fits."""


class Refusal(NamedTuple):
    """One connection. All but `at` and `why` is what a stranger said, and nobody verified it."""

    peer: str
    """Address and port it came from."""
    at: str
    """Where it came to."""
    server_name: str
    """That it asked for; empty for none."""
    claimed: str
    """The SPIFFE ID in the certificate it showed; empty for none."""
    why: str
    """In words."""
    detail: str
    """In Envoy's words; empty where TLS did not fail."""


@cache
def refusals_told() -> list[dict[str, Any]]:
    """envoy.config.accesslog.v3.AccessLog of a listener: of refused connections, and of no others."""
    key, value = METADATA
    sink = extension(
        "envoy.access_loggers.open_telemetry",
        _OTEL,
        grpc_service={
            "envoy_grpc": {"cluster_name": XDS_CLUSTER},
            "initial_metadata": [{"key": key, "value": value}],
        },
        log_name="refusals",
        disable_builtin_labels=True,
        buffer_flush_interval=milliseconds(_FLUSH),
        attributes={"values": [attribute(name, text) for name, text in _FIELDS.items()]},
    )
    failed = extension(_CEL, _CEL, expression=_FAILED)
    nowhere = {"response_flag_filter": {"flags": [_NO_CHAIN, _NO_CLUSTER]}}
    return [sink | {"filter": {"or_filter": {"filters": [nowhere, {"extension_filter": failed}]}}}]


def refusals(request: bytes) -> Iterator[Refusal]:
    """Those in a request that Envoy hands over. Raises google.protobuf.message.DecodeError or KeyError for
    what is not of `refusals_told`."""
    for group in _Records.FromString(request).resource_logs:
        for scope in group.scope_logs:
            for record in scope.log_records:
                yield _refusal({one.key: _text(one.value.string_value) for one in record.attributes})


def _text(value: str) -> str:
    return "" if value == _NOTHING else value[:_LONGEST]


def _refusal(told: dict[str, str]) -> Refusal:
    server_name, tls = told["server_name"], told["tls"]
    why = next((words for part, words in _REASONS if part in tls), "TLS failed" if tls else "")
    if not why and _NO_CLUSTER in told["flags"].split(","):
        why = "nobody here has the server name it asks for"
    return Refusal(
        peer=told["peer"],
        at=told["at"],
        server_name=server_name,
        claimed=told["claimed"],
        why=why or "it announces no protocol (ALPN) that is spoken here",
        detail=tls,
    )
