"""Bodies in Kubernetes' protobuf form, for the core kinds that typed Go clients send in no other.

`kubectl create namespace|secret|configmap|service` (1.33 and later) and the Gateway API conformance suite do.
The envelope is the four bytes `k8s\\0` and a runtime.Unknown; the field numbers below are those of
`k8s.io/api/**/generated.proto`. Answers stay JSON, which these clients accept.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sekisho.kit.clocks import rfc3339

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_MAX_VARINT_BITS = 63


class Malformed(Exception):
    """These bytes are no such message."""


class UnknownMessage(Exception):
    """A kind we read as JSON or YAML only."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    read: Callable[[Any], Any]
    """From the wire's value (bytes or int) to JSON's; None for what says nothing."""
    repeated: bool = False
    is_map: bool = False


_Message = Mapping[int, _Field]


def decode(body: bytes) -> dict[str, Any]:
    """The object in a body. Raises Malformed and UnknownMessage."""
    if not body.startswith(_MAGIC):
        raise Malformed("the body does not begin as Kubernetes protobuf does")
    envelope = _read(body[len(_MAGIC) :], _UNKNOWN)
    identity = envelope.get("typeMeta", {})
    kind = (identity.get("apiVersion", ""), identity.get("kind", ""))
    message = _KINDS.get(kind)
    if message is None:
        raise UnknownMessage(f"{kind[1] or 'this kind'} is not read as protobuf")
    return {**identity, **_read(envelope.get("raw", b""), message)}


def _read(data: bytes, message: _Message) -> dict[str, Any]:
    found: dict[str, Any] = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value, at = _value(data, at, key & 7)
        field = message.get(key >> 3)
        if field is not None:
            _put(found, field, value)
    return found


def _put(found: dict[str, Any], field: _Field, value: Any) -> None:
    read = field.read(value)
    if field.is_map:
        found.setdefault(field.name, {}).update(read)
    elif field.repeated:
        found.setdefault(field.name, []).append(read)
    elif read is not None:
        found[field.name] = read


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, _MAX_VARINT_BITS + 7, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, at
    raise Malformed("a number does not end")


def _value(data: bytes, at: int, wire_type: int) -> tuple[Any, int]:
    match wire_type:
        case 0:
            return _varint(data, at)
        case 2:
            size, at = _varint(data, at)
        case 1:
            size = 8
        case 5:
            size = 4
        case _:
            raise Malformed(f"unknown wire type {wire_type}")
    if size > len(data) - at:
        raise Malformed("a value ends beyond the body")
    return data[at : at + size], at + size


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise Malformed("expected bytes, found a number")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise Malformed("expected a number, found bytes")
    return value if value < 1 << _MAX_VARINT_BITS else value - (1 << _MAX_VARINT_BITS + 1)


def _string(value: Any) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as error:
        raise Malformed("a text is not UTF-8") from error


def _text(value: Any) -> str | None:
    """Go writes empty texts and zeros that were never set: they say nothing."""
    return _string(value) or None


def _integer(value: Any) -> int | None:
    return _number(value) or None


def _boolean(value: Any) -> bool:
    return bool(_number(value))


def _base64(value: Any) -> str:
    return base64.b64encode(_bytes(value)).decode()


def _time(value: Any) -> str | None:
    seconds = _read(_bytes(value), {1: _Field("seconds", _integer)}).get("seconds")
    if seconds is None:
        return None
    try:
        return rfc3339(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError) as error:
        raise Malformed("a time is out of range") from error


def _int_or_string(value: Any) -> int | str:
    read = _read(
        _bytes(value), {1: _Field("type", _integer), 2: _Field("int", _integer), 3: _Field("text", _text)}
    )
    return str(read.get("text", "")) if read.get("type") else int(read.get("int", 0))


def _message(fields: _Message) -> Callable[[Any], dict[str, Any] | None]:
    return lambda value: _read(_bytes(value), fields) or None


def _items(fields: _Message) -> Callable[[Any], dict[str, Any]]:
    return lambda value: _read(_bytes(value), fields)


def _map(name: str, read: Callable[[Any], Any] = _string) -> _Field:
    def entry(value: Any) -> dict[str, Any]:
        pair = _read(_bytes(value), {1: _Field("key", _string), 2: _Field("value", read)})
        return {pair.get("key", ""): pair.get("value", "")}

    return _Field(name, entry, is_map=True)


def _texts(*names: str) -> _Message:
    return {number: _Field(name, _text) for number, name in enumerate(names, 1) if name}


_UNKNOWN: _Message = {
    1: _Field("typeMeta", _message(_texts("apiVersion", "kind"))),
    2: _Field("raw", _bytes),
}
_OWNER: _Message = {
    1: _Field("kind", _text),
    3: _Field("name", _text),
    4: _Field("uid", _text),
    5: _Field("apiVersion", _text),
    6: _Field("controller", _boolean),
    7: _Field("blockOwnerDeletion", _boolean),
}
_METADATA: _Message = {
    **_texts("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"),
    7: _Field("generation", _integer),
    8: _Field("creationTimestamp", _time),
    9: _Field("deletionTimestamp", _time),
    10: _Field("deletionGracePeriodSeconds", _integer),
    11: _map("labels"),
    12: _map("annotations"),
    13: _Field("ownerReferences", _items(_OWNER), repeated=True),
    14: _Field("finalizers", _string, repeated=True),
}
_META = {1: _Field("metadata", _message(_METADATA))}
_NAMESPACE: _Message = {
    **_META,
    2: _Field("spec", _message({1: _Field("finalizers", _string, repeated=True)})),
    3: _Field("status", _message(_texts("phase"))),
}
_SECRET: _Message = {
    **_META,
    2: _map("data", _base64),
    3: _Field("type", _text),
    4: _map("stringData"),
    5: _Field("immutable", _boolean),
}
_CONFIG_MAP: _Message = {
    **_META,
    2: _map("data"),
    3: _map("binaryData", _base64),
    4: _Field("immutable", _boolean),
}
_SERVICE_PORT: _Message = {
    1: _Field("name", _text),
    2: _Field("protocol", _text),
    3: _Field("port", _integer),
    4: _Field("targetPort", _int_or_string),
    5: _Field("nodePort", _integer),
    6: _Field("appProtocol", _text),
}
_AFFINITY: _Message = {1: _Field("clientIP", _message({1: _Field("timeoutSeconds", _integer)}))}
_SERVICE_SPEC: _Message = {
    1: _Field("ports", _items(_SERVICE_PORT), repeated=True),
    2: _map("selector"),
    3: _Field("clusterIP", _text),
    4: _Field("type", _text),
    5: _Field("externalIPs", _string, repeated=True),
    7: _Field("sessionAffinity", _text),
    8: _Field("loadBalancerIP", _text),
    9: _Field("loadBalancerSourceRanges", _string, repeated=True),
    10: _Field("externalName", _text),
    11: _Field("externalTrafficPolicy", _text),
    12: _Field("healthCheckNodePort", _integer),
    13: _Field("publishNotReadyAddresses", lambda value: _boolean(value) or None),
    14: _Field("sessionAffinityConfig", _message(_AFFINITY)),
    17: _Field("ipFamilyPolicy", _text),
    18: _Field("clusterIPs", _string, repeated=True),
    19: _Field("ipFamilies", _string, repeated=True),
    20: _Field("allocateLoadBalancerNodePorts", _boolean),
    21: _Field("loadBalancerClass", _text),
    22: _Field("internalTrafficPolicy", _text),
    23: _Field("trafficDistribution", _text),
}
_SERVICE: _Message = {**_META, 2: _Field("spec", _message(_SERVICE_SPEC))}
_DELETE_OPTIONS: _Message = {
    1: _Field("gracePeriodSeconds", _number),
    2: _Field("preconditions", _message(_texts("uid", "resourceVersion"))),
    4: _Field("propagationPolicy", _text),
    5: _Field("dryRun", _string, repeated=True),
}

_KINDS: Mapping[tuple[str, str], _Message] = {
    ("v1", "Namespace"): _NAMESPACE,
    ("v1", "Secret"): _SECRET,
    ("v1", "ConfigMap"): _CONFIG_MAP,
    ("v1", "Service"): _SERVICE,
    ("v1", "DeleteOptions"): _DELETE_OPTIONS,
    ("meta.k8s.io/v1", "DeleteOptions"): _DELETE_OPTIONS,
}
