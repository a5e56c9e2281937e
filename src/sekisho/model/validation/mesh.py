"""Rules of Mesh."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from sekisho.model import paths
from sekisho.model.mesh import Mesh
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation.shared import unique

_PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
)
"""What a public key of each type has (RFC 7518 section 6, RFC 8037)."""
_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519",)}
_PRIVATE = "d"


def mesh(resource: Mesh) -> Iterator[Problem]:
    """Providers of tokens and their keys."""
    providers = resource.spec.jwt_providers
    path = "spec.jwtProviders"
    yield from unique(path, (one.name for one in providers), "name", "name")
    yield from unique(path, (one.issuer for one in providers), "issuer", "issuer")
    for index, provider in enumerate(providers):
        yield from _keys(paths.field(paths.item(path, index), "jwks.inline"), provider.jwks.inline)


def _keys(path: str, text: str) -> Iterator[Problem]:
    """Never shows what was written: it could be the wrong file."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        yield Problem(path, 'expected a JSON Web Key Set: {"keys": [...]} with at least one key')
        return
    for number, key in enumerate(keys, 1):
        if fault := _fault(key):
            yield Problem(path, f"key {number} {fault}", reason=Reason.INVALID)


def _fault(key: Mapping[str, Any]) -> str:
    type_ = str(key.get("kty"))
    if type_ == "oct":
        return "is a shared secret (kty oct): whoever reads this Mesh could make tokens"
    if type_ not in _PARTS:
        return f"has no kty of {', '.join(_PARTS)}"
    if _PRIVATE in key:
        return "is a private key: replace it, and write public keys only"
    if missing := [part for part in _PARTS[type_] if not isinstance(key.get(part), str) or not key[part]]:
        return f"lacks {', '.join(missing)}"
    if type_ in _CURVES and key["crv"] not in _CURVES[type_]:
        return f"has no crv of {', '.join(_CURVES[type_])}"
    return ""
