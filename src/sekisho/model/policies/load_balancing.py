"""LoadBalancing: which endpoint of which place a request goes to."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from sekisho.model.fields import Duration, HeaderName, Model, PathText
from sekisho.model.meta import Resource
from sekisho.model.targets import TargetRef, ToTargetRef


class AffinityTag(Model, frozen=True, kw_only=True):
    """Endpoints that have the same value of a label as the caller."""

    key: Annotated[Annotated[str, Meta(min_length=1, max_length=317)], Meta(description="Label key.")]
    weight: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="Weight of these endpoints beside the others; 9, 90, 900… from the last one up."),
    ] = None


class LocalZone(Model, frozen=True, kw_only=True):
    """Inside the caller's zone."""

    affinity_tags: Annotated[
        Annotated[tuple[AffinityTag, ...], Meta(max_length=16)] | None,
        Meta(description="Nearer endpoints first, by these labels."),
    ] = None


ZoneName = Annotated[str, Meta(min_length=1, max_length=253)]


class FailoverFrom(Model, frozen=True, kw_only=True):
    """Callers of some zones."""

    zones: Annotated[
        Annotated[tuple[ZoneName, ...], Meta(min_length=1, max_length=64)], Meta(description="Zones.")
    ]


class FailoverTo(Model, frozen=True, kw_only=True):
    """Where requests go next."""

    type: Annotated[
        Literal["None", "Only", "Any", "AnyExcept"],
        Meta(description="Nowhere, to these zones, to any, or to any but these."),
    ]
    zones: Annotated[
        Annotated[tuple[ZoneName, ...], Meta(max_length=64)],
        Meta(description="Zones for Only and AnyExcept."),
    ] = ()


class Failover(Model, frozen=True, kw_only=True):
    """One step; steps are tried in order."""

    from_: Annotated[
        FailoverFrom | None, Meta(description="For callers of these zones; of all when left out.")
    ] = field(default=None, name="from")
    to: Annotated[FailoverTo, Meta(description="Where requests go.")]


class FailoverThreshold(Model, frozen=True, kw_only=True):
    """When the next step helps."""

    percentage: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None,
        Meta(description="Below this part of healthy endpoints; 50."),
    ] = None


class CrossZone(Model, frozen=True, kw_only=True):
    """Beyond the caller's zone."""

    failover: Annotated[
        Annotated[tuple[Failover, ...], Meta(max_length=64)] | None,
        Meta(description="Steps; zones that none names are never used."),
    ] = None
    failover_threshold: Annotated[FailoverThreshold | None, Meta(description="When.")] = None


class LocalityAwareness(Model, frozen=True, kw_only=True):
    """Near endpoints first."""

    disabled: Annotated[bool | None, Meta(description="Whether all zones are the same.")] = None
    local_zone: Annotated[LocalZone | None, Meta(description="Inside the zone.")] = None
    cross_zone: Annotated[CrossZone | None, Meta(description="Beyond the zone.")] = None


class LeastRequest(Model, frozen=True, kw_only=True):
    """The endpoint with the fewest requests among a few."""

    choice_count: Annotated[
        Annotated[int, Meta(ge=2, le=1000)] | None, Meta(description="How many are compared; 2.")
    ] = None
    active_request_bias: Annotated[
        Annotated[
            str, Meta(pattern=r"^[0-9]{1,4}(?:\.[0-9]{1,4})?\Z", extra={"expected": "a number such as 1.0"})
        ]
        | None,
        Meta(description="How much running requests count against weights, in quotes; 1.0."),
    ] = None


class RingHash(Model, frozen=True, kw_only=True):
    """Consistent hashing (ketama)."""

    hash_function: Annotated[
        Literal["XXHash", "MurmurHash2"] | None, Meta(description="Hash function; XXHash.")
    ] = None
    min_ring_size: Annotated[
        Annotated[int, Meta(ge=1, le=8_388_608)] | None, Meta(description="Least entries; 1024.")
    ] = None
    max_ring_size: Annotated[
        Annotated[int, Meta(ge=1, le=8_388_608)] | None, Meta(description="Most entries; 8388608.")
    ] = None


class Maglev(Model, frozen=True, kw_only=True):
    """Consistent hashing with a fixed table."""

    table_size: Annotated[
        Annotated[int, Meta(ge=1, le=5_000_011)] | None, Meta(description="Entries, a prime number; 65537.")
    ] = None


class LoadBalancer(Model, frozen=True, kw_only=True):
    """How an endpoint is picked; the options of other types are passed over."""

    type: Annotated[
        Literal["RoundRobin", "LeastRequest", "RingHash", "Random", "Maglev"] | None,
        Meta(description="Algorithm; LeastRequest."),
    ] = None
    least_request: Annotated[LeastRequest | None, Meta(description="Options of LeastRequest.")] = None
    ring_hash: Annotated[RingHash | None, Meta(description="Options of RingHash.")] = None
    maglev: Annotated[Maglev | None, Meta(description="Options of Maglev.")] = None


class HashHeader(Model, frozen=True, kw_only=True):
    """A header is hashed."""

    name: Annotated[HeaderName, Meta(description="Header name.")]


class HashCookie(Model, frozen=True, kw_only=True):
    """A cookie is hashed; with a ttl it is set where it is missing."""

    name: Annotated[HeaderName, Meta(description="Cookie name.")]
    path: Annotated[PathText | None, Meta(description="Path of the cookie.")] = None
    ttl: Annotated[Duration | None, Meta(description="Life of the cookie; 0s for a session.")] = None


class HashConnection(Model, frozen=True, kw_only=True):
    """The caller's address is hashed."""

    source_ip: Annotated[bool, Meta(description="Always true.")] = field(default=True, name="sourceIP")


class HashQueryParameter(Model, frozen=True, kw_only=True):
    """A query parameter is hashed."""

    name: Annotated[Annotated[str, Meta(min_length=1, max_length=256)], Meta(description="Name.")]


class HashFilterState(Model, frozen=True, kw_only=True):
    """What an earlier filter left is hashed."""

    key: Annotated[Annotated[str, Meta(min_length=1, max_length=256)], Meta(description="Key.")]


class HashPolicy(Model, frozen=True, kw_only=True):
    """One thing a request is hashed by: a type, and the field of that type."""

    type: Annotated[
        Literal["Header", "Cookie", "Connection", "QueryParameter", "FilterState"],
        Meta(description="What is hashed."),
    ]
    terminal: Annotated[bool, Meta(description="Whether the next ones are passed over if this is there.")] = (
        False
    )
    header: Annotated[HashHeader | None, Meta(description="For Header.")] = None
    cookie: Annotated[HashCookie | None, Meta(description="For Cookie.")] = None
    connection: Annotated[HashConnection | None, Meta(description="For Connection.")] = None
    query_parameter: Annotated[HashQueryParameter | None, Meta(description="For QueryParameter.")] = None
    filter_state: Annotated[HashFilterState | None, Meta(description="For FilterState.")] = None


class LoadBalancingDefault(Model, frozen=True, kw_only=True):
    """Where to, and how."""

    locality_awareness: Annotated[LocalityAwareness | None, Meta(description="Near endpoints first.")] = None
    load_balancer: Annotated[LoadBalancer | None, Meta(description="How an endpoint is picked.")] = None
    hash_policies: Annotated[
        Annotated[tuple[HashPolicy, ...], Meta(max_length=16)] | None,
        Meta(description="What RingHash and Maglev hash."),
    ] = None


class LoadBalancingTo(Model, frozen=True, kw_only=True):
    """Choice towards a destination."""

    target_ref: Annotated[ToTargetRef, Meta(description="The destination.")]
    default: Annotated[LoadBalancingDefault, Meta(description="Values.")] = LoadBalancingDefault()


class LoadBalancingSpec(Model, frozen=True, kw_only=True):
    """Choice towards destinations."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    to: Annotated[
        Annotated[tuple[LoadBalancingTo, ...], Meta(max_length=128)], Meta(description="As a client.")
    ] = ()


class LoadBalancing(Resource, frozen=True, kw_only=True):
    """Which endpoint of which place a request goes to."""

    spec: Annotated[LoadBalancingSpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
