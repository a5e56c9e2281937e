"""Where logs, spans and metrics go: shared by AccessLog, Tracing and Metrics."""

from typing import Annotated

from msgspec import Meta

from sekisho.model.fields import DnsLabel, Model, ObjectName, Port


class CollectorService(Model, frozen=True, kw_only=True):
    """A Service of the mesh."""

    name: Annotated[ObjectName, Meta(description="Name.")]
    namespace: Annotated[DnsLabel | None, Meta(description="Namespace; that of the policy.")] = None
    port: Annotated[Port, Meta(description="Port of the Service.")]


class Collector(Model, frozen=True, kw_only=True):
    """Who takes it: an address with port, or a Service."""

    address: Annotated[
        Annotated[str, Meta(min_length=1, max_length=253)] | None,
        Meta(description="IP address or host name."),
    ] = None
    port: Annotated[Port | None, Meta(description="Port of the address.")] = None
    service: Annotated[CollectorService | None, Meta(description="A Service of the mesh.")] = None
