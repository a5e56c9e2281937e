"""Mesh (`sekisho.dev/v1alpha1`): what a mesh is called, who belongs to it, and how it works as a whole."""

from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

from msgspec import Meta

from sekisho.model.fields import DnsLabel, Model
from sekisho.model.meta import Resource

MESH_LABEL = "sekisho.dev/mesh"
"""On a Namespace: the mesh it belongs to. On a resource of the system namespace: the mesh it is for."""
DEFAULT_MESH = "default"
"""The mesh of whatever has no `MESH_LABEL`."""
SYSTEM_NAMESPACE = "sekisho-system"
"""Where the operators of the mesh write: identities, trust, and policies for all namespaces."""
EFFECT_LABEL = "sekisho.dev/effect"
"""On a policy: with the value `shadow` it is shown and changes nothing."""
SERVICE_RANGE = IPv4Network("241.0.0.0/9")
"""Virtual addresses of Services, unless set otherwise. Reserved (RFC 1112, 4), so nobody's: whoever has no
proxy of the mesh reaches nothing there."""

Inspection = Literal["Auto", "Always"]
Reachable = Literal["Permitted", "Namespace", "Listed"]
Egress = Literal["Direct", "Required"]


class JwtKeys(Model, frozen=True, kw_only=True):
    """Public keys that tokens are verified with."""

    inline: Annotated[
        Annotated[str, Meta(min_length=1, max_length=65536)],
        Meta(description="A JSON Web Key Set (RFC 7517) of public keys: RSA, EC or Ed25519."),
    ]


class JwtProvider(Model, frozen=True, kw_only=True):
    """Somebody who issues tokens (JWT, RFC 7519) to callers."""

    name: Annotated[DnsLabel, Meta(description="Name of the provider.")]
    issuer: Annotated[
        Annotated[str, Meta(min_length=1, max_length=2048)], Meta(description="The claim iss of its tokens.")
    ]
    audiences: Annotated[
        Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=2048)], ...], Meta(max_length=16)],
        Meta(description="The claim aud is one of these; anything when left out."),
    ] = ()
    jwks: Annotated[JwtKeys, Meta(description="Its keys; they are not fetched from anywhere.")]


class MeshSpec(Model, frozen=True, kw_only=True):
    """How the mesh works as a whole."""

    inspection: Annotated[
        Inspection,
        Meta(
            description="Auto reads HTTP between proxies only where a route or policy needs it and passes "
            "bytes elsewhere; Always reads it wherever a port speaks it."
        ),
    ] = "Auto"
    reachable: Annotated[
        Reachable,
        Meta(
            description="What a proxy knows from the start when its Workload does not list what it calls: "
            "all it is permitted to call, only that of its own namespace, or nothing; see onDemand."
        ),
    ] = "Permitted"
    on_demand: Annotated[
        bool,
        Meta(
            description="Whether a proxy fetches at first use the way to what it is permitted to call and "
            "does not know from the start; without it, that cannot be called."
        ),
    ] = False
    egress: Annotated[
        Egress,
        Meta(
            description="How ExternalServices are reached: by each proxy itself, or only through Gateways of "
            "class sekisho-zone-egress, which ask for permission; without one of them, not at all."
        ),
    ] = "Direct"
    zone_egress: Annotated[
        Egress,
        Meta(
            description="How Services of other zones are reached: by each proxy itself, or only through "
            "Gateways of class sekisho-zone-egress, which ask for permission and open nothing; without one "
            "of them, not at all."
        ),
    ] = "Direct"
    jwt_providers: Annotated[
        Annotated[tuple[JwtProvider, ...], Meta(max_length=8)],
        Meta(
            description="Whose tokens are believed. A request shows one as Authorization: Bearer; policies "
            "whose matches name claims see those of a verified token, and of no other."
        ),
    ] = ()


class Mesh(Resource, frozen=True, kw_only=True):
    """A unit of trust: its members have identities, encrypt, and let in only whom they permit."""

    spec: Annotated[MeshSpec, Meta(description="How it works as a whole.")] = MeshSpec()
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
