"""XBackend (`gateway.networking.x-k8s.io/v1alpha1`, GEP-4894): a backend outside, and how it is spoken to."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.backend_tls_policy import BackendTlsValidation
from sekisho.model.fields import Model, Port, PreciseHostname
from sekisho.model.gateway import SecretReference
from sekisho.model.meta import Resource

BackendProtocol = Literal["TCP", "HTTP", "HTTP2", "HTTP11", "H2C", "MCP"]


class XBackendPort(Model, frozen=True, kw_only=True):
    """The port there."""

    name: Annotated[
        Annotated[str, Meta(max_length=63)] | None, Meta(description="Name: empty, or a DNS label.")
    ] = None
    port: Annotated[Port, Meta(description="Number.")]


class ExternalHostname(Model, frozen=True, kw_only=True):
    """Where a backend of type ExternalHostname is."""

    hostname: Annotated[
        PreciseHostname, Meta(description="Host name that proxies look up in DNS; no IP address.")
    ]


class XBackendTls(Model, frozen=True, kw_only=True):
    """TLS to the backend."""

    mode: Annotated[
        Literal["None", "ServerOnly", "ClientAndServer"],
        Meta(description="Who shows a certificate; None for no TLS."),
    ]
    client_certificate_ref: Annotated[
        SecretReference | None,
        Meta(description="The certificate shown to the server, for mode ClientAndServer."),
    ] = None
    validation: Annotated[
        BackendTlsValidation | None,
        Meta(description="Who is believed; left out, whom everybody believes, for the host name."),
    ] = None


class XBackendSpec(Model, frozen=True, kw_only=True):
    """Where it is, and how it is spoken to."""

    type: Annotated[Literal["ExternalHostname"], Meta(description="Kind of backend.")]
    port: Annotated[XBackendPort, Meta(description="The port there.")]
    external_hostname: Annotated[
        ExternalHostname | None, Meta(description="Where it is; for type ExternalHostname.")
    ] = None
    protocol: Annotated[
        BackendProtocol | None,
        Meta(description="What is spoken; left out, and for HTTP, what the route carries. MCP is HTTP/1.1."),
    ] = None
    tls: Annotated[XBackendTls | None, Meta(description="TLS to the backend; left out for none.")] = None


class XBackend(Resource, frozen=True, kw_only=True):
    """A backend outside, to which routes of Gateways may send by its name."""

    spec: Annotated[XBackendSpec, Meta(description="Where it is, and how it is spoken to.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the controller.")] = None
