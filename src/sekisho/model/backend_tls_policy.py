"""BackendTLSPolicy (`gateway.networking.k8s.io/v1`): TLS from Gateways to a Service, and who is believed."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from sekisho.model.fields import (
    DnsSubdomain,
    Group,
    Hostname,
    KindName,
    Model,
    ObjectName,
    PreciseHostname,
)
from sekisho.model.gateway import LongText
from sekisho.model.httpfilters import LocalObjectReference
from sekisho.model.meta import Resource

_DOMAIN = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
_WellKnown = Annotated[
    str,
    Meta(
        pattern=rf"^(?:System|{_DOMAIN}/(?:[A-Za-z0-9][-A-Za-z0-9_.]{{0,61}})?[A-Za-z0-9])\Z",
        min_length=1,
        max_length=253,
        extra={"expected": "`System`, or a domain and a name"},
    ),
]
_AbsoluteUri = Annotated[
    str,
    Meta(
        pattern=r"^[^:/?#]+://.*\Z",
        min_length=1,
        max_length=253,
        extra={"expected": "an absolute URI such as `spiffe://example.com/ns/shop`"},
    ),
]


class LocalPolicyTargetReference(Model, frozen=True, kw_only=True):
    """What a policy is for, in its own namespace."""

    group: Annotated[Group, Meta(description="API group; empty for core.")]
    kind: Annotated[KindName, Meta(description="Kind: Service, or ZoneService (group sekisho.dev).")]
    name: Annotated[ObjectName, Meta(description="Name.")]
    section_name: Annotated[
        DnsSubdomain | None, Meta(description="One port, by name; it wins over all ports.")
    ] = None


class SubjectAltName(Model, frozen=True, kw_only=True):
    """A name a certificate must have."""

    type: Annotated[Literal["Hostname", "URI"], Meta(description="Kind of name.")]
    hostname: Annotated[Hostname | None, Meta(description="For type Hostname.")] = None
    uri: Annotated[_AbsoluteUri | None, Meta(description="For type URI.")] = None


class BackendTlsValidation(Model, frozen=True, kw_only=True):
    """Whose certificates are believed, and which names."""

    hostname: Annotated[
        PreciseHostname,
        Meta(description="Asked for (SNI), and what the certificate must be for unless names are listed."),
    ]
    ca_certificate_refs: Annotated[
        Annotated[tuple[LocalObjectReference, ...], Meta(max_length=8)],
        Meta(description="ConfigMaps with certificates of authorities (key ca.crt)."),
    ] = ()
    well_known_ca_certificates: Annotated[
        _WellKnown | None,
        Meta(description="Authorities everybody knows: System for those of the proxy's host."),
    ] = field(default=None, name="wellKnownCACertificates")
    subject_alt_names: Annotated[
        Annotated[tuple[SubjectAltName, ...], Meta(max_length=5)],
        Meta(description="Names one of which the certificate must have."),
    ] = ()


class BackendTlsPolicySpec(Model, frozen=True, kw_only=True):
    """Which Services are spoken to by TLS, and how."""

    target_refs: Annotated[
        Annotated[tuple[LocalPolicyTargetReference, ...], Meta(min_length=1, max_length=16)],
        Meta(description="Services it is for."),
    ]
    validation: Annotated[BackendTlsValidation, Meta(description="What is checked of the server.")]
    options: Annotated[
        Annotated[dict[str, LongText], Meta(max_length=16)],
        Meta(description="Settings of the implementation."),
    ] = field(default_factory=dict)


class BackendTLSPolicy(Resource, frozen=True, kw_only=True):
    """Makes Gateways speak TLS to a Service."""

    spec: Annotated[BackendTlsPolicySpec, Meta(description="Which Services, and how.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the controller.")] = None
