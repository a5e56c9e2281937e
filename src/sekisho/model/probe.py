"""Readiness probes, in the shape of Kubernetes."""

from typing import Annotated, Literal

from msgspec import Meta

from sekisho.model.fields import HeaderName, HeaderValue, Model, PathText, Port, PreciseHostname

ProbePort = int | str
Seconds = Annotated[int, Meta(ge=1, le=86400)]
Times = Annotated[int, Meta(ge=1, le=1000)]


class ProbeHeader(Model, frozen=True, kw_only=True):
    """One header of the probe's request."""

    name: Annotated[HeaderName, Meta(description="Header name.")]
    value: Annotated[HeaderValue, Meta(description="Value.")]


class HttpGetAction(Model, frozen=True, kw_only=True):
    """Asks by HTTP GET: statuses from 200 to 399 are good."""

    port: Annotated[ProbePort, Meta(description="Port of the application, by number or by name.")]
    path: Annotated[PathText, Meta(description="Path and query.")] = "/"
    host: Annotated[PreciseHostname | None, Meta(description="Host header; the address otherwise.")] = None
    scheme: Annotated[
        Literal["HTTP", "HTTPS"], Meta(description="HTTPS does not verify the certificate.")
    ] = "HTTP"
    http_headers: Annotated[
        Annotated[tuple[ProbeHeader, ...], Meta(max_length=32)], Meta(description="Headers to send.")
    ] = ()


class TcpSocketAction(Model, frozen=True, kw_only=True):
    """Connects: being let in is good."""

    port: Annotated[ProbePort, Meta(description="Port of the application, by number or by name.")]


class GrpcAction(Model, frozen=True, kw_only=True):
    """Asks grpc.health.v1.Health: SERVING is good."""

    port: Annotated[Port, Meta(description="Port of the application.")]
    service: Annotated[
        Annotated[str, Meta(max_length=253)], Meta(description="Service asked about; empty for all.")
    ] = ""


class Probe(Model, frozen=True, kw_only=True):
    """How to see whether the application takes requests; exactly one of httpGet, tcpSocket and grpc."""

    http_get: Annotated[HttpGetAction | None, Meta(description="By HTTP.")] = None
    tcp_socket: Annotated[TcpSocketAction | None, Meta(description="By connecting.")] = None
    grpc: Annotated[GrpcAction | None, Meta(description="By gRPC health checking.")] = None
    initial_delay_seconds: Annotated[
        Annotated[int, Meta(ge=0, le=86400)], Meta(description="Seconds before the first time.")
    ] = 0
    period_seconds: Annotated[Seconds, Meta(description="Seconds from one time to the next.")] = 10
    timeout_seconds: Annotated[Seconds, Meta(description="Seconds until no answer counts as bad.")] = 1
    success_threshold: Annotated[Times, Meta(description="Good ones in a row that make it ready.")] = 1
    failure_threshold: Annotated[Times, Meta(description="Bad ones in a row that make it unready.")] = 3
