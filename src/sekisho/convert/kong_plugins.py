"""Plugins of Kong: which become filters or policies, and which may be missing; others close a route."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sekisho.convert import objects

HARMLESS = frozenset(
    {
        "aws-lambda", "azure-functions", "correlation-id", "datadog", "exit-transformer", "file-log",
        "graphql-proxy-cache-advanced", "grpc-gateway", "grpc-web", "http-log", "jq",
        "kafka-log", "kafka-upstream", "loggly", "opentelemetry", "prometheus", "proxy-cache",
        "proxy-cache-advanced", "request-transformer-advanced", "response-transformer-advanced",
        "route-by-header", "route-transformer-advanced", "statsd", "statsd-advanced",
        "syslog", "tcp-log", "tls-metadata-headers", "udp-log", "upstream-timeout", "zipkin",
    }
)  # fmt: skip
"""Plugins that refuse nothing: without them a route does less, and lets in nobody more. One that is not known
may be what keeps callers out, so a route with any other is closed rather than open."""
POLICIES = frozenset({"ip-restriction", "rate-limiting"})
"""Plugins that become policies."""


def _cors(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    cors = {
        "allowOrigins": config.get("origins") or ["*"],
        "allowMethods": config.get("methods"),
        "allowHeaders": config.get("headers"),
        "exposeHeaders": config.get("exposed_headers"),
        "allowCredentials": config.get("credentials"),
        "maxAge": config.get("max_age"),
    }
    yield {"type": "CORS", "cors": objects.present(cors)}


def _transformer(kind: str) -> Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]:
    def filters(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        def pairs(verb: str) -> list[dict[str, str]]:
            written = (config.get(verb) or {}).get("headers") or ()
            parts = (str(one).partition(":") for one in written)
            return [{"name": name.strip(), "value": value.strip()} for name, _, value in parts]

        changes = objects.present(
            {
                "set": pairs("replace"),
                "add": [*pairs("add"), *pairs("append")],
                "remove": list((config.get("remove") or {}).get("headers") or ()),
            }
        )
        if changes:
            yield {"type": f"{kind}HeaderModifier", f"{kind.lower()}HeaderModifier": changes}

    return filters


FILTERS: dict[str, Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]] = {
    "cors": _cors,
    "request-transformer": _transformer("Request"),
    "response-transformer": _transformer("Response"),
}
"""By plugin: the filters of its configuration."""
