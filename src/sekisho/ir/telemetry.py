"""What a proxy tells about the traffic it sees."""

from typing import Literal, TypeAlias

from msgspec import Struct


class LogFormat(Struct, frozen=True, kw_only=True, gc=False):
    """One of the two; Envoy's command operators (`%RESPONSE_CODE%`) in the values."""

    text: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    omit_empty: bool = False


class FileLog(Struct, frozen=True, kw_only=True, gc=False):
    path: str
    """`/dev/stdout`, or below the directory the agent allows."""
    format: LogFormat = LogFormat()


class TcpLog(Struct, frozen=True, kw_only=True, gc=False):
    """Lines over TCP. The agent beside the proxy carries them."""

    address: str
    """IP address or host name."""
    port: int
    format: LogFormat = LogFormat()


class OtelLog(Struct, frozen=True, kw_only=True, gc=False):
    cluster: str
    """Name of the `Cluster` of the collector (OTLP over gRPC)."""
    attributes: tuple[tuple[str, str], ...] = ()
    body: str = ""


AccessLog: TypeAlias = FileLog | TcpLog | OtelLog


class Tag(Struct, frozen=True, kw_only=True, gc=False):
    name: str
    literal: str = ""
    header: str = ""
    default: str = ""


class Tracing(Struct, frozen=True, kw_only=True, gc=False):
    """Spans to one collector; sampling in percent."""

    provider: Literal["opentelemetry", "zipkin"]
    cluster: str
    path: str = "/api/v2/spans"
    service_name: str = ""
    trace_id_128: bool = True
    shared_span_context: bool = True
    overall: float = 100.0
    client: float = 100.0
    random: float = 100.0
    tags: tuple[Tag, ...] = ()
