"""OpenAPI: what clients look for in the documents, and their protobuf form."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.unit.api.harness import Api

from sekisho.api.openapi import protobuf
from sekisho.model.kinds import KINDS

ROUTE = "io.k8s.networking.gateway.v1.HTTPRoute"


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


async def test_every_reference_leads_to_a_definition(api: Api) -> None:
    v2 = await api.ok("GET", "/openapi/v2")
    assert {ref.removeprefix("#/definitions/") for ref in references(v2)} <= set(v2["definitions"])
    for path in (await api.ok("GET", "/openapi/v3"))["paths"]:
        v3 = await api.ok("GET", f"/openapi/v3/{path}")
        assert {ref.removeprefix("#/components/schemas/") for ref in references(v3)} <= set(
            v3["components"]["schemas"]
        )


@pytest.mark.parametrize("group", sorted({kind.group for kind in KINDS.values()}))
def test_no_two_types_of_a_group_share_the_name_of_a_definition(group: str) -> None:
    """`Definitions` names them by class within a group: the second would be explained as the first."""
    owners: dict[str, set[str]] = {}
    roots = [kind.type for kind in KINDS.values() if kind.group == group]
    for one in msgspec.inspect.multi_type_info(roots):
        for struct in structs_in(one):
            owners.setdefault(struct.cls.__name__, set()).add(struct.cls.__module__)
    assert {name: sorted(modules) for name, modules in owners.items() if len(modules) > 1} == {}


def structs_in(type_: Any) -> Iterator[msgspec.inspect.StructType]:
    """All struct types that a type is made of."""
    if isinstance(type_, msgspec.inspect.StructType):
        yield type_
        for field in type_.fields:
            yield from structs_in(field.type)
    for name in ("type", "item_type", "value_type"):
        if isinstance(inner := getattr(type_, name, None), msgspec.inspect.Type):
            yield from structs_in(inner)
    for option in getattr(type_, "types", ()):
        yield from structs_in(option)


async def test_every_kind_and_version_has_its_definition_and_its_paths(api: Api) -> None:
    v2 = await api.ok("GET", "/openapi/v2")
    named = {
        (kind["group"], kind["version"], kind["kind"])
        for schema in v2["definitions"].values()
        for kind in schema.get("x-kubernetes-group-version-kind", ())
    }
    expected = {
        (entry.group, version, entry.kind)
        for entry in api.app.catalogue.entries
        for version in entry.versions
    }
    assert named == expected
    patch = v2["paths"]["/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/{name}"][
        "patch"
    ]
    assert patch["x-kubernetes-group-version-kind"]["kind"] == "HTTPRoute"
    assert {"dryRun", "fieldValidation", "fieldManager"} <= {each["name"] for each in patch["parameters"]}


async def test_fields_carry_their_descriptions_bounds_and_choices(api: Api) -> None:
    definitions = (await api.ok("GET", "/openapi/v2"))["definitions"]
    port = definitions["io.k8s.api.core.v1.ServicePort"]
    assert port["required"] == ["port"]
    assert port["properties"]["protocol"]["enum"] == ["SCTP", "TCP", "UDP"]
    assert port["properties"]["protocol"]["default"] == "TCP"
    assert port["properties"]["port"] | {"description": ""} == {
        "type": "integer",
        "minimum": 1,
        "maximum": 65535,
        "description": "",
    }
    assert port["properties"]["targetPort"]["format"] == "int-or-string"
    assert definitions[ROUTE]["properties"]["spec"]["description"]
    assert "required" not in definitions["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]


async def test_keyed_lists_say_their_keys(api: Api) -> None:
    definitions = (await api.ok("GET", "/openapi/v2"))["definitions"]
    ports = definitions["io.k8s.api.core.v1.ServiceSpec"]["properties"]["ports"]
    assert ports["x-kubernetes-list-map-keys"] == ["port", "protocol"]
    assert ports["x-kubernetes-patch-merge-key"] == "port"
    assert ports["x-kubernetes-patch-strategy"] == "merge"
    rules = definitions["io.k8s.networking.gateway.v1.HttpRouteSpec"]
    assert rules["properties"]["rules"]["x-kubernetes-list-type"] == "atomic"


async def test_v3_documents_are_found_by_hash(api: Api) -> None:
    paths = (await api.ok("GET", "/openapi/v3"))["paths"]
    url = paths["apis/gateway.networking.k8s.io/v1"]["serverRelativeURL"]
    assert re.fullmatch(r"/openapi/v3/apis/gateway\.networking\.k8s\.io/v1\?hash=[0-9a-f]{32}", url)
    assert ROUTE in (await api.ok("GET", url))["components"]["schemas"]
    await api.refused(404, "GET", "/openapi/v3/apis/nowhere/v1")
    v3_protobuf = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"
    await api.refused(406, "GET", "/openapi/v3/api/v1", accept=v3_protobuf)


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """A plain reader of the protobuf wire format, to look at what was written."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            size = 8 if key & 7 == 1 else varint()
            yield key >> 3, data[at : at + size]
            at += size


def only(data: bytes, number: int) -> list[Any]:
    return [value for field, value in fields(data) if field == number]


async def test_old_kubectls_get_the_document_as_protobuf(api: Api) -> None:
    answer = await api.call("GET", "/openapi/v2", accept=protobuf.MEDIA_TYPE)
    document = answer.content
    assert only(document, 1) == [b"2.0"]
    definitions = {only(named, 1)[0].decode(): only(named, 2)[0] for named in only(only(document, 9)[0], 1)}
    port = definitions["io.k8s.api.core.v1.ServicePort"]
    properties = {only(named, 1)[0]: only(named, 2)[0] for named in only(only(port, 25)[0], 1)}
    assert only(port, 19) == [b"port"]
    assert only(only(properties[b"port"], 22)[0], 1) == [b"integer"]
    assert set(definitions) == set((await api.ok("GET", "/openapi/v2"))["definitions"])
    await api.refused(406, "GET", "/openapi/v2", accept="application/x-protobuf")


@pytest.mark.parametrize(
    ("value", "written"), [(0, b"\x00"), (127, b"\x7f"), (300, b"\xac\x02"), (-1, b"\xff" * 9 + b"\x01")]
)
def test_numbers_are_written_as_varints(value: int, written: bytes) -> None:
    assert protobuf._varint(value) == written
