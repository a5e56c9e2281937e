"""What a sidecar does with a call to its workload: who it is, whether it is let in, and what the application
gets. A model of `envoy/inbound.py`; `tests/properties/test_permissions.py` holds the two together."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from sekisho.ir.admittance import Judgement, Peer, judge
from sekisho.ir.calls import Answered, Call, Headers, Refused
from sekisho.ir.cluster import Protocol
from sekisho.ir.paths import normalized_path
from sekisho.ir.sidecar import Inbound
from sekisho.ir.transport import ALPN_HTTP2, MutualTlsMode
from sekisho.ir.wellformed import HttpVersion, fault, is_for_nothing, origin_form

RESERVED_HEADERS = "x-sekisho-"
"""Headers that begin so are taken off before anything looks at them."""
_INTERNAL = "x-envoy-internal"
"""Envoy's own word on where a request is from: what a caller says there is taken off."""
_CALLER = "x-forwarded-client-cert"
"""What a caller says there is replaced by its identity (`By` and `Hash`, which Envoy adds, are left out)."""


class Arrival(Struct, frozen=True, kw_only=True, gc=False):
    """A call at the door of a workload."""

    peer: Peer
    security: Literal["mutual", "plain", "foreign"] = "mutual"
    """Mutual TLS of the mesh; none; or the application's own TLS."""
    alpn: str = ALPN_HTTP2
    """Of mutual TLS."""
    call: Call | None = None
    """The request, if it is one; None for other bytes."""


class Delivered(Struct, frozen=True, kw_only=True, gc=False):
    """The application gets it."""

    call: Call | None
    """The request as judged, its path normalised; None where bytes are not read."""


class Reception(Struct, frozen=True, kw_only=True, gc=False):
    """What became of an arrival."""

    outcome: Refused | Answered | Delivered
    judgement: Judgement | None = None
    """None where it did not come so far, or nobody judges."""


def receive(inbound: Inbound, arrival: Arrival) -> Reception:
    """What the proxy does. A request that comes as bytes nobody reads is judged without what it says."""
    if why := why_shut(inbound, arrival):
        return Reception(outcome=Refused(why))
    if not reads_requests(inbound, arrival):
        return _admitted(inbound, arrival.peer, None)
    if arrival.call is None:
        return Reception(outcome=Answered(status=400, why="this port reads HTTP, and these bytes are not"))
    version = _version(arrival)
    call = origin_form(arrival.call) if version == "1.1" else arrival.call
    call = replace(call, headers=_headers(call, arrival.peer))
    if why := fault(call, version):
        return Reception(outcome=Answered(status=400, why=why))
    if is_for_nothing(call, version):
        return Reception(outcome=Answered(status=404, why="a request for no path leads nowhere"))
    path, redirected = normalized_path(call.path)
    if redirected:
        why = "a path with an escaped slash is sent back to be written plainly"
        return Reception(outcome=Answered(status=307, location=path, why=why))
    return _admitted(inbound, arrival.peer, replace(call, path=path))


def why_shut(inbound: Inbound, arrival: Arrival) -> str:
    """Why nobody listens to such a connection; empty when somebody does."""
    if inbound.tls is None:
        return ""
    if arrival.security != "mutual":
        strict = inbound.tls.mode is MutualTlsMode.STRICT
        return "only members of the mesh are let in, by mutual TLS (Strict)" if strict else ""
    if arrival.alpn == ALPN_HTTP2 and not _speaks_http(inbound):
        return "this port does not speak HTTP"
    domain = arrival.peer.identity.removeprefix("spiffe://").partition("/")[0]
    if domain not in inbound.tls.trust_domains:
        return f"nobody of the trust domain {domain or '(none)'} is believed"
    return ""


def reads_requests(inbound: Inbound, arrival: Arrival) -> bool:
    """Whether the proxy reads the bytes of such a connection as HTTP."""
    if inbound.tls is not None and arrival.security == "mutual" and arrival.alpn == ALPN_HTTP2:
        return True
    return inbound.inspected and not (inbound.tls is not None and arrival.security == "foreign")


def _headers(call: Call, peer: Peer) -> Headers:
    """Without those that only proxies may send, and with what this one says about the caller."""
    said = (pair for pair in call.headers if not pair[0].startswith(RESERVED_HEADERS))
    kept = [pair for pair in said if pair[0] not in {_CALLER, _INTERNAL}]
    if peer.identity:
        kept.append((_CALLER, f"URI={peer.identity}"))
    return tuple(kept)


def _version(arrival: Arrival) -> HttpVersion:
    return "2" if arrival.security == "mutual" and arrival.alpn == ALPN_HTTP2 else "1.1"


def _speaks_http(inbound: Inbound) -> bool:
    return inbound.inspected or inbound.protocol is not Protocol.TCP


def _admitted(inbound: Inbound, peer: Peer, call: Call | None) -> Reception:
    if inbound.tls is None and not inbound.permissions.rules:
        return Reception(outcome=Delivered(call=call))
    if not inbound.token_issuers:  # nobody has verified what the caller says of itself
        peer = replace(peer, claims=())
    found = judge(inbound.permissions, peer, call)
    if found.allowed:
        return Reception(outcome=Delivered(call=call), judgement=found)
    by = f"denied by {found.rule.origin}" if found.rule is not None else "no permission lets it in"
    outcome = Refused(by) if call is None else Answered(status=403, why=by)
    return Reception(outcome=outcome, judgement=found)
