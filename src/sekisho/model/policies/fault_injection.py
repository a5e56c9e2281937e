"""FaultInjection: errors, delays and slow answers on purpose."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import Duration, Model
from sekisho.model.meta import Resource
from sekisho.model.targets import RequestMatch, TargetRef, ToTargetRef


class Abort(Model, frozen=True, kw_only=True):
    """Answers at once with an error."""

    http_status: Annotated[Annotated[int, Meta(ge=200, le=599)], Meta(description="Status of the answer.")]
    percentage: Annotated[
        int | str, Meta(description='Requests this happens to, in percent; "0.5" for decimals.')
    ]


class Delay(Model, frozen=True, kw_only=True):
    """Waits before the request goes on."""

    value: Annotated[Duration, Meta(description="How long.")]
    percentage: Annotated[
        int | str, Meta(description='Requests this happens to, in percent; "0.5" for decimals.')
    ]


class ResponseBandwidth(Model, frozen=True, kw_only=True):
    """Answers come slowly."""

    limit: Annotated[
        Annotated[
            str,
            Meta(
                pattern=r"^[1-9][0-9]{0,8} ?(?:[kK]|[mM]|[gG])bps\Z",
                extra={"expected": "a bandwidth such as 100kbps, 1mbps or 1gbps"},
            ),
        ],
        Meta(description="Bits per second."),
    ]
    percentage: Annotated[
        int | str, Meta(description='Requests this happens to, in percent; "0.5" for decimals.')
    ]


class HttpFault(Model, frozen=True, kw_only=True):
    """What happens to a request; each part by its own chance."""

    abort: Annotated[Abort | None, Meta(description="An error.")] = None
    delay: Annotated[Delay | None, Meta(description="A delay.")] = None
    response_bandwidth: Annotated[ResponseBandwidth | None, Meta(description="A slow answer.")] = None


class FaultInjectionDefault(Model, frozen=True, kw_only=True):
    """Faults of HTTP requests."""

    http: Annotated[
        Annotated[tuple[HttpFault, ...], Meta(max_length=16)] | None,
        Meta(description="Faults, one after the other."),
    ] = None


class FaultInjectionTo(Model, frozen=True, kw_only=True):
    """Faults towards a destination."""

    target_ref: Annotated[ToTargetRef, Meta(description="The destination.")]
    default: Annotated[FaultInjectionDefault, Meta(description="Values.")] = FaultInjectionDefault()


class FaultInjectionRule(Model, frozen=True, kw_only=True):
    """Faults of incoming traffic."""

    matches: Annotated[
        Annotated[tuple[RequestMatch, ...], Meta(max_length=64)],
        Meta(description="For whom, any of them; for everybody when left out."),
    ] = ()
    default: Annotated[FaultInjectionDefault, Meta(description="Values.")] = FaultInjectionDefault()


class FaultInjectionSpec(Model, frozen=True, kw_only=True):
    """Either `to` or `rules`."""

    target_ref: Annotated[TargetRef | None, Meta(description="Proxies; the whole mesh when left out.")] = None
    to: Annotated[
        Annotated[tuple[FaultInjectionTo, ...], Meta(max_length=128)], Meta(description="As a client.")
    ] = ()
    rules: Annotated[
        Annotated[tuple[FaultInjectionRule, ...], Meta(max_length=128)], Meta(description="As a server.")
    ] = ()


class FaultInjection(Resource, frozen=True, kw_only=True):
    """Errors, delays and slow answers on purpose."""

    spec: Annotated[FaultInjectionSpec, Meta(description="Which proxies, and what.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None
