"""MeshIdentity and MeshTrust (`sekisho.dev/v1alpha1`): who issues identities, and whose are believed."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from sekisho.model.fields import DnsSubdomain, Duration, Model
from sekisho.model.meta import Resource

TRUST_DOMAIN_FIELDS = frozenset({"Mesh", "Zone"})
"""What the template of a trust domain may use."""
PATH_FIELDS = frozenset({"Mesh", "Zone", "Namespace", "ServiceAccount", "Workload"})
"""What the template of a path may use; Workload is the name of the Workload (or Gateway)."""

TemplateText = Annotated[str, Meta(min_length=1, max_length=1024)]


class MatchLabels(Model, frozen=True, kw_only=True):
    """Labels that must have exactly these values; none at all picks everything."""

    match_labels: Annotated[dict[str, str], Meta(description="Labels and their values.")] = field(
        default_factory=dict
    )


class IdentitySelector(Model, frozen=True, kw_only=True):
    """Whose identities are issued."""

    workload: Annotated[
        MatchLabels | None,
        Meta(description="Workloads and Gateways, by label; left out for nobody, {} for everybody."),
    ] = None


class SpiffeIdTemplates(Model, frozen=True, kw_only=True):
    """How identities look: `spiffe://<trustDomain><path>`."""

    trust_domain: Annotated[
        TemplateText, Meta(description="Template of the trust domain; knows .Mesh and .Zone.")
    ] = "{{ .Mesh }}.{{ .Zone }}.mesh.local"
    path: Annotated[
        TemplateText,
        Meta(
            description="Template of the path; knows .Mesh, .Zone, .Namespace, .ServiceAccount, .Workload "
            'and label "key".'
        ),
    ] = "/ns/{{ .Namespace }}/sa/{{ .ServiceAccount }}"


class LocalSecretReference(Model, frozen=True, kw_only=True):
    """A Secret of the same namespace."""

    name: Annotated[DnsSubdomain, Meta(description="Name of the Secret.")]


class CertificateAuthority(Model, frozen=True, kw_only=True):
    """An authority brought along."""

    secret_ref: Annotated[
        LocalSecretReference,
        Meta(
            description="A kubernetes.io/tls Secret: tls.crt is the issuing certificate and those above it, "
            "tls.key its key, ca.crt (optional) the root; the root's own key is not needed."
        ),
    ]


class CertificateParameters(Model, frozen=True, kw_only=True):
    """What the certificates issued are like."""

    expiry: Annotated[
        Duration, Meta(description="How long one is valid; it is renewed after about half of it.")
    ] = "24h"


class BundledProvider(Model, frozen=True, kw_only=True):
    """The zone's own control plane issues."""

    mesh_trust_creation: Annotated[
        Literal["Enabled", "Disabled"],
        Meta(description="Whether its authority gets into a MeshTrust by itself."),
    ] = "Enabled"
    ca: Annotated[
        CertificateAuthority | None, Meta(description="The authority; left out for one made by itself.")
    ] = None
    certificate_parameters: Annotated[
        CertificateParameters, Meta(description="What the certificates issued are like.")
    ] = CertificateParameters()


class SpireProvider(Model, frozen=True, kw_only=True):
    """A SPIRE agent on the host of each workload issues."""

    socket_path: Annotated[
        Annotated[str, Meta(min_length=2, max_length=107)],
        Meta(description="Unix socket of its Workload API: an absolute path."),
    ]
    bundle_socket_path: Annotated[
        Annotated[str, Meta(min_length=2, max_length=107)] | None,
        Meta(
            description="Unix socket of a SPIRE agent on the control plane's host, from which the roots of "
            "the trust domain are followed; left out, a MeshTrust has to name them."
        ),
    ] = None


class IdentityProvider(Model, frozen=True, kw_only=True):
    """Who issues; the field of the type says how."""

    type: Annotated[
        Literal["Bundled", "Spire"],
        Meta(description="The zone's own control plane, or a SPIRE agent on each host."),
    ] = "Bundled"
    bundled: Annotated[BundledProvider | None, Meta(description="Settings of type Bundled.")] = None
    spire: Annotated[SpireProvider | None, Meta(description="Settings of type Spire.")] = None


class MeshIdentitySpec(Model, frozen=True, kw_only=True):
    """Whose identities, what they look like, and who issues them."""

    selector: Annotated[
        IdentitySelector | None,
        Meta(description="Whose; left out for nobody yet, so that its authority can be trusted first."),
    ] = None
    spiffe_id: Annotated[SpiffeIdTemplates, Meta(description="How they look.")] = field(
        default=SpiffeIdTemplates(), name="spiffeID"
    )
    provider: Annotated[IdentityProvider, Meta(description="Who issues them.")] = IdentityProvider()


class MeshIdentity(Resource, frozen=True, kw_only=True):
    """Issues identities in a mesh. Of several that pick a workload, the one with the most labels does."""

    spec: Annotated[MeshIdentitySpec, Meta(description="Whose, how, and by whom.")] = MeshIdentitySpec()
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None


class PemText(Model, frozen=True, kw_only=True):
    """Certificates as text."""

    value: Annotated[
        Annotated[str, Meta(min_length=1, max_length=262144)],
        Meta(description="Certificates of authorities, in PEM."),
    ]


class CaBundle(Model, frozen=True, kw_only=True):
    """Certificates of authorities."""

    type: Annotated[Literal["Pem"], Meta(description="Form of the certificates.")] = "Pem"
    pem: Annotated[PemText, Meta(description="The certificates.")]


class MeshTrustSpec(Model, frozen=True, kw_only=True):
    """A trust domain and its authorities."""

    trust_domain: Annotated[
        Annotated[str, Meta(min_length=1, max_length=255)],
        Meta(description="The domain, such as default.zone-1.mesh.local."),
    ]
    ca_bundles: Annotated[
        Annotated[tuple[CaBundle, ...], Meta(min_length=1, max_length=64)],
        Meta(description="Whoever has a certificate of one of these is believed."),
    ]


class MeshTrust(Resource, frozen=True, kw_only=True):
    """The authorities that a mesh believes for one trust domain; those of several MeshTrusts add up."""

    spec: Annotated[MeshTrustSpec, Meta(description="Trust domain and authorities.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
