"""Cross-origin requests as Envoy's CORS filter treats them: preflights, and headers of responses."""

import re

from sekisho.ir.calls import Call, Headers
from sekisho.ir.http import Cors
from sekisho.ir.matching import header

_ANY = ("*",)
_METHOD = "access-control-request-method"


def is_preflight(call: Call) -> bool:
    """Whether it asks what would be allowed (Fetch, 3.2.2)."""
    return call.method == "OPTIONS" and bool(header(call, "origin")) and bool(header(call, _METHOD))


def preflight_headers(policy: Cors, call: Call) -> Headers:
    """What the answer to a preflight of an origin that is allowed says."""
    # Envoy spells a star out: with credentials it would mean a star and not everything (Fetch, 3.3.5).
    methods = _spelled(policy.methods, header(call, _METHOD))
    headers = _spelled(policy.headers, header(call, "access-control-request-headers"))
    return (
        *_origin(policy, call),
        *((("access-control-allow-methods", methods),) if policy.methods else ()),
        *((("access-control-allow-headers", headers),) if policy.headers else ()),
        *((("access-control-expose-headers", ", ".join(policy.expose)),) if policy.expose else ()),
        ("access-control-max-age", str(policy.max_age)),
    )


def _spelled(allowed: tuple[str, ...], asked: str | None) -> str:
    return (asked or "") if allowed == _ANY else ", ".join(allowed)


def response_headers(policy: Cors, call: Call) -> Headers:
    """What is added to the answer of a request with an origin that is allowed."""
    allowed = _origin(policy, call)
    exposed = ", ".join(policy.expose)
    return (*allowed, ("access-control-expose-headers", exposed)) if allowed and exposed else allowed


def allows_origin(policy: Cors, call: Call) -> bool:
    """Whether the call's origin is one of the policy's."""
    origin = header(call, "origin")
    return bool(origin) and any(_matches(allowed.value, origin or "") for allowed in policy.origins)


def _origin(policy: Cors, call: Call) -> Headers:
    if not allows_origin(policy, call):
        return ()
    credentials = (("access-control-allow-credentials", "true"),) if policy.credentials else ()
    return (("access-control-allow-origin", header(call, "origin") or ""), *credentials)


def _matches(allowed: str, origin: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, allowed.split("*"))), origin) is not None
