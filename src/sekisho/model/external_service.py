"""ExternalService (`sekisho.dev/v1alpha1`): something outside the mesh that its members call by name."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.fields import DnsSubdomain, Model, Port, PreciseHostname
from sekisho.model.identity import LocalSecretReference
from sekisho.model.mesh_tls import TlsVersions
from sekisho.model.meta import Resource


class ExternalMatch(Model, frozen=True, kw_only=True):
    """What members call."""

    type: Annotated[
        Literal["HostnameGenerator"],
        Meta(description="The name: a HostnameGenerator makes it, and the server an address for it."),
    ] = "HostnameGenerator"
    port: Annotated[Port, Meta(description="Port that members call.")]
    protocol: Annotated[
        Literal["tcp", "tls", "http", "http2", "grpc"],
        Meta(description="What members speak; tls is passed through untouched."),
    ] = "tcp"


class ExternalEndpoint(Model, frozen=True, kw_only=True):
    """Where it really is."""

    address: Annotated[
        Annotated[str, Meta(min_length=1, max_length=253)],
        Meta(description="IP address, or host name that proxies look up in DNS."),
    ]
    port: Annotated[Port, Meta(description="Port there.")]
    priority: Annotated[
        Annotated[int, Meta(ge=0, le=128)],
        Meta(description="Used when no endpoint with a lower number is healthy."),
    ] = 0


class SubjectAltNameMatch(Model, frozen=True, kw_only=True):
    """A name of the server's certificate."""

    value: Annotated[
        Annotated[str, Meta(min_length=1, max_length=2048)],
        Meta(description="DNS name, or URI such as a SPIFFE identity."),
    ]
    type: Annotated[Literal["Exact", "Prefix"], Meta(description="How it is compared.")] = "Exact"


class CaReference(Model, frozen=True, kw_only=True):
    """Where certificates of authorities are, in the same namespace."""

    kind: Annotated[Literal["Secret", "ConfigMap"], Meta(description="Kind; its key is ca.crt.")] = "Secret"
    name: Annotated[DnsSubdomain, Meta(description="Name.")]


class TlsVerification(Model, frozen=True, kw_only=True):
    """How both sides are known."""

    mode: Annotated[
        Literal["Secured", "SkipSAN", "SkipCA", "SkipAll"],
        Meta(
            description="What of the server's certificate is checked: all; no names; no authority, so that a "
            "name proves nothing and is not looked at either; nothing."
        ),
    ] = "Secured"
    server_name: Annotated[
        PreciseHostname | None,
        Meta(description="SNI, and the name the certificate must have; the endpoint's host name otherwise."),
    ] = None
    subject_alt_names: Annotated[
        Annotated[tuple[SubjectAltNameMatch, ...], Meta(max_length=32)],
        Meta(description="Names, one of which the certificate must have in the place of serverName."),
    ] = ()
    ca_certificate_ref: Annotated[
        CaReference | None, Meta(description="Authorities believed; those of the system otherwise.")
    ] = None
    client_certificate_ref: Annotated[
        LocalSecretReference | None,
        Meta(description="A kubernetes.io/tls Secret: the certificate shown to the server."),
    ] = None


class ExternalTls(Model, frozen=True, kw_only=True):
    """TLS that the proxy speaks to the endpoints."""

    enabled: Annotated[bool, Meta(description="Whether it does.")] = False
    version: Annotated[TlsVersions | None, Meta(description="Versions of TLS; 1.2 and newer.")] = None
    verification: Annotated[TlsVerification, Meta(description="How both sides are known.")] = (
        TlsVerification()
    )


class ExternalServiceSpec(Model, frozen=True, kw_only=True):
    """What is called, and where it really is."""

    match: Annotated[ExternalMatch, Meta(description="What members call.")]
    endpoints: Annotated[
        Annotated[tuple[ExternalEndpoint, ...], Meta(min_length=1, max_length=256)],
        Meta(description="Where it really is."),
    ]
    tls: Annotated[ExternalTls | None, Meta(description="TLS to the endpoints.")] = None


class ExternalService(Resource, frozen=True, kw_only=True):
    """Something outside the mesh that its members call by name."""

    spec: Annotated[ExternalServiceSpec, Meta(description="What is called, and where it really is.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
