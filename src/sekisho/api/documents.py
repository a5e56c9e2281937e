"""Documents on their way into the store: who they are, whether they are right, and the write itself."""

import secrets
from typing import Any

from sekisho.api import representation
from sekisho.api.call import Call, Parts
from sekisho.api.errors import ApiError, already_exists, bad_request, conflict, invalid, not_found
from sekisho.model.document import check, check_change, decode
from sekisho.model.names import ResourceId
from sekisho.model.problems import Invalid, Problem
from sekisho.store.objects import Stamp, apply
from sekisho.store.protocol import AlreadyExists, Conflict, NotFound, Record, Write

Document = dict[str, Any]

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""As in Kubernetes: no vowels, so that no words come out."""
_MAX_GENERATED_BASE = 58


def identified(document: Any, call: Call) -> tuple[Document, ResourceId]:
    """The document with the name and namespace it is to have. Raises 400 when path and document disagree."""
    if not isinstance(document, dict):
        raise bad_request("the body is not an object")
    metadata = document.get("metadata", {})
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise _invalid(call, "", [Problem("metadata", "expected an object", reason="FieldValueTypeInvalid")])
    metadata = {**metadata, "name": _name(metadata, call)}
    if call.kind.namespaced:
        metadata["namespace"] = _namespace(metadata, call)
    elif metadata.pop("namespace", ""):
        raise bad_request(f"{call.kind.kind} is cluster-scoped: metadata.namespace must be left out")
    id = ResourceId(call.kind.kind, call.target.namespace or "", metadata["name"])
    return {**document, "metadata": metadata}, id


def _name(metadata: Document, call: Call) -> str:
    name, wanted = metadata.get("name"), call.target.name
    if wanted and name not in {wanted, None, ""}:
        raise bad_request(
            f"the name of the object ({str(name)[:80]}) does not match the name on the URL ({wanted})"
        )
    if wanted or (isinstance(name, str) and name):
        return wanted or str(name)
    base = metadata.get("generateName")
    if isinstance(base, str) and base:
        return base[:_MAX_GENERATED_BASE] + "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
    problem = Problem("metadata.name", "name or generateName is required", reason="FieldValueRequired")
    raise _invalid(call, "", [problem])


def _namespace(metadata: Document, call: Call) -> str:
    wanted = call.target.namespace
    if not wanted:
        raise ApiError(
            405, "MethodNotAllowed", "the server does not allow this method on all namespaces at once"
        )
    if metadata.get("namespace") not in {wanted, None, ""}:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return wanted


def checked(document: Document, call: Call, id: ResourceId, old: Record | None = None) -> Document:
    """The document with its defaults. Raises 422 with every mistake.

    managedFields go around the check: they are the server's, long, and change with every write.
    """
    metadata = dict(document["metadata"])
    managed = metadata.pop("managedFields", None)
    document = {**document, "metadata": metadata}
    try:
        found = check(call.kind.kind, document)
        if old is not None:
            check_change(decode(call.kind.kind, old.body), found.resource)
    except Invalid as error:
        raise _invalid(call, id.name, error.problems) from error
    if managed is not None:
        found.object["metadata"]["managedFields"] = managed
    return found.object


def _invalid(call: Call, name: str, problems: Any) -> ApiError:
    return invalid(call.kind.kind, call.kind.group, name, problems)


async def store(
    parts: Parts, call: Call, write: Write, old: Record | None, *, dry_run: bool
) -> Record | None:
    """Does one write, or says what it would have done. None when somebody else wrote in between.

    Raises 404 and 409 (already exists).
    """
    try:
        if dry_run:
            return _pretend(parts, write, old or await found(parts, write.id))
        (result,) = await parts.store.write([write])
        if isinstance(result, Exception):
            raise result
    except NotFound as error:
        raise not_found(call.kind.plural, call.kind.group, write.id.name) from error
    except AlreadyExists as error:
        raise already_exists(call.kind.plural, call.kind.group, write.id.name) from error
    except Conflict:
        return None
    return result


async def found(parts: Parts, id: ResourceId) -> Record | None:
    """The resource as stored, or None."""
    try:
        return await parts.store.get(id)
    except NotFound:
        return None


def _pretend(parts: Parts, write: Write, old: Record | None) -> Record:
    """What the store would answer. An object that was never written has no uid and no revision."""
    stamp = Stamp(old.revision if old else 0, parts.now, lambda: "")
    event = apply(write, old, stamp)
    if event is None:
        assert old is not None  # noqa: S101 - only a write to an existing object can change nothing
        return old
    if old is not None and old.revision:
        return event.record
    object_ = representation.decode(event.record.body)
    for field in ("uid", "resourceVersion"):
        object_["metadata"].pop(field, None)
    return Record(write.id, 0, representation.encode(object_))


def modified(call: Call) -> ApiError:
    """409: somebody else wrote first."""
    return conflict(call.kind.plural, call.kind.group, call.target.name, MODIFIED)
