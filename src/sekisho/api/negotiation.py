"""Which format the client wants, from its Accept header."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from sekisho.api.errors import not_acceptable

_JSON_TYPES = frozenset({"application/json", "application/*", "*/*", ""})
_YAML_TYPES = frozenset({"application/yaml", "application/x-yaml"})


class Shape(StrEnum):
    """What an object is turned into before it is sent."""

    WHOLE = "whole"
    TABLE = "Table"
    PARTIAL = "PartialObjectMetadata"


@dataclass(frozen=True, slots=True)
class Format:
    """Shape and encoding of an answer."""

    shape: Shape = Shape.WHOLE
    yaml: bool = False
    meta_version: str = "v1"
    """Version of meta.k8s.io that a Table or PartialObjectMetadata is asked for in."""


def _parameters(parts: list[str]) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in parts)
    return {key: value for key, _, value in pairs}


def _format(media_range: str) -> Format | None:
    media_type, *rest = media_range.split(";")
    parameters = _parameters(rest)
    media_type = media_type.strip().lower()
    if media_type in _YAML_TYPES and "as" not in parameters:
        return Format(yaml=True)
    if media_type not in _JSON_TYPES:
        return None
    match parameters.get("as"):
        case None:
            return Format()
        case "Table":
            shape = Shape.TABLE
        case "PartialObjectMetadata" | "PartialObjectMetadataList":
            shape = Shape.PARTIAL
        case _:
            return None
    version = parameters.get("v", "v1")
    known = parameters.get("g") == "meta.k8s.io" and version in {"v1", "v1beta1"}
    return Format(shape, meta_version=version) if known else None


@lru_cache(maxsize=256)
def negotiate(accept: str) -> Format:
    """The first of the client's wishes we can fulfil (Kubernetes clients list them in order of preference).

    Raises 406 when there is none.
    """
    for media_range in accept.split(","):
        found = _format(media_range)
        if found is not None:
            return found
    raise not_acceptable()


@lru_cache(maxsize=256)
def aggregated_discovery(accept: str) -> str | None:
    """The version of aggregated discovery asked for before plain JSON (`v2`, `v2beta1`), if any."""
    for media_range in accept.split(","):
        media_type, *rest = media_range.strip().split(";")
        parameters = _parameters(rest)
        if parameters.get("as") == "APIGroupDiscoveryList" and parameters.get("v") in {"v2", "v2beta1"}:
            return parameters["v"]
        if media_type in _JSON_TYPES and "as" not in parameters:
            return None
    return None
