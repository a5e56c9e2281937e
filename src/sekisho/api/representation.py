"""From stored bytes to what a client asked for: the version in the path, a table, or the metadata only."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import yaml
from starlette.responses import Response

from sekisho.api.negotiation import Format, Shape
from sekisho.api.routing import Target
from sekisho.api.tables import table, table_row
from sekisho.model.kinds import Kind

encode = msgspec.json.encode
decode = msgspec.json.decode


def stored_in(target: Target) -> bool:
    """Whether the path asks for the version objects are stored in: then their bytes are the answer."""
    backing = target.entry.backing
    return isinstance(backing, Kind) and backing.version == target.version


def in_version(body: bytes, target: Target) -> bytes:
    """The object with the apiVersion of the path."""
    if stored_in(target):
        return body
    object_ = decode(body)
    object_["apiVersion"] = target.api_version
    return encode(object_)


def _partial(body: bytes, meta_version: str) -> dict[str, Any]:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{meta_version}",
        "metadata": decode(body)["metadata"],
    }


def one(body: bytes, target: Target, format_: Format, now: float, include: str = "Metadata") -> bytes:
    """One object in the shape asked for. `include` is what a table row carries: Metadata, Object or None."""
    match format_.shape:
        case Shape.WHOLE:
            return in_version(body, target)
        case Shape.PARTIAL:
            return encode(_partial(body, format_.meta_version))
        case Shape.TABLE:
            object_ = decode(body)
            rows = [table_row(object_, target, include, now)]
            return encode(table(target, rows, format_.meta_version, object_["metadata"]["resourceVersion"]))


def many(
    bodies: Sequence[bytes],
    target: Target,
    format_: Format,
    now: float,
    *,
    metadata: Mapping[str, Any],
    include: str = "Metadata",
) -> bytes:
    """A list of objects; `metadata` is the list's own (resourceVersion, continue, remainingItemCount)."""
    if format_.shape is Shape.TABLE:
        rows = [table_row(decode(body), target, include, now) for body in bodies]
        made = table(target, rows, format_.meta_version, metadata["resourceVersion"])
        return encode({**made, "metadata": metadata})
    if format_.shape is Shape.PARTIAL:
        kind, api_version = "PartialObjectMetadataList", f"meta.k8s.io/{format_.meta_version}"
        bodies = [encode(_partial(body, format_.meta_version)) for body in bodies]
    else:
        kind, api_version = f"{target.entry.kind}List", target.api_version
        if not stored_in(target):
            bodies = [in_version(body, target) for body in bodies]
    head = encode({"kind": kind, "apiVersion": api_version, "metadata": metadata})
    return b'%s,"items":[%s]}' % (head[:-1], b",".join(bodies))


def answer(body: bytes, format_: Format, status: int = 200) -> Response:
    """An HTTP response with an encoded JSON object, turned into YAML when that was asked for."""
    if format_.yaml:
        text = yaml.safe_dump(decode(body), sort_keys=False, allow_unicode=True)
        return Response(text, status, media_type="application/yaml")
    return Response(body, status, media_type="application/json")
