"""Reading what a client sent: bounded in size, time and depth before anything looks at its meaning."""

import asyncio
from typing import Any

from starlette.requests import ClientDisconnect, Request

from sekisho.api.errors import ApiError, bad_request, too_large, unsupported_media_type
from sekisho.api.limits import Limits
from sekisho.model import jsontext
from sekisho.model.problems import Invalid

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


def decode(body: bytes, content_type: str, limits: Limits) -> Any:
    """The document in a JSON or YAML body. Raises 400 or 415."""
    if content_type in JSON_TYPES:
        return decode_json(body, limits)
    if content_type in YAML_TYPES:
        return decode_yaml(body, limits)
    raise unsupported_media_type(
        f"the media type {content_type!r} is not supported: send application/json or application/yaml"
    )


def decode_json(body: bytes, limits: Limits) -> Any:
    """Strict JSON: no duplicate keys, no NaN, not too deep. Raises 400."""
    try:
        return jsontext.parse(body, max_bytes=limits.body_bytes, max_depth=limits.depth)
    except Invalid as error:
        raise _malformed(error) from error


def decode_yaml(body: bytes, limits: Limits) -> Any:
    """One YAML document, or JSON, which is what kubectl puts into apply-patch+yaml. Raises 400."""
    if body.lstrip()[:1] == b"{":
        return decode_json(body, limits)
    raise unsupported_media_type("YAML is not supported yet")


def _malformed(error: Invalid) -> ApiError:
    return bad_request("; ".join(problem.message for problem in error.problems))
