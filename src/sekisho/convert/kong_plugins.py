"""Plugins of Kong: which become filters, which policies, and which close a route because they are neither."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sekisho.convert import objects

CLOSING = frozenset(
    {
        "acl", "basic-auth", "forward-auth", "hmac-auth", "jwt", "jwt-signer", "key-auth",
        "key-auth-enc", "ldap-auth", "ldap-auth-advanced", "mtls-auth", "oauth2", "oauth2-introspection",
        "opa", "openid-connect", "request-termination", "saml", "session", "vault-auth",
    }
)  # fmt: skip
"""Plugins that let only some requests pass: a route with one of them is closed rather than open."""
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
