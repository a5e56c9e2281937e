"""Cross-origin requests: preflights are answered here, and responses get their CORS headers."""

import re
from collections.abc import Mapping
from typing import Any

from sekisho import ir
from sekisho.envoy.building import OFF, extension, new
from sekisho.protos import pack

NAME = "envoy.filters.http.cors"
_SAID = {"safe_regex": {"regex": ".+"}}
"""Envoy's filter takes a request with an empty header for no preflight, and passes it on."""


def http_filter() -> dict[str, Any]:
    return extension(NAME, "envoy.extensions.filters.http.cors.v3.Cors")


def cors_policy(wanted: ir.Cors) -> Mapping[str, Any]:
    """envoy.extensions.filters.http.cors.v3.CorsPolicy, as per-route settings."""
    policy = new(
        "envoy.extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[_string_matcher(origin.value) for origin in wanted.origins],
        allow_methods=", ".join(wanted.methods),
        allow_headers=", ".join(wanted.headers),
        expose_headers=", ".join(wanted.expose),
        max_age=str(wanted.max_age),
        allow_credentials={"value": wanted.credentials},
        forward_not_matching_preflights=OFF,
    )
    return {NAME: pack(policy)}


def other_origins(wanted: ir.Cors) -> list[dict[str, Any]]:
    """HeaderMatchers of the preflights this policy allows nothing; none when it allows all origins.

    Envoy would answer them as well, without `allow-origin` but with all that is allowed to others.
    """
    if ir.OriginMatch(value="*") in wanted.origins:
        return []
    return [
        {"name": ":method", "string_match": {"exact": "OPTIONS"}},
        {"name": "access-control-request-method", "string_match": _SAID},
        {"name": "origin", "string_match": _SAID},
        *(
            {"name": "origin", "string_match": _string_matcher(origin.value), "invert_match": True}
            for origin in wanted.origins
        ),
    ]


def _string_matcher(origin: str) -> dict[str, Any]:
    if "*" not in origin:
        return {"exact": origin}
    return {"safe_regex": {"regex": ".*".join(map(re.escape, origin.split("*")))}}
