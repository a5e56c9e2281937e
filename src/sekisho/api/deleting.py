"""The verbs delete and deletecollection; a Namespace takes along what is in it."""

from collections.abc import Sequence

from starlette.responses import Response

from sekisho.api import representation
from sekisho.api.admission import Admission
from sekisho.api.call import Call, Parts
from sekisho.api.delete_options import DeleteOptions, delete_options
from sekisho.api.documents import modified, store
from sekisho.api.errors import ApiError, conflict, success
from sekisho.api.origins import foreign
from sekisho.api.reading import existing, page
from sekisho.api.representation import decode, encode
from sekisho.api.writing import ATTEMPTS
from sekisho.store.protocol import Conflict, Record, Write

_BATCH = 500


async def delete(parts: Parts, admission: Admission, call: Call) -> Response:
    """DELETE of one object."""
    if call.target.subresource:
        raise ApiError(405, "MethodNotAllowed", "a status cannot be deleted")
    options = await delete_options(parts, call)
    if call.kind.kind == "Namespace" and not options.dry_run:
        options.require(call, await existing(parts, call))
        return await _delete_namespace(parts, admission, call, options)
    return _answer(call, await _delete_one(parts, admission, call, options))


async def _delete_one(parts: Parts, admission: Admission, call: Call, options: DeleteOptions) -> Record:
    for _ in range(ATTEMPTS):
        old = await existing(parts, call)
        options.require(call, old)
        admission.before_delete(old)
        record = await store(
            parts, call, Write("delete", call.id, None, old.revision), old, dry_run=bool(options.dry_run)
        )
        if record is not None:
            if not options.dry_run:
                admission.after_delete(record)
            return record
    raise modified(call)


def _answer(call: Call, record: Record) -> Response:
    """The object while finalizers hold it, otherwise a success that names it."""
    metadata = decode(record.body)["metadata"]
    if metadata.get("finalizers"):
        return representation.answer(representation.in_version(record.body, call.target), call.format)
    details = {"name": call.target.name, "kind": call.kind.plural, "uid": metadata["uid"]}
    if call.kind.group:
        details["group"] = call.kind.group
    return representation.answer(encode(success(details)), call.format)


async def delete_collection(parts: Parts, admission: Admission, call: Call) -> Response:
    """DELETE of all objects selected; answers with them."""
    if call.kind.namespaced and call.target.namespace is None:
        raise ApiError(
            405, "MethodNotAllowed", "the server does not allow this method on all namespaces at once"
        )
    if call.kind.kind == "Namespace":
        raise ApiError(405, "MethodNotAllowed", "namespaces are deleted one by one")
    options = await delete_options(parts, call)
    for _ in range(ATTEMPTS):
        chosen = await page(parts, call, None)
        for record in chosen.records:
            admission.before_delete(record)
            options.require(call, record)
        if options.dry_run or await _delete_records(
            parts, admission, chosen.records, unchanged=options.preconditions is not None
        ):
            return chosen.answer(parts, call)
    raise modified(call)


async def _delete_records(
    parts: Parts, admission: Admission, records: Sequence[Record], *, unchanged: bool = False
) -> bool:
    """Deletes in batches, one commit each. What is gone meanwhile is no failure.

    What changed meanwhile goes, too; where only `unchanged` records may go it stays, and the answer is False.
    """
    stayed = False
    for start in range(0, len(records), _BATCH):
        writes = [
            Write("delete", record.id, expect=record.revision if unchanged else None)
            for record in records[start : start + _BATCH]
        ]
        for written in await parts.store.write(writes):
            stayed |= isinstance(written, Conflict)
            if isinstance(written, Record):
                admission.after_delete(written)
    return not stayed


async def _delete_namespace(
    parts: Parts, admission: Admission, call: Call, options: DeleteOptions
) -> Response:
    """Contents first: a crash in between leaves a namespace that can be deleted again, and no orphans.

    Copies of what is elsewhere are no contents: they come and go with the originals.

    Raises 409 while finalizers hold some of the contents.
    """
    name = call.target.name
    kinds = [kind.kind for kind in parts.catalogue.kinds if kind.namespaced]
    admission.ending.add(name)
    try:
        await _delete_records(parts, admission, await _own(parts, kinds, name))
        held = await _own(parts, kinds, name)
        if held:
            what = ", ".join(str(record.id) for record in held[:10])
            why = f"finalizers hold some of its contents: {what}"
            raise conflict(call.kind.plural, call.kind.group, name, why)
        record = await _delete_one(parts, admission, call, options)
        # A create that passed the gate before we closed it may have been written since.
        await _delete_records(parts, admission, await _own(parts, kinds, name))
    finally:
        admission.ending.discard(name)
    return _answer(call, record)


async def _own(parts: Parts, kinds: Sequence[str], namespace: str) -> Sequence[Record]:
    records = (await parts.store.list(kinds, namespace)).records
    return [record for record in records if not foreign(decode(record.body))]
