"""XBackendTrafficPolicy (`gateway.networking.x-k8s.io/v1alpha1`, GEP-3388): how traffic to a backend is."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import Duration, Group, KindName, Model, ObjectName
from sekisho.model.httproute import SessionPersistence
from sekisho.model.meta import Resource


class BackendTarget(Model, frozen=True, kw_only=True):
    """A backend a policy is for, in its own namespace; all of its ports."""

    group: Annotated[Group, Meta(description="API group; empty for core.")]
    kind: Annotated[KindName, Meta(description="Kind: Service, XBackend, or one of ours.")]
    name: Annotated[ObjectName, Meta(description="Name.")]


class RetryBudget(Model, frozen=True, kw_only=True):
    """How much of what is sent may be retries."""

    percent: Annotated[
        Annotated[int, Meta(ge=0, le=100)], Meta(description="Part of the requests that may be retries.")
    ] = 20
    interval: Annotated[Duration, Meta(description="Time over which they are counted: 1s to 1h.")] = "10s"


class RetryRate(Model, frozen=True, kw_only=True):
    """So many retries in a time."""

    count: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None, Meta(description="How many; 10 where left out.")
    ] = None
    interval: Annotated[Duration | None, Meta(description="In which time; 1s where left out.")] = None


class RetryConstraint(Model, frozen=True, kw_only=True):
    """When no more is tried again, whatever routes say."""

    budget: Annotated[RetryBudget, Meta(description="How much may be retries.")] = RetryBudget()
    min_retry_rate: Annotated[
        RetryRate, Meta(description="So many retries are always allowed, also where little is sent.")
    ] = RetryRate(count=10, interval="1s")


class XBackendTrafficPolicySpec(Model, frozen=True, kw_only=True):
    """Which backends, and how traffic to them is."""

    target_refs: Annotated[
        Annotated[tuple[BackendTarget, ...], Meta(min_length=1, max_length=16)],
        Meta(description="Backends it is for."),
    ]
    retry_constraint: Annotated[RetryConstraint | None, Meta(description="When no more is tried again.")] = (
        None
    )
    session_persistence: Annotated[
        SessionPersistence | None,
        Meta(description="Keeps a caller with one instance, where no rule of a route says how."),
    ] = None


class XBackendTrafficPolicy(Resource, frozen=True, kw_only=True):
    """How Gateways treat traffic to backends."""

    spec: Annotated[XBackendTrafficPolicySpec, Meta(description="Which backends, and how.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the controller.")] = None
