"""Cross-origin requests: preflights are answered here, and responses get their CORS headers."""

import re
from collections.abc import Mapping
from typing import Any

from sekisho import ir
from sekisho.envoy.building import OFF, extension, new
from sekisho.protos import pack

NAME = "envoy.filters.http.cors"


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


def _string_matcher(origin: str) -> dict[str, Any]:
    if "*" not in origin:
        return {"exact": origin}
    return {"safe_regex": {"regex": ".*".join(map(re.escape, origin.split("*")))}}
