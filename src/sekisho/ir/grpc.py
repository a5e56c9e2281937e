"""How answers of a proxy itself reach the caller of a gRPC method: as a status of gRPC, over HTTP 200."""

from msgspec.structs import replace

from sekisho.ir.calls import Answered, Call, Outcome
from sekisho.ir.matching import is_grpc

_STATUSES = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
"""gRPC's own table (doc/http-grpc-status-mapping.md), which Envoy follows."""
_UNKNOWN = 2
_NAMES = {
    2: "UNKNOWN",
    7: "PERMISSION_DENIED",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    16: "UNAUTHENTICATED",
}
_FIRST_FAILURE = 400


def as_told(call: Call, outcome: Outcome) -> Outcome:
    """The outcome as the caller sees it: a failure of a gRPC call is told in its own words."""
    if not isinstance(outcome, Answered) or outcome.status < _FIRST_FAILURE or not is_grpc(call):
        return outcome
    status = _STATUSES.get(outcome.status, _UNKNOWN)
    return replace(
        outcome,
        status=200,
        headers=(*outcome.headers, ("grpc-status", str(status))),
        why=f"{outcome.why} (gRPC status {_NAMES[status]})",
    )
