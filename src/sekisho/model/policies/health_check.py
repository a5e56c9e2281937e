"""HealthCheck: the proxy asks endpoints whether they are well, and leaves out those that are not."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import Duration, HeaderName, HeaderValue, Model, PathText
from sekisho.model.meta import Resource
from sekisho.model.targets import TargetRef, ToTargetRef

Count = Annotated[int, Meta(ge=1, le=1000)]
Base64 = Annotated[
    str,
    Meta(
        pattern=r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z",
        max_length=8192,
        extra={"expected": "base64"},
    ),
]


class TcpHealthCheck(Model, frozen=True, kw_only=True):
    """Connects; may send bytes and wait for others."""

    disabled: Annotated[bool | None, Meta(description="Whether it is off.")] = None
    send: Annotated[Base64 | None, Meta(description="Bytes to send, in base64.")] = None
    receive: Annotated[
        Annotated[tuple[Base64, ...], Meta(max_length=16)] | None,
        Meta(description="Bytes that must come, each in base64."),
    ] = None


class HealthCheckHeader(Model, frozen=True, kw_only=True):
    """A header with its value."""

    name: Annotated[HeaderName, Meta(description="Header name.")]
    value: Annotated[HeaderValue, Meta(description="Header value.")]


class HealthCheckHeaders(Model, frozen=True, kw_only=True):
    """Headers of the check."""

    set: Annotated[
        Annotated[tuple[HealthCheckHeader, ...], Meta(max_length=16)] | None,
        Meta(description="Headers to overwrite."),
    ] = None
    add: Annotated[
        Annotated[tuple[HealthCheckHeader, ...], Meta(max_length=16)] | None,
        Meta(description="Headers to append."),
    ] = None


class HttpHealthCheck(Model, frozen=True, kw_only=True):
    """A GET request; used where the destination speaks HTTP."""

    disabled: Annotated[bool | None, Meta(description="Whether it is off.")] = None
    path: Annotated[PathText | None, Meta(description="Path; /.")] = None
    request_headers_to_add: Annotated[HealthCheckHeaders | None, Meta(description="Headers.")] = None
    expected_statuses: Annotated[
        Annotated[tuple[Annotated[int, Meta(ge=100, le=599)], ...], Meta(max_length=64)] | None,
        Meta(description="Statuses of a healthy endpoint; 200."),
    ] = None


class GrpcHealthCheck(Model, frozen=True, kw_only=True):
    """grpc.health.v1; used where the destination speaks gRPC."""

    disabled: Annotated[bool | None, Meta(description="Whether it is off.")] = None
    service_name: Annotated[
        Annotated[str, Meta(max_length=256)] | None, Meta(description="Service asked for; the server itself.")
    ] = None
    authority: Annotated[
        Annotated[str, Meta(max_length=253)] | None, Meta(description="Authority; the cluster's name.")
    ] = None


class HealthCheckDefault(Model, frozen=True, kw_only=True):
    """How often, and with what."""

    interval: Annotated[Duration | None, Meta(description="Time between two checks; 1m.")] = None
    timeout: Annotated[Duration | None, Meta(description="Of one check; 15s.")] = None
    unhealthy_threshold: Annotated[Count | None, Meta(description="Failures until left out; 5.")] = None
    healthy_threshold: Annotated[Count | None, Meta(description="Successes until back; 1.")] = None
    initial_jitter: Annotated[Duration | None, Meta(description="Random delay of the first check.")] = None
    interval_jitter: Annotated[Duration | None, Meta(description="Random delay of each check.")] = None
    interval_jitter_percent: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None,
        Meta(description="Random delay of each check, of the interval."),
    ] = None
    fail_traffic_on_panic: Annotated[
        bool | None, Meta(description="Whether requests fail (503) instead of going to unhealthy endpoints.")
    ] = None
    no_traffic_interval: Annotated[
        Duration | None, Meta(description="Time between checks while nothing is sent there; 1m.")
    ] = None
    reuse_connection: Annotated[bool | None, Meta(description="Whether checks share a connection; true.")] = (
        None
    )
    tcp: Annotated[TcpHealthCheck | None, Meta(description="Check by TCP.")] = None
    http: Annotated[HttpHealthCheck | None, Meta(description="Check by HTTP.")] = None
    grpc: Annotated[GrpcHealthCheck | None, Meta(description="Check by gRPC.")] = None


class HealthCheckTo(Model, frozen=True, kw_only=True):
    """Checks towards a destination."""

    target_ref: Annotated[ToTargetRef, Meta(description="The destination.")]
    default: Annotated[HealthCheckDefault, Meta(description="Values.")] = HealthCheckDefault()


class HealthCheckSpec(Model, frozen=True, kw_only=True):
    """Checks of destinations."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    to: Annotated[
        Annotated[tuple[HealthCheckTo, ...], Meta(max_length=128)], Meta(description="As a client.")
    ] = ()


class HealthCheck(Resource, frozen=True, kw_only=True):
    """The proxy asks endpoints whether they are well."""

    spec: Annotated[HealthCheckSpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
