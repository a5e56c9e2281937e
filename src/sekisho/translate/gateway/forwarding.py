"""What a rule forwards to: shares of backends, mirrors, and how long and how often it tries."""

from msgspec import Struct

from sekisho import ir
from sekisho.engine import Read
from sekisho.kit import durations
from sekisho.model.httpfilters import RequestMirror
from sekisho.model.httproute import HttpRouteRetry, HttpRouteRule, HttpRouteTimeouts
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.gateway.backends import Broken, is_guarded_for_calls_alone, resolve
from sekisho.translate.gateway.filters import Fault, Filters, backend_filters


class Shares(Struct, frozen=True, gc=False):
    """The backends of one rule."""

    shares: tuple[ir.Share, ...]
    """Those with a weight above 0, in the order written."""
    kept: tuple[ir.Share, ...]
    """Those a session may have been told, whatever their weight: all that lead somewhere."""
    broken: tuple[Broken, ...]
    faults: tuple[Fault, ...]


def shares(read: Read, route: ResourceId, place: str, rule: HttpRouteRule, exempt: str) -> Shares:
    """The backends of a rule; one that leads nowhere keeps its share of the requests, to answer them 500.
    `exempt`: see `backends.resolve`."""
    found_shares, kept, broken, faults = [], [], [], []
    for number, reference in enumerate(rule.backend_refs):
        path = f"{place}.backendRefs[{number}]"
        found = resolve(read, route, reference, exempt)
        if isinstance(found, Broken):
            broken.append(Broken(found.reason, f"{path}: {found.message}"))
        filters = backend_filters(reference.filters)
        faults += [Fault(fault.reason, f"backendRefs[{number}]: {fault.message}") for fault in filters.faults]
        share = ir.Share(
            cluster=None if isinstance(found, Broken) else found,
            weight=reference.weight or 1,
            request_headers=filters.request_headers,
            response_headers=filters.response_headers,
            origin=Origin(route, path),
        )
        if reference.weight > 0:
            found_shares.append(share)
        if share.cluster is not None:
            kept.append(share)
    return Shares(tuple(found_shares), tuple(kept), tuple(broken), tuple(faults))


def mirrors(
    read: Read, route: ResourceId, place: str, found: Filters, exempt: str
) -> tuple[tuple[ir.Mirror, ...], tuple[Broken, ...]]:
    """Copies of requests; one that leads nowhere is dropped, the requests themselves go on."""
    copies, broken = [], []
    for position, mirror in found.mirrors:
        target = resolve(read, route, mirror.backend_ref, exempt)
        if not isinstance(target, Broken) and is_guarded_for_calls_alone(read, target):
            told = "whoever owns a host name would say who gets copies; copy to a Service"
            target = Broken("InvalidKind", told)
        if isinstance(target, Broken):
            path = f"{place}.filters[{position}].requestMirror.backendRef"
            broken.append(Broken(target.reason, f"{path}: {target.message}"))
            continue
        numerator, denominator = _part(mirror)
        if numerator > 0:
            copies.append(ir.Mirror(cluster=target, numerator=numerator, denominator=denominator))
    return tuple(copies), tuple(broken)


def _part(mirror: RequestMirror) -> tuple[int, int]:
    """The part of the requests that is copied; all when nothing is said."""
    if mirror.fraction is not None:
        return mirror.fraction.numerator, mirror.fraction.denominator
    return (100 if mirror.percent is None else mirror.percent), 100


def timeouts(wanted: HttpRouteTimeouts | None) -> tuple[int | None, int | None]:
    """Whole request and each try, in milliseconds. `0s` means no bound (HTTPRouteTimeouts)."""
    if wanted is None:
        return None, None
    backend = None if wanted.backend_request is None else durations.parse(wanted.backend_request)
    if wanted.request is not None:
        return durations.parse(wanted.request), backend or None
    # Each try is bounded as its author wants: the default for the whole must not cut in before that.
    return (None if backend is None else 0), backend or None


def retry(wanted: HttpRouteRetry | None) -> ir.Retry | None:
    """When to try again; once when the number of attempts is left open."""
    if wanted is None:
        return None
    attempts, codes = wanted.attempts or 1, tuple(sorted(set(wanted.codes)))
    if wanted.backoff is None:
        return ir.Retry(attempts=attempts, codes=codes)
    least = max(1, durations.parse(wanted.backoff))  # Envoy refuses a base interval of 0 (RetryPolicy)
    return ir.Retry(attempts=attempts, codes=codes, backoff_ms=least)
