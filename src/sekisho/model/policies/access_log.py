"""AccessLog: a line for each request or connection."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.fields import Model
from sekisho.model.meta import Resource
from sekisho.model.policies.collectors import Collector
from sekisho.model.targets import RequestMatch, TargetRef, ToTargetRef

FormatText = Annotated[str, Meta(min_length=1, max_length=8192)]


class LogField(Model, frozen=True, kw_only=True):
    """A field of a JSON line, or an attribute."""

    key: Annotated[Annotated[str, Meta(min_length=1, max_length=256)], Meta(description="Name.")]
    value: Annotated[
        Annotated[str, Meta(max_length=4096)],
        Meta(description="Text with Envoy's command operators, such as %RESPONSE_CODE%."),
    ]


class LogFormat(Model, frozen=True, kw_only=True):
    """How a line looks."""

    type: Annotated[Literal["Plain", "Json"], Meta(description="One line of text, or a JSON object.")] = (
        "Plain"
    )
    plain: Annotated[
        FormatText | None, Meta(description="Text with Envoy's command operators, such as %RESPONSE_CODE%.")
    ] = None
    json: Annotated[
        Annotated[tuple[LogField, ...], Meta(max_length=128)] | None,
        Meta(description="Fields of the object."),
    ] = None
    omit_empty_values: Annotated[bool, Meta(description="Whether fields without value are left out.")] = False


class FileLog(Model, frozen=True, kw_only=True):
    """A file on the proxy's host."""

    path: Annotated[
        Annotated[
            str,
            Meta(
                pattern=r"^/(?:dev/(?:stdout|stderr)|var/log/sekisho/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127})\Z",
                extra={"expected": "/dev/stdout, /dev/stderr, or a file in /var/log/sekisho/"},
            ),
        ],
        Meta(description="/dev/stdout, /dev/stderr, or a file in /var/log/sekisho/."),
    ]
    format: Annotated[LogFormat | None, Meta(description="How a line looks.")] = None


class TcpLog(Model, frozen=True, kw_only=True):
    """Lines over TCP."""

    address: Annotated[
        Annotated[
            str,
            Meta(
                pattern=r"^(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}\Z",
                max_length=260,
                extra={"expected": "host:port"},
            ),
        ],
        Meta(description="Host and port."),
    ]
    format: Annotated[LogFormat | None, Meta(description="How a line looks.")] = None


class OpenTelemetryLog(Model, frozen=True, kw_only=True):
    """OTLP over gRPC."""

    collector: Annotated[Collector, Meta(description="Who takes it.")]
    attributes: Annotated[
        Annotated[tuple[LogField, ...], Meta(max_length=128)], Meta(description="Attributes of each record.")
    ] = ()
    body: Annotated[FormatText | None, Meta(description="Body of each record, with command operators.")] = (
        None
    )


class AccessLogBackend(Model, frozen=True, kw_only=True):
    """A type, and the field of that type."""

    type: Annotated[Literal["File", "Tcp", "OpenTelemetry"], Meta(description="Where lines go.")]
    file: Annotated[FileLog | None, Meta(description="For File.")] = None
    tcp: Annotated[TcpLog | None, Meta(description="For Tcp.")] = None
    open_telemetry: Annotated[OpenTelemetryLog | None, Meta(description="For OpenTelemetry.")] = None


class AccessLogDefault(Model, frozen=True, kw_only=True):
    """Where lines go."""

    backends: Annotated[
        Annotated[tuple[AccessLogBackend, ...], Meta(max_length=16)] | None,
        Meta(description="Where lines go."),
    ] = None


class AccessLogTo(Model, frozen=True, kw_only=True):
    """Logs towards a destination."""

    target_ref: Annotated[ToTargetRef, Meta(description="The destination.")]
    default: Annotated[AccessLogDefault, Meta(description="Values.")] = AccessLogDefault()


class AccessLogRule(Model, frozen=True, kw_only=True):
    """Logs of incoming traffic."""

    matches: Annotated[
        Annotated[tuple[RequestMatch, ...], Meta(max_length=64)],
        Meta(description="For whom, any of them; for everybody when left out."),
    ] = ()
    default: Annotated[AccessLogDefault, Meta(description="Values.")] = AccessLogDefault()


class AccessLogSpec(Model, frozen=True, kw_only=True):
    """Either `to` or `rules`. Of rules with different matches, all that fit write a line."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    to: Annotated[
        Annotated[tuple[AccessLogTo, ...], Meta(max_length=128)], Meta(description="As a client.")
    ] = ()
    rules: Annotated[
        Annotated[tuple[AccessLogRule, ...], Meta(max_length=128)], Meta(description="As a server.")
    ] = ()


class AccessLog(Resource, frozen=True, kw_only=True):
    """A line for each request or connection."""

    spec: Annotated[AccessLogSpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
