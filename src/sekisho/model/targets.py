"""Which proxies a policy is for, which destinations, and which callers: what all policies have in common.

The shape is Kuma's (`targetRef`, `to[]`, `rules[]` with `matches` and `default`), with Kubernetes' names.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, field

from sekisho.model.fields import DnsLabel, DnsSubdomain, HeaderName, Model, ObjectName
from sekisho.model.httpfilters import Method

TargetKind: TypeAlias = Literal[
    "Mesh", "Workload", "Gateway", "HTTPRoute", "Service", "ExternalService", "ZoneService"
]
DestinationKind: TypeAlias = Literal[
    "Mesh", "Service", "ExternalService", "ZoneService", "MultiZoneService", "HTTPRoute"
]
Cidr: TypeAlias = Annotated[str, Meta(max_length=49)]
"""`10.0.0.0/8` or `fd00::/8`; validation reads it, a pattern could not."""
MatchText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=1024)]


class TargetRef(Model, frozen=True, kw_only=True):
    """The proxies (or routes) a policy is for. By name or by labels; with neither, all of the kind."""

    kind: Annotated[
        TargetKind,
        Meta(
            description="Mesh for every proxy; Workload or Gateway for theirs; HTTPRoute for its requests; "
            "Service for the proxies of all workloads behind it, as a server; ExternalService and "
            "ZoneService for the zone egress before them."
        ),
    ]
    name: Annotated[ObjectName | None, Meta(description="One of the kind, by name.")] = None
    namespace: Annotated[
        DnsLabel | None,
        Meta(description="Namespace of the target; the policy's own, in the system namespace all."),
    ] = None
    labels: Annotated[dict[str, str], Meta(description="Labels they must have, all of them.")] = field(
        default_factory=dict
    )
    section_name: Annotated[
        DnsSubdomain | None,
        Meta(description="One port (name or number), or one listener of a Gateway, or one rule of a route."),
    ] = None


class ToTargetRef(Model, frozen=True, kw_only=True):
    """The destinations an entry of `to` is for. By name or by labels; with neither, all of the kind."""

    kind: Annotated[
        DestinationKind, Meta(description="Mesh for every destination; HTTPRoute for requests it routes.")
    ]
    name: Annotated[ObjectName | None, Meta(description="One of the kind, by name.")] = None
    namespace: Annotated[
        DnsLabel | None,
        Meta(description="Namespace of the destination; with a name the policy's own when left out."),
    ] = None
    labels: Annotated[dict[str, str], Meta(description="Labels they must have, all of them.")] = field(
        default_factory=dict
    )
    section_name: Annotated[
        DnsSubdomain | None, Meta(description="One port (name or number), or one rule of a route.")
    ] = None


EVERYTHING = TargetRef(kind="Mesh")
"""What a policy without targetRef is for."""


class SpiffeIdMatch(Model, frozen=True, kw_only=True):
    """A condition on the identity of the caller."""

    value: Annotated[
        Annotated[str, Meta(min_length=1, max_length=2048)],
        Meta(description="Such as spiffe://default.default.mesh.local/ns/shop/sa/cart."),
    ]
    type: Annotated[
        Literal["Exact", "Prefix"],
        Meta(description="The whole identity, or whole leading segments of it."),
    ] = "Exact"


class SniMatch(Model, frozen=True, kw_only=True):
    """A condition on the server name of the caller's TLS handshake."""

    value: Annotated[Annotated[str, Meta(min_length=1, max_length=253)], Meta(description="The server name.")]
    type: Annotated[Literal["Exact"], Meta(description="How it is compared.")] = "Exact"


class CallerMatch(Model, frozen=True, kw_only=True):
    """Conditions on who calls; all that are given must hold, so an empty one holds for everybody."""

    spiffe_id: Annotated[SpiffeIdMatch | None, Meta(description="Condition on the identity.")] = field(
        default=None, name="spiffeID"
    )
    namespaces: Annotated[
        Annotated[tuple[DnsLabel, ...], Meta(max_length=64)],
        Meta(description="The caller's namespace is one of these (by its identity, same mesh and zone)."),
    ] = ()
    source_ranges: Annotated[
        Annotated[tuple[Cidr, ...], Meta(max_length=256)],
        Meta(description="The caller's IP address is in one of these ranges."),
    ] = ()
    sni: Annotated[SniMatch | None, Meta(description="Condition on the TLS server name.")] = None


class TextMatch(Model, frozen=True, kw_only=True):
    """A condition on a text: a header's or claim's value."""

    name: Annotated[str, Meta(description="What is looked at.")]
    type: Annotated[
        Literal["Exact", "Prefix", "Suffix", "RegularExpression", "Present"],
        Meta(description="How the value is compared; RE2 on the whole value; Present for any value."),
    ] = "Exact"
    value: Annotated[
        MatchText | None, Meta(description="What it is compared with; none for type Present.")
    ] = None


class HeaderMatch(TextMatch, frozen=True, kw_only=True):
    """A condition on a request header."""

    name: Annotated[HeaderName, Meta(description="Header name; upper and lower case are the same.")]


class ClaimMatch(TextMatch, frozen=True, kw_only=True):
    """A condition on a claim of the caller's verified JWT."""

    name: Annotated[
        Annotated[str, Meta(min_length=1, max_length=253)],
        Meta(description="Claim, such as sub, or realm.role for one inside another."),
    ]


class PathMatch(Model, frozen=True, kw_only=True):
    """A condition on the normalised path, without the query."""

    value: Annotated[MatchText, Meta(description="What the path is compared with.")]
    type: Annotated[
        Literal["Exact", "PathPrefix", "RegularExpression"],
        Meta(description="The whole path, whole leading segments, or RE2 on the whole path."),
    ] = "PathPrefix"


class RequestMatch(CallerMatch, frozen=True, kw_only=True):
    """Conditions on who calls and what for; what is about HTTP holds only where the proxy reads HTTP."""

    methods: Annotated[
        Annotated[tuple[Method, ...], Meta(max_length=9)], Meta(description="The method is one of these.")
    ] = ()
    paths: Annotated[
        Annotated[tuple[PathMatch, ...], Meta(max_length=64)], Meta(description="One of these fits the path.")
    ] = ()
    headers: Annotated[
        Annotated[tuple[HeaderMatch, ...], Meta(max_length=16)],
        Meta(description="Conditions on headers, all of which hold."),
    ] = ()
    claims: Annotated[
        Annotated[tuple[ClaimMatch, ...], Meta(max_length=16)],
        Meta(description="Conditions on claims of a verified JWT, all of which hold."),
    ] = ()
