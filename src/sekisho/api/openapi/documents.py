"""The OpenAPI documents: one for everything in v2, one per group version in v3."""

from typing import Any

import msgspec
import xxhash

from sekisho.api.authorization import Verb
from sekisho.api.catalogue import Catalogue, Entry
from sekisho.api.openapi.schemas import Definitions, Dialect, Schema

_INFO = {"title": "Sekisho", "version": "v1"}

_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_QUERY = {
    Verb.LIST: (
        "continue",
        "fieldSelector",
        "labelSelector",
        "limit",
        "resourceVersion",
        "timeoutSeconds",
        "watch",
    ),
    Verb.CREATE: _WRITE,
    Verb.DELETE_COLLECTION: (
        "continue",
        "dryRun",
        "fieldSelector",
        "labelSelector",
        "limit",
        "propagationPolicy",
        "resourceVersion",
        "uid",
    ),
    Verb.GET: (),
    Verb.UPDATE: _WRITE,
    Verb.PATCH: (*_WRITE, "force"),
    Verb.DELETE: ("dryRun", "gracePeriodSeconds", "propagationPolicy", "resourceVersion", "uid"),
}
_COLLECTION = {"get": Verb.LIST, "post": Verb.CREATE, "delete": Verb.DELETE_COLLECTION}
_OBJECT = {"get": Verb.GET, "put": Verb.UPDATE, "patch": Verb.PATCH, "delete": Verb.DELETE}
_TYPES = {"limit": "integer", "timeoutSeconds": "integer", "gracePeriodSeconds": "integer"} | {
    "watch": "boolean",
    "force": "boolean",
}


def document_v2(catalogue: Catalogue) -> dict[str, Any]:
    """`/openapi/v2`."""
    definitions, paths = Definitions("v2"), {}
    for entry in catalogue.entries:
        for version in entry.versions:
            definitions.add_kind(entry, version)
            paths.update(_paths(entry, version, "v2"))
    return {"swagger": "2.0", "info": _INFO, "paths": paths, "definitions": definitions.all}


def documents_v3(catalogue: Catalogue) -> dict[str, dict[str, Any]]:
    """`/openapi/v3/{key}` by key: `api/v1`, `apis/{group}/{version}`."""
    made: dict[str, dict[str, Any]] = {}
    for group, versions in catalogue.groups.items():
        for version in versions:
            definitions, paths = Definitions("v3"), {}
            for entry in catalogue.of_version(group, version):
                definitions.add_kind(entry, version)
                paths.update(_paths(entry, version, "v3"))
            made[_root(group, version)] = {
                "openapi": "3.0.0",
                "info": _INFO,
                "paths": paths,
                "components": {"schemas": definitions.all},
            }
    return made


def index_v3(encoded: dict[str, bytes]) -> dict[str, Any]:
    """`/openapi/v3`: where each document is, with its hash, so that clients keep what has not changed."""
    return {
        "paths": {
            key: {"serverRelativeURL": f"/openapi/v3/{key}?hash={xxhash.xxh3_128_hexdigest(body)}"}
            for key, body in encoded.items()
        }
    }


def encoded_v3(catalogue: Catalogue) -> dict[str, bytes]:
    """The v3 documents as JSON."""
    return {key: msgspec.json.encode(document) for key, document in documents_v3(catalogue).items()}


def _root(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _paths(entry: Entry, version: str, dialect: Dialect) -> dict[str, Schema]:
    """The paths of one resource; the operations name their kind, which is how clients find it."""
    base = f"/{_root(entry.group, version)}"
    if entry.namespaced:
        base += "/namespaces/{namespace}"
    collection = f"{base}/{entry.plural}"
    identity = {"group": entry.group, "version": version, "kind": entry.kind}
    found = {
        path: {
            method: _operation(entry, version, verb, identity, dialect)
            for method, verb in methods.items()
            if verb in entry.verbs
        }
        for path, methods in ((collection, _COLLECTION), (f"{collection}/{{name}}", _OBJECT))
    }
    return {path: operations for path, operations in found.items() if operations}


def _operation(entry: Entry, version: str, verb: Verb, identity: dict[str, str], dialect: Dialect) -> Schema:
    parameters = [_parameter(name, dialect) for name in _QUERY[verb]]
    return {
        "operationId": f"{verb}{entry.group.replace('.', '_')}_{version}_{entry.kind}",
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": {"create": "post", "update": "put"}.get(verb, str(verb)),
        "x-kubernetes-group-version-kind": identity,
    }


def _parameter(name: str, dialect: Dialect) -> Schema:
    type_ = {"type": _TYPES.get(name, "string")}
    common = {"name": name, "in": "query"}
    return {**common, **type_} if dialect == "v2" else {**common, "schema": type_}
