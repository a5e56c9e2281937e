"""JWT: verifies the token a request carries, so that conditions on its claims can be looked at."""

from collections.abc import Sequence
from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension
from sekisho.envoy.callers import JWT_METADATA, JWT_PAYLOAD

_TYPE = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"


def token_filter(issuers: Sequence[ir.TokenIssuer]) -> list[dict[str, Any]]:
    """An HTTP filter that turns nobody away: a token that is missing, over, or of somebody else has no
    claims, and who is let in without is for permissions to say."""
    if not issuers:
        return []
    requirements = [*({"provider_name": one.name} for one in issuers), {"allow_missing_or_failed": {}}]
    rule = {"match": {"prefix": "/"}, "requires": {"requires_any": {"requirements": requirements}}}
    providers = {one.name: _provider(one) for one in issuers}
    return [extension(JWT_METADATA, _TYPE, providers=providers, rules=[rule])]


def _provider(issuer: ir.TokenIssuer) -> dict[str, Any]:
    """envoy.extensions.filters.http.jwt_authn.v3.JwtProvider"""
    return {
        "issuer": issuer.issuer,
        "audiences": issuer.audiences,
        "local_jwks": {"inline_string": issuer.keys},
        "forward": True,  # the application may want to look at it as well
        "payload_in_metadata": JWT_PAYLOAD,
    }
