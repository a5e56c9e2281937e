"""The verb patch: which kind of patch it is, and how each changes an object."""

from typing import Any

from starlette.responses import Response

from sekisho.api import bodies
from sekisho.api.admission import Admission
from sekisho.api.call import Call, Parts, WriteOptions
from sekisho.api.documents import Document, checked, found, identified, modified, store
from sekisho.api.errors import ApiError, bad_request, conflict, unsupported_media_type
from sekisho.api.openapi.structures import structure_of
from sekisho.api.patches import apply as server_side_apply
from sekisho.api.patches import managers
from sekisho.api.patches.apply import ApplyConflict
from sekisho.api.patches.managers import Manager
from sekisho.api.patches.merge import merge_patch
from sekisho.api.patches.strategic import strategic_merge
from sekisho.api.representation import decode
from sekisho.api.writing import ATTEMPTS, Change, insert, replace, respond
from sekisho.kit.json_patch import PatchFailed, json_patch
from sekisho.store.protocol import Record, Write

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = frozenset({"application/apply-patch+yaml", "application/apply-patch+json"})


async def patch(parts: Parts, admission: Admission, call: Call) -> Response:
    """PATCH, of the kind its Content-Type says."""
    options = call.write_options()
    media_type = bodies.media_type(call.request)
    body = await bodies.read(call.request, parts.limits)
    if media_type in APPLY:
        wanted = await bodies.decode_yaml(body, parts.limits)
        return await _apply(parts, admission, call, wanted, options)
    if media_type not in {MERGE, JSON, STRATEGIC}:
        offers = ", ".join((JSON, MERGE, STRATEGIC, *sorted(APPLY)))
        raise unsupported_media_type(f"the patch type {media_type!r} is not supported: send one of {offers}")
    change = _change(call, media_type, bodies.decode_json(body, parts.limits))
    record = await replace(parts, admission, call, change, options)
    return respond(parts, call, record, 200)


def _change(call: Call, media_type: str, patch_: Any) -> Change:
    """What the patch does to an object; one that does not fit is the client's mistake."""
    structure = structure_of(call.kind.type)

    def change(live: Document) -> Any:
        try:
            match media_type:
                case "application/json-patch+json":
                    return json_patch(live, patch_)
                case "application/strategic-merge-patch+json":
                    return strategic_merge(live, patch_, structure)
                case _:
                    return merge_patch(live, patch_)
        except PatchFailed as error:
            raise _unfitting(call, str(error)) from error

    return change


def _unfitting(call: Call, why: str) -> ApiError:
    message = f"the server rejected our request due to an error in our request: {why}"
    details = {"name": call.target.name, "group": call.kind.group, "kind": call.kind.plural}
    return ApiError(422, "Invalid", message, details=details)


async def _apply(
    parts: Parts, admission: Admission, call: Call, wanted: Any, options: WriteOptions
) -> Response:
    """Server-side apply; creates what is not there."""
    if not call.query.get("fieldManager"):
        raise bad_request("PatchOptions.meta.k8s.io is invalid: fieldManager: is required for apply patch")
    if call.target.subresource:
        raise unsupported_media_type("status takes no apply patch: send a merge patch")
    if isinstance(wanted, dict) and (wanted.get("metadata") or {}).get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    for _ in range(ATTEMPTS):
        old = await found(parts, call.id)
        record = await _apply_once(parts, admission, call, wanted, options, old)
        if record is not None:
            return respond(parts, call, record, 200 if old else 201)
    raise modified(call)


async def _apply_once(
    parts: Parts, admission: Admission, call: Call, wanted: Any, options: WriteOptions, old: Record | None
) -> Record | None:
    """None when somebody else wrote in between."""
    document, id = identified(wanted, call)
    structure = structure_of(call.kind.type)
    live = decode(old.body) if old else None
    _refuse_stale(call, document, live)
    applier = Manager(options.manager, "Apply", call.target.api_version)
    known = server_side_apply.tracked(
        managers.read((live or {}).get("metadata", {}).get("managedFields")), live, structure, parts.now
    )
    applied = server_side_apply.merge(live, document, applier, known, structure)
    if live is not None:
        admission.before_update(call, applied.object, live)
    final = checked(applied.object, call, id, old)
    try:
        owners = server_side_apply.settle(applied, final, force=options.force, now=parts.now)
    except ApplyConflict as error:
        raise _conflict(call, error) from error
    final["metadata"]["managedFields"] = managers.write(owners)
    if old is None:
        return await insert(parts, admission, call, final, id, options)
    write = Write("update", id, final, old.revision)
    async with admission.addressed(call, final, id, live, dry_run=options.dry_run):
        return await store(parts, call, write, old, dry_run=options.dry_run)


def _refuse_stale(call: Call, document: Document, live: Document | None) -> None:
    wanted = document["metadata"].get("resourceVersion")
    if wanted and wanted != ((live or {}).get("metadata") or {}).get("resourceVersion"):
        raise modified(call)


def _conflict(call: Call, error: ApplyConflict) -> ApiError:
    causes = error.causes()
    told = "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    plural = "" if len(causes) == 1 else "s"
    answer = conflict(call.kind.plural, call.kind.group, call.target.name, "", causes)
    answer.message = f"Apply failed with {len(causes)} conflict{plural}: {told}"
    return answer
