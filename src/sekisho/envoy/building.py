"""Small helpers to write protobuf messages down."""

from typing import Any

from sekisho.protos import message, pack

XDS_CLUSTER = "sekisho-xds"
"""The static cluster of the agent's socket: ADS relay, and SDS for the proxy's own certificate."""
ADS: dict[str, Any] = {"ads": {}, "resource_api_version": "V3"}
"""A ConfigSource: ask the stream we are configured by."""


def new(full_name: str, /, **fields: Any) -> Any:
    """A message of this type. Submessages may be written as dicts; protobuf refuses unknown fields."""
    return message(full_name)(**fields)


def extension(name: str, full_name: str, /, **fields: Any) -> dict[str, Any]:
    """The pair of `name` and `typed_config` that all of Envoy's extension points have."""
    return {"name": name, "typed_config": pack(new(full_name, **fields))}


def attribute(name: str, text: str) -> dict[str, Any]:
    """An opentelemetry.proto.common.v1.KeyValue."""
    return {"key": name, "value": {"string_value": text}}


ON: dict[str, Any] = {"value": True}
OFF: dict[str, Any] = {"value": False}


def value(number: int) -> dict[str, Any]:
    """A wrapped number, which unlike a plain one can be absent."""
    return {"value": number}


def seconds(number: float) -> dict[str, int]:
    """A google.protobuf.Duration."""
    return milliseconds(round(number * 1000))


def milliseconds(number: int) -> dict[str, int]:
    """A google.protobuf.Duration."""
    whole, rest = divmod(number, 1000)
    return {"seconds": whole, "nanos": rest * 1_000_000}
