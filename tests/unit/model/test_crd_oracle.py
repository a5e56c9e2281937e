"""Our structs against the schemas of the upstream CRDs, field by field."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import inspect

from sekisho.model import defaults, document
from sekisho.model.kinds import KINDS

GATEWAY_KINDS = (
    "GatewayClass", "Gateway", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "ReferenceGrant",
    "BackendTLSPolicy", "ListenerSet",
)  # fmt: skip
EXPERIMENTAL_KINDS = ("XMesh", "XBackend", "XBackendTrafficPolicy")
"""Of the group that the experimental channel alone has."""

STRICTER = {
    "matchExpressions[].operator": "upstream takes any text and then selects nothing",
    "addresses[].type": "upstream's pattern lacks its anchors: `xIPAddress` would do",
}
"""Where we refuse on purpose what the schema takes."""

SAMPLES = (
    *(
        "",
        "a",
        "A",
        "-",
        "a-",
        "-a",
        "a.b",
        "a..b",
        ".a",
        "a.",
        "*",
        "*.a",
        "*.a.b",
        "*a",
        "a.*",
        "a_b",
        "a/b",
    ),
    *(
        "sekisho.dev/x",
        "a/",
        "/a",
        "/a%2",
        "/a%2F",
        "Hostname",
        "IPAddress",
        "x-1",
        "1",
        "0",
        "1.2.3.4",
        "http",
    ),
    *(
        "https://a",
        "http://*.a:80",
        "http://*",
        "ftp://a",
        "https://a:999999",
        "1s",
        "1m30s",
        "1.5s",
        "s",
        "1d",
    ),
    *(
        "1h1m1s1ms",
        "a b",
        "a  b",
        " a",
        "a ",
        "a\tb",
        "é",
        "x`y",
        "x|y",
        "x:y",
        "%41",
        "(a)",
        "a,b",
        "A/b",
        "HTTP",
    ),
)


@cache
def crd(upstream: Path, channel: str, kind: str) -> dict[str, Any]:
    file = upstream / "crd" / channel / f"{KINDS[kind].group}_{KINDS[kind].plural}.yaml"
    return yaml.load(file.read_text(), yaml.CSafeLoader)["spec"]


def schema_of(upstream: Path, channel: str, kind: str) -> dict[str, Any]:
    wanted = KINDS[kind].version
    (version,) = [one for one in crd(upstream, channel, kind)["versions"] if one["name"] == wanted]
    return version["schema"]["openAPIV3Schema"]["properties"]["spec"]


def spec_type(kind: str) -> inspect.Type:
    info = inspect.type_info(KINDS[kind].type)
    assert isinstance(info, inspect.StructType)
    (field,) = [field for field in info.fields if field.name == "spec"]
    return bare(field.type)


def bare(type_: inspect.Type) -> inspect.Type:
    """Without descriptions and `| None`."""
    while True:
        match type_:
            case inspect.Metadata():
                type_ = type_.type
            case inspect.UnionType():
                (type_,) = [option for option in type_.types if not isinstance(option, inspect.NoneType)]
            case _:
                return type_


def differences(schema: Mapping[str, Any], type_: inspect.Type, path: str) -> Iterator[str]:
    match bare(type_):
        case inspect.StructType() as struct:
            yield from field_differences(schema, struct, path)
        case inspect.VarTupleType() as many:
            yield from limits(schema, path, minItems=many.min_length, maxItems=many.max_length)
            yield from differences(schema["items"], many.item_type, f"{path}[]")
        case inspect.DictType() as mapping:
            yield from limits(schema, path, maxProperties=mapping.max_length)
            yield from differences(schema["additionalProperties"], mapping.value_type, f"{path}{{}}")
        case inspect.LiteralType() as literal:
            yield from enum_differences(schema, literal, path)
        case inspect.IntType() as number:
            highest = None if number.le == 2**31 - 1 and schema.get("format") == "int32" else number.le
            yield from limits(schema, path, minimum=number.ge, maximum=highest)
        case inspect.StrType() as text:
            low = text.min_length if text.min_length or schema.get("minLength") else schema.get("minLength")
            yield from limits(schema, path, minLength=low, maxLength=text.max_length)
            yield from pattern_differences(schema, text, path)
        case inspect.BoolType():
            if schema["type"] != "boolean":
                yield f"{path}: {schema['type']} is boolean"
        case other:
            yield f"{path}: nobody compares {other}"


def field_differences(schema: Mapping[str, Any], struct: inspect.StructType, path: str) -> Iterator[str]:
    ours = {field.encode_name: field for field in struct.fields}
    theirs = schema.get("properties", {})
    yield from (f"{path}.{name}: upstream only" for name in sorted(theirs.keys() - ours.keys()))
    yield from (f"{path}.{name}: ours only" for name in sorted(ours.keys() - theirs.keys()))
    for name in sorted(ours.keys() & theirs.keys()):
        field, where = ours[name], f"{path}.{name}"
        if field.required != (name in schema.get("required", ())):
            yield f"{where}: required here is {field.required}"
        if defaults._default(field) != theirs[name].get("default"):
            yield f"{where}: default {theirs[name].get('default')!r} is {defaults._default(field)!r}"
        described = isinstance(field.type, inspect.Metadata) and field.type.extra_json_schema
        if not described or not described.get("description"):
            yield f"{where}: has no description"
        yield from differences(theirs[name], field.type, where)


def enum_differences(schema: Mapping[str, Any], literal: inspect.LiteralType, path: str) -> Iterator[str]:
    if "enum" in schema:
        if sorted(schema["enum"]) != sorted(literal.values):
            yield f"{path}: enum {schema['enum']} is {literal.values}"
    elif not any(path.endswith(tail) for tail in STRICTER):
        yield f"{path}: we have an enum and upstream has none"


def limits(schema: Mapping[str, Any], path: str, **ours: int | None) -> Iterator[str]:
    for name, value in ours.items():
        if schema.get(name) != value:
            yield f"{path}: {name} {schema.get(name)} is {value}"


def pattern_differences(schema: Mapping[str, Any], text: inspect.StrType, path: str) -> Iterator[str]:
    if any(path.endswith(tail) for tail in STRICTER):
        return
    for sample in SAMPLES:
        theirs = re.search(schema.get("pattern", ""), sample) is not None
        ours = re.search(text.pattern or "", sample) is not None
        if theirs != ours:
            yield f"{path}: {sample!r} matches upstream {theirs}, here {ours}"


@pytest.mark.parametrize("kind", [*GATEWAY_KINDS, *EXPERIMENTAL_KINDS])
def test_every_field_of_the_experimental_crd_is_ours_and_the_other_way_round(
    upstream: Path, kind: str
) -> None:
    schema = schema_of(upstream, "experimental", kind)
    assert list(differences(schema, spec_type(kind), "spec")) == []


@pytest.mark.parametrize("kind", GATEWAY_KINDS)
def test_every_field_of_the_standard_crd_is_ours(upstream: Path, kind: str) -> None:
    missing = [
        difference
        for difference in differences(schema_of(upstream, "standard", kind), spec_type(kind), "spec")
        if difference.endswith("upstream only")
    ]
    assert missing == []


@pytest.mark.parametrize("kind", [*GATEWAY_KINDS, *EXPERIMENTAL_KINDS])
def test_names_and_versions_are_those_of_the_crd(upstream: Path, kind: str) -> None:
    ours = KINDS[kind]
    theirs = crd(upstream, "experimental" if kind in EXPERIMENTAL_KINDS else "standard", kind)
    names = theirs["names"]
    assert (names["kind"], names["plural"], names["singular"]) == (ours.kind, ours.plural, ours.singular)
    if kind != "XMesh":  # `mesh` is the singular of our own Mesh
        assert tuple(names.get("shortNames", ())) == ours.short_names
    assert tuple(names["categories"]) == ours.categories
    assert theirs["group"] == ours.group
    assert (theirs["scope"] == "Namespaced") == ours.namespaced
    served = {version["name"] for version in theirs["versions"] if version["served"]}
    assert served == set(ours.served_versions)
    (stored,) = [version for version in theirs["versions"] if version["name"] == ours.version]
    assert ("status" in stored.get("subresources", {})) == ours.has_status
    status = stored["schema"]["openAPIV3Schema"]["properties"].get("status", {})
    assert status.get("default") == ours.default_status


def upstream_default(schema: Mapping[str, Any], value: Any) -> Any:
    """Structural defaulting as Kubernetes documents it: fill what is absent, then go into what is there."""
    if isinstance(value, list) and "items" in schema:
        return [upstream_default(schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    filled = dict(value)
    for name, property_ in properties.items():
        if name not in filled and "default" in property_:
            filled[name] = property_["default"]
    return {name: upstream_default(properties.get(name, {}), item) for name, item in filled.items()}


def test_the_examples_get_exactly_the_defaults_that_the_crds_give_them(upstream: Path) -> None:
    seen = 0
    for file in sorted((upstream / "examples").rglob("*.yaml")):
        for written in yaml.load_all(file.read_text(), yaml.CSafeLoader):
            if not written or written["kind"] not in GATEWAY_KINDS:
                continue
            if written["apiVersion"].rpartition("/")[2] in KINDS[written["kind"]].served_versions:
                expected = upstream_default(
                    schema_of(upstream, "experimental", written["kind"]), written["spec"]
                )
                assert document.check(written["kind"], written).object["spec"] == expected, file
                seen += 1
    assert seen > 50
