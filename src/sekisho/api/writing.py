"""The verbs create, update and patch, on objects and on their status."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from sekisho.api import bodies, representation
from sekisho.api.admission import Admission
from sekisho.api.call import Call, Parts, WriteOptions
from sekisho.api.documents import Document, checked, identified, modified, store
from sekisho.api.errors import bad_request
from sekisho.api.openapi.structures import structure_of
from sekisho.api.patches import apply as server_side_apply
from sekisho.api.patches import managers
from sekisho.api.patches.managers import Manager
from sekisho.api.reading import existing
from sekisho.api.representation import decode
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Record, Write

ATTEMPTS = 6
"""How often a change is done again on what somebody else wrote meanwhile, before it is a conflict."""

Change = Callable[[Document], Any]
"""From the object as it is to the object as it shall be."""


async def create(parts: Parts, admission: Admission, call: Call) -> Response:
    """POST to a collection."""
    if call.target.name:
        raise bad_request("a create goes to the collection, not to a name")
    options = call.write_options()
    body = await bodies.read(call.request, parts.limits)
    document, id = identified(await bodies.decode(body, bodies.media_type(call.request), parts.limits), call)
    document["metadata"].pop("managedFields", None)
    record = await insert(parts, admission, call, document, id, options)
    return respond(parts, call, record, 201)


async def insert(
    parts: Parts, admission: Admission, call: Call, document: Document, id: ResourceId, options: WriteOptions
) -> Record:
    """Creates one object, with the status that a fresh one of its kind has."""
    await admission.before_create(call, id, document)
    object_ = checked(document, call, id)
    async with admission.addressed(call, object_, id, dry_run=options.dry_run):
        record = await store(parts, call, Write("create", id, object_), None, dry_run=options.dry_run)
    assert record is not None  # noqa: S101 - a create is never a conflict
    status = call.kind.default_status or admission.initial_status(call.kind)
    if status is None:
        return record
    write = Write("status", id, {"status": status}, record.revision)
    return await store(parts, call, write, record, dry_run=options.dry_run) or record


async def update(parts: Parts, admission: Admission, call: Call) -> Response:
    """PUT."""
    options = call.write_options()
    body = await bodies.read(call.request, parts.limits)
    document = await bodies.decode(body, bodies.media_type(call.request), parts.limits)
    record = await replace(parts, admission, call, lambda _: document, options)
    return respond(parts, call, record, 200)


async def replace(
    parts: Parts, admission: Admission, call: Call, change: Change, options: WriteOptions
) -> Record:
    """Changes one object (or its status) by compare-and-swap, again when somebody else was faster.

    A resourceVersion in what `change` returns must be the current one, so a writer that names it gets a
    conflict (409) and one that does not overwrites.
    """
    for _ in range(ATTEMPTS):
        old = await existing(parts, call)
        live = decode(old.body)
        document, id = identified(change(live), call)
        _refuse_stale(call, document, live)
        if call.target.subresource == "status":
            admission.before_status(call, document, live)
            write = _status_write(call, document, live, id, old)
            record = await store(parts, call, write, old, dry_run=options.dry_run)
        else:
            admission.before_update(call, document, live)
            object_ = checked(document, call, id, old)
            _track(parts, call, object_, live, options)
            write = Write("update", id, object_, old.revision)
            async with admission.addressed(call, object_, id, live, dry_run=options.dry_run):
                record = await store(parts, call, write, old, dry_run=options.dry_run)
        if record is not None:
            return record
    raise modified(call)


def _status_write(call: Call, document: Document, live: Document, id: ResourceId, old: Record) -> Write:
    """Only the status of the document counts; it is checked as a part of the stored object."""
    status = document.get("status")
    object_ = checked({**live, "status": status}, call, id)
    return Write("status", id, {"status": object_.get("status")}, old.revision)


def _refuse_stale(call: Call, document: Document, live: Document) -> None:
    """Preconditions a document carries: the revision and the incarnation it was read from."""
    for field in ("resourceVersion", "uid"):
        wanted = document["metadata"].get(field)
        if wanted and wanted != live["metadata"].get(field):
            raise modified(call)


def _track(parts: Parts, call: Call, object_: Document, live: Document, options: WriteOptions) -> None:
    """Keeps managedFields true, on objects somebody applied to.

    A writer that sends other entries than the stored ones means them (kubectl moves its client-side entries
    this way); an empty list ends the tracking.
    """
    stored = live["metadata"].get("managedFields")
    if not stored:
        object_["metadata"].pop("managedFields", None)
        return
    sent = object_["metadata"].get("managedFields")
    entries = managers.read(sent)
    if sent is None or sent == stored:
        structure = structure_of(call.kind.type)
        writer = Manager(options.manager, "Update", call.kind.api_version)
        entries = server_side_apply.after_update(
            managers.read(stored), live, object_, writer, structure, parts.now
        )
    object_["metadata"]["managedFields"] = managers.write(entries)
    if not entries:
        del object_["metadata"]["managedFields"]


def respond(parts: Parts, call: Call, record: Record, code: int) -> Response:
    """The written object, in the shape asked for."""
    body = representation.one(record.body, call.target, call.format, parts.timestamp, call.include)
    return representation.answer(body, call.format, code)
