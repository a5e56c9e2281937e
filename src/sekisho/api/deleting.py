"""The verbs delete and deletecollection; a Namespace takes along what is in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from sekisho.api import bodies, representation, selectors
from sekisho.api.admission import Admission
from sekisho.api.call import Call, Parts
from sekisho.api.documents import modified, store
from sekisho.api.errors import ApiError, bad_request, conflict, success
from sekisho.api.origins import foreign
from sekisho.api.reading import current, existing
from sekisho.api.representation import decode, encode
from sekisho.api.writing import ATTEMPTS
from sekisho.store.protocol import Record, Write

_POLICIES = frozenset({"", "Orphan", "Background", "Foreground"})
_BATCH = 500


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """metav1.DeleteOptions. Nothing here has dependents: the propagation policy has no effect."""

    dry_run: bool
    uid: str
    revision: str

    @classmethod
    def parse(cls, document: Any, query: Mapping[str, str]) -> "DeleteOptions":
        """From body and query; raises 400 for values we do not know."""
        if not isinstance(document, dict):
            raise bad_request("DeleteOptions: expected an object")
        dry_run = document.get("dryRun") or ([query["dryRun"]] if query.get("dryRun") else [])
        policy = document.get("propagationPolicy") or query.get("propagationPolicy", "")
        if dry_run not in ([], ["All"]) or policy not in _POLICIES:
            raise bad_request("DeleteOptions: unknown value of dryRun or propagationPolicy")
        preconditions = document.get("preconditions") or {}
        if not isinstance(preconditions, dict):
            raise bad_request("DeleteOptions: preconditions: expected an object")
        return cls(
            bool(dry_run),
            str(preconditions.get("uid") or ""),
            str(preconditions.get("resourceVersion") or ""),
        )


async def _options(parts: Parts, call: Call) -> DeleteOptions:
    body = await bodies.read(call.request, parts.limits)
    document = await bodies.decode(body, bodies.media_type(call.request), parts.limits) if body else {}
    return DeleteOptions.parse(document, call.query)


async def delete(parts: Parts, admission: Admission, call: Call) -> Response:
    """DELETE of one object."""
    if call.target.subresource:
        raise ApiError(405, "MethodNotAllowed", "a status cannot be deleted")
    options = await _options(parts, call)
    if call.kind.kind == "Namespace" and not options.dry_run:
        _require(call, await existing(parts, call), options)
        return await _delete_namespace(parts, admission, call, options)
    return _answer(call, await _delete_one(parts, admission, call, options))


async def _delete_one(parts: Parts, admission: Admission, call: Call, options: DeleteOptions) -> Record:
    for _ in range(ATTEMPTS):
        old = await existing(parts, call)
        _require(call, old, options)
        admission.before_delete(old)
        record = await store(
            parts, call, Write("delete", call.id, None, old.revision), old, dry_run=options.dry_run
        )
        if record is not None:
            if not options.dry_run:
                admission.after_delete(record)
            return record
    raise modified(call)


def _require(call: Call, record: Record, options: DeleteOptions) -> None:
    """Raises 409 when a precondition does not hold."""
    metadata = decode(record.body)["metadata"]
    for field, wanted in (("uid", options.uid), ("resourceVersion", options.revision)):
        if wanted and wanted != metadata.get(field):
            found = metadata.get(field)
            why = f"Precondition failed: {field} in precondition: {wanted}, in object meta: {found}"
            raise conflict(call.kind.plural, call.kind.group, call.target.name, why)


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
    options = await _options(parts, call)
    selector = selectors.parse(call.kind.kind, call.query)
    listing = await current(parts, call, selector)
    chosen = [record for record in listing.records if selector.matches(record.body)]
    for record in chosen:
        admission.before_delete(record)
    if not options.dry_run:
        await _delete_records(parts, admission, chosen)
    body = representation.many(
        [record.body for record in chosen],
        call.target,
        call.format,
        parts.timestamp,
        metadata={"resourceVersion": str(listing.revision)},
    )
    return representation.answer(body, call.format)


async def _delete_records(parts: Parts, admission: Admission, records: Sequence[Record]) -> None:
    """Deletes in batches, one commit each. What is gone meanwhile is no failure; what changed goes, too."""
    for start in range(0, len(records), _BATCH):
        writes = [Write("delete", record.id) for record in records[start : start + _BATCH]]
        for written in await parts.store.write(writes):
            if isinstance(written, Record):
                admission.after_delete(written)


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
