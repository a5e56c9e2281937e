"""Struct types → JSON Schema definitions, as Kubernetes clients read them in OpenAPI v2 and v3."""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import inspect

from sekisho.api.catalogue import Entry
from sekisho.api.openapi.lists import ATOMIC_TYPES, RULES, ListRule
from sekisho.model.kinds import Kind
from sekisho.model.meta import Resource

Schema = dict[str, Any]
Dialect = Literal["v2", "v3"]

_SHARED = "io.k8s.apimachinery.pkg.apis.meta.v1"
_SHARED_MODULE = "sekisho.model.meta"


def package(group: str, version: str) -> str:
    """What definition names of a group version begin with: `io.k8s.networking.gateway.v1`."""
    if not group:
        return f"io.k8s.api.core.{version}"
    return ".".join([*reversed(group.split(".")), version])


class Definitions:
    """Collects the definitions that some kinds need, each once."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._prefix = "#/definitions/" if dialect == "v2" else "#/components/schemas/"
        self.all: dict[str, Schema] = {}

    def add_kind(self, entry: Entry, version: str) -> str:
        """Adds a kind as served in one version and returns the name of its definition."""
        home = package(entry.group, version)
        name = f"{home}.{entry.kind}"
        if name not in self.all:
            if isinstance(entry.backing, Kind):
                info = inspect.type_info(entry.backing.type)
                assert isinstance(info, inspect.StructType)  # noqa: S101 - kinds are struct types
                self.all[name] = self._struct(info, home)
            else:
                self.all[name] = self._free(entry)
            self.all[name]["x-kubernetes-group-version-kind"] = [
                {"group": entry.group, "version": version, "kind": entry.kind}
            ]
        return name

    def _free(self, entry: Entry) -> Schema:
        """Reviews and synthetic kinds: identified, otherwise open."""
        text = getattr(entry.backing, "description", "") or f"{entry.kind}."
        properties: Schema = {
            "apiVersion": {"type": "string", "description": "Group and version of the kind."},
            "kind": {"type": "string", "description": "What kind of resource this is."},
            "metadata": {"type": "object", "description": "Name, labels and bookkeeping."},
            "spec": {"type": "object", "description": "What is asked.", **_open()},
            "status": {"type": "object", "description": "The answer.", **_open()},
        }
        return {"type": "object", "description": text, "properties": properties}

    def _struct(self, type_: inspect.StructType, home: str) -> Schema:
        schema: Schema = {"type": "object"}
        if type_.cls.__doc__:
            schema["description"] = " ".join(type_.cls.__doc__.split())
        schema["properties"] = {
            field.encode_name: self._field(type_.cls, field, home) for field in type_.fields
        }
        required = [
            field.encode_name
            for field in type_.fields
            if field.required and not _is_server_set(type_.cls, field)
        ]
        if required:
            schema["required"] = required
        if type_.cls.__name__ in ATOMIC_TYPES:
            schema["x-kubernetes-map-type"] = "atomic"
        return schema

    def _field(self, cls: type, field: inspect.Field, home: str) -> Schema:
        rule = RULES.get((cls.__name__, field.encode_name))
        schema = self._schema(field.type, home, rule)
        default = _default(field)
        if default is not None and "$ref" not in schema:
            schema["default"] = default
        return schema

    def _schema(self, type_: inspect.Type, home: str, rule: ListRule | None = None) -> Schema:
        if isinstance(type_, inspect.Metadata):
            schema = self._schema(type_.type, home, rule)
            description = (type_.extra_json_schema or {}).get("description")
            return {**schema, "description": description} if description else schema
        if isinstance(type_, inspect.UnionType):
            return self._union(type_, home, rule)
        if isinstance(type_, inspect.StructType):
            return self._reference(type_, home)
        if isinstance(type_, inspect.VarTupleType):
            return self._list(type_, home, rule)
        if isinstance(type_, inspect.DictType):
            schema = {"type": "object", "additionalProperties": self._schema(type_.value_type, home)}
            if isinstance(type_.value_type, inspect.AnyType):
                schema = {"type": "object", **_open()}
            return {**schema, **(rule.extensions(is_list=False) if rule else {})}
        return _scalar(type_)

    def _union(self, type_: inspect.UnionType, home: str, rule: ListRule | None) -> Schema:
        options = [option for option in type_.types if not isinstance(option, inspect.NoneType)]
        if len(options) == 1:
            return self._schema(options[0], home, rule)
        return {"type": "string", "format": "int-or-string"}

    def _reference(self, type_: inspect.StructType, home: str) -> Schema:
        name = f"{_SHARED if type_.cls.__module__ == _SHARED_MODULE else home}.{type_.cls.__name__}"
        if name not in self.all:
            self.all[name] = {}  # taken before its fields are looked at, in case they lead back here
            self.all[name] = self._struct(type_, home)
        reference = {"$ref": f"{self._prefix}{name}"}
        return reference if self._dialect == "v2" else {"allOf": [reference]}

    def _list(self, type_: inspect.VarTupleType, home: str, rule: ListRule | None) -> Schema:
        rule = rule or ListRule("atomic")
        schema: Schema = {"type": "array", "items": self._schema(type_.item_type, home)}
        for name, value in (("minItems", type_.min_length), ("maxItems", type_.max_length)):
            if value is not None:
                schema[name] = value
        return {**schema, **rule.extensions(is_list=True)}


def _open() -> Schema:
    return {"x-kubernetes-preserve-unknown-fields": True}


def _is_server_set(cls: type, field: inspect.Field) -> bool:
    """apiVersion, kind and metadata follow from the request, a name may be generated: not asked of users."""
    if cls.__name__ == "ObjectMeta":
        return field.encode_name == "name"
    return issubclass(cls, Resource) and field.encode_name in {"apiVersion", "kind", "metadata"}


def _default(field: inspect.Field) -> Any:
    if field.default in (None, (), msgspec.NODEFAULT):
        return None
    return field.default if isinstance(field.default, (str, int, bool)) and field.default != "" else None


def _present(pairs: Iterable[tuple[str, Any]]) -> Schema:
    return {name: value for name, value in pairs if value is not None}


def _scalar(type_: inspect.Type) -> Schema:
    match type_:
        case inspect.StrType():
            pattern = type_.pattern.replace(r"\Z", "$") if type_.pattern else None
            return {
                "type": "string",
                **_present(
                    (("minLength", type_.min_length), ("maxLength", type_.max_length), ("pattern", pattern))
                ),
            }
        case inspect.IntType():
            return {"type": "integer", **_present((("minimum", type_.ge), ("maximum", type_.le)))}
        case inspect.FloatType():
            return {"type": "number"}
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.BytesType():
            return {"type": "string", "format": "byte"}
        case inspect.LiteralType():
            values = list(type_.values)
            return {"type": "integer" if isinstance(values[0], int) else "string", "enum": values}
        case _:
            return _open()
