"""JWT: verifies the token a request carries, so that conditions on its claims can be looked at."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, new
from sekisho.envoy.callers import JWT_METADATA, JWT_PAYLOAD
from sekisho.protos import pack

_PACKAGE = "envoy.extensions.filters.http.jwt_authn.v3"
_ANYBODY = "anybody"


def token_filter(issuers: Sequence[ir.TokenIssuer]) -> list[dict[str, Any]]:
    """An HTTP filter that turns nobody away: a token that is missing, over, or of somebody else has no
    claims, and who is let in without is for permissions to say."""
    if not issuers:
        return []
    return [_filter(issuers, rules=[{"match": {"prefix": "/"}, "requires": _anybody(issuers)}])]


def tokens_where_asked(issuers: Sequence[ir.TokenIssuer]) -> list[dict[str, Any]]:
    """The same filter, at work only for hosts and routes whose settings are `verify_tokens`."""
    return [_filter(issuers, requirement_map={_ANYBODY: _anybody(issuers)})]


@cache
def verify_tokens() -> Any:
    """envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig, packed."""
    return pack(new(f"{_PACKAGE}.PerRouteConfig", requirement_name=_ANYBODY))


def _filter(issuers: Sequence[ir.TokenIssuer], **fields: Any) -> dict[str, Any]:
    providers = {one.name: _provider(one) for one in issuers}
    return extension(JWT_METADATA, f"{_PACKAGE}.JwtAuthentication", providers=providers, **fields)


def _anybody(issuers: Sequence[ir.TokenIssuer]) -> dict[str, Any]:
    """envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement"""
    requirements = [*({"provider_name": one.name} for one in issuers), {"allow_missing_or_failed": {}}]
    return {"requires_any": {"requirements": requirements}}


def _provider(issuer: ir.TokenIssuer) -> dict[str, Any]:
    """envoy.extensions.filters.http.jwt_authn.v3.JwtProvider"""
    return {
        "issuer": issuer.issuer,
        "audiences": issuer.audiences,
        "local_jwks": {"inline_string": issuer.keys},
        "forward": True,  # the application may want to look at it as well
        "payload_in_metadata": JWT_PAYLOAD,
    }
