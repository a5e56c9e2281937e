"""ZoneService (`sekisho.dev/v1alpha1`): a Service of one zone, as the others see it."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.fields import DnsLabel, Model, Port, PortName, ServiceName
from sekisho.model.mesh_tls import TlsCipher, TlsVersions
from sekisho.model.meta import Resource

SpokenProtocol = Literal["tcp", "tls", "http", "http2", "grpc"]


class ZoneServicePort(Model, frozen=True, kw_only=True):
    """A port of the Service, and who answers at it."""

    port: Annotated[Port, Meta(description="Port that is called.")]
    name: Annotated[PortName | None, Meta(description="Its name in the Service.")] = None
    protocol: Annotated[SpokenProtocol, Meta(description="What is spoken there.")] = "tcp"
    inspected: Annotated[
        bool, Meta(description="Whether the proxies there read HTTP, and take it as HTTP/2.")
    ] = False
    tls_version: Annotated[
        TlsVersions | None,
        Meta(description="Versions of the mesh's TLS that its proxies take; 1.3 only when left out."),
    ] = None
    tls_ciphers: Annotated[
        Annotated[tuple[TlsCipher, ...], Meta(max_length=6)],
        Meta(description="Ciphers for TLS 1.2 that they take; the usual ones when left out."),
    ] = ()
    instances: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000)],
        Meta(description="Instances that take requests now; the weight of its zone beside others."),
    ] = 0


class ZoneServiceSpec(Model, frozen=True, kw_only=True):
    """Which Service it is, and how it is called."""

    zone: Annotated[DnsLabel, Meta(description="The zone it is in.")]
    mesh: Annotated[DnsLabel, Meta(description="The mesh it is in.")]
    service: Annotated[ServiceName, Meta(description="The name of the Service there, in the same namespace.")]
    ports: Annotated[
        Annotated[tuple[ZoneServicePort, ...], Meta(min_length=1, max_length=100)],
        Meta(description="Its ports that can be called from elsewhere."),
    ]
    identities: Annotated[
        Annotated[tuple[str, ...], Meta(max_length=64)],
        Meta(description="SPIFFE identities of its instances: a server must have one of them."),
    ] = ()
    headless: Annotated[bool, Meta(description="Whether the Service has no virtual address there.")] = False


class ZoneService(Resource, frozen=True, kw_only=True):
    """A Service of one zone, as the others see it. Its labels are those of the Service, and where it is from.

    Derived by its zone and named `<service>.<zone>`; status (address, names) is each zone's own.
    """

    spec: Annotated[ZoneServiceSpec, Meta(description="Which Service it is, and how it is called.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
