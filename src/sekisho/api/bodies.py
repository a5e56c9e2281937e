"""Reading what a client sent: bounded in size, time and depth before anything looks at its meaning."""

import asyncio
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

from sekisho.api import wire
from sekisho.api.errors import ApiError, bad_request, too_large, unsupported_media_type
from sekisho.api.limits import Limits
from sekisho.model import jsontext, yaml
from sekisho.model.problems import Invalid

_LONG_YAML = 16 * 1024
"""Bytes that are read beside the event loop, at some microseconds each, so that others need not wait."""

JSON_TYPES = frozenset({"application/json", ""})
YAML_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml"})


async def read(request: Request, limits: Limits) -> bytes:
    """The whole body. Raises 413, 415 (compressed) or 408 (too slow)."""
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in {"identity", ""}:
        raise unsupported_media_type(
            f"the content encoding {encoding!r} is not supported: send the body as it is"
        )
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limits.body_bytes:
        raise too_large(limits.body_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.body_bytes:
                    raise too_large(limits.body_bytes)
    except TimeoutError as error:
        raise ApiError(408, "Timeout", "the request body did not arrive in time") from error
    except ClientDisconnect as error:
        raise bad_request("the request body ended early") from error
    return bytes(body)


def media_type(request: Request) -> str:
    """The Content-Type without its parameters, in lower case; empty when there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def decode(body: bytes, content_type: str, limits: Limits) -> Any:
    """The document in a body of JSON, YAML or protobuf. Raises 400 or 415."""
    if content_type in JSON_TYPES:
        return decode_json(body, limits)
    if content_type in YAML_TYPES:
        return await decode_yaml(body, limits)
    if content_type == wire.MEDIA_TYPE:
        return _decode_protobuf(body)
    raise unsupported_media_type(
        f"the media type {content_type!r} is not supported: send application/json or application/yaml"
    )


def decode_json(body: bytes, limits: Limits) -> Any:
    """Strict JSON: no duplicate keys, no NaN, not too deep. Raises 400."""
    try:
        return jsontext.parse(body, max_bytes=limits.body_bytes, max_depth=limits.depth)
    except Invalid as error:
        raise _malformed(error) from error


async def decode_yaml(body: bytes, limits: Limits) -> Any:
    """One YAML document, or JSON, which is what kubectl puts into apply-patch+yaml. Raises 400."""
    if body.lstrip()[:1] == b"{":
        return decode_json(body, limits)
    if len(body) > limits.yaml_bytes:
        raise too_large(limits.yaml_bytes)
    if len(body) > _LONG_YAML:
        return await asyncio.to_thread(_decode_yaml, body, limits)
    return _decode_yaml(body, limits)


def _decode_yaml(body: bytes, limits: Limits) -> Any:
    try:
        documents = yaml.load(body.decode())
    except UnicodeDecodeError as error:
        raise bad_request("the body is not UTF-8") from error
    except Invalid as error:
        raise _malformed(error) from error
    if len(documents) != 1:
        raise bad_request(f"the body holds {len(documents)} documents, expected one")
    value = documents[0].value
    if len(msgspec.json.encode(value)) > limits.body_bytes:  # aliases may stand for long texts
        raise too_large(limits.body_bytes)
    return value


def _decode_protobuf(body: bytes) -> Any:
    try:
        return wire.decode(body)
    except wire.Malformed as error:
        raise bad_request(f"the body is not valid protobuf: {error}") from error
    except wire.UnknownMessage as error:
        raise unsupported_media_type(f"{error}: send application/json or application/yaml") from error


def _malformed(error: Invalid) -> ApiError:
    return bad_request("; ".join(map(str, error.problems)))
