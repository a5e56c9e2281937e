"""The v2 document as protobuf, the only form old kubectls read it in.

The messages are those of gnostic's `openapiv2/OpenAPIv2.proto` (package openapi.v2); only the fields that
our documents have are written. Numbers below are its field numbers.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"

Field = Callable[[Any], bytes]

_LENGTH_DELIMITED = 2
_VARINT = 0


def encode(document: Mapping[str, Any]) -> bytes:
    """An `openapi.v2.Document`."""
    paths = (_message(2, _named(path, _path_item(item))) for path, item in document["paths"].items())
    definitions = (
        _message(1, _named(name, _schema(schema))) for name, schema in document["definitions"].items()
    )
    return b"".join(
        (
            _text(1, document["swagger"]),
            _message(2, _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])),
            _message(8, b"".join(paths)),
            _message(9, b"".join(definitions)),
        )
    )


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative int64 values are written in two's complement
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _integer(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _message(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(body)) + body


def _text(number: int, value: str) -> bytes:
    return _message(number, value.encode()) if value else b""


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _any(value: Any) -> bytes:
    """`Any{yaml}`: JSON is YAML."""
    return _text(2, msgspec.json.encode(value).decode())


def _named(name: str, value: bytes) -> bytes:
    """One entry of a map, as gnostic writes them: NamedSchema, NamedPathItem, NamedAny."""
    return _text(1, name) + _message(2, value)


def _extensions(number: int, source: Mapping[str, Any]) -> bytes:
    names: Iterable[str] = (name for name in source if name.startswith("x-"))
    return b"".join(_message(number, _named(name, _any(source[name]))) for name in names)


def _schema(schema: Mapping[str, Any]) -> bytes:
    written = b"".join(write(schema[name]) for name, write in _SCHEMA_FIELDS.items() if name in schema)
    return written + _extensions(31, schema)


def _properties(properties: Mapping[str, Any]) -> bytes:
    return b"".join(_message(1, _named(name, _schema(schema))) for name, schema in properties.items())


_SCHEMA_FIELDS: Mapping[str, Field] = {
    "$ref": lambda value: _text(1, value),
    "format": lambda value: _text(2, value),
    "description": lambda value: _text(4, value),
    "default": lambda value: _message(5, _any(value)),
    "maximum": lambda value: _double(7, value),
    "minimum": lambda value: _double(9, value),
    "maxLength": lambda value: _integer(11, value),
    "minLength": lambda value: _integer(12, value),
    "pattern": lambda value: _text(13, value),
    "maxItems": lambda value: _integer(14, value),
    "minItems": lambda value: _integer(15, value),
    "required": lambda value: b"".join(_text(19, name) for name in value),
    "enum": lambda value: b"".join(_message(20, _any(each)) for each in value),
    "additionalProperties": lambda value: _message(21, _message(1, _schema(value))),
    "type": lambda value: _message(22, _text(1, value)),
    "items": lambda value: _message(23, _message(1, _schema(value))),
    "properties": lambda value: _message(25, _properties(value)),
}

_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}


def _path_item(item: Mapping[str, Any]) -> bytes:
    return b"".join(_message(_METHODS[method], _operation(operation)) for method, operation in item.items())


def _operation(operation: Mapping[str, Any]) -> bytes:
    parameters = (_message(8, _query_parameter(each)) for each in operation["parameters"])
    return _text(5, operation["operationId"]) + b"".join(parameters) + _extensions(13, operation)


def _query_parameter(parameter: Mapping[str, Any]) -> bytes:
    """ParametersItem{parameter{non_body_parameter{query_parameter_sub_schema}}}."""
    schema = _text(2, "query") + _text(4, parameter["name"]) + _text(6, parameter["type"])
    return _message(1, _message(2, _message(3, schema)))
