"""What a delete asks for beside a name or selector: metav1.DeleteOptions, from the body or the query."""

from collections.abc import Mapping
from typing import Any

import msgspec

from sekisho.api import bodies
from sekisho.api.call import Call, Parts
from sekisho.api.errors import bad_request, conflict, invalid
from sekisho.api.representation import decode
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.store.protocol import Record

_POLICIES = ("Background", "Foreground", "Orphan")


class Preconditions(msgspec.Struct, frozen=True, rename="camel"):
    """metav1.Preconditions: which incarnation and which state of an object is meant. None is any."""

    uid: str | None = None
    resource_version: str | None = None


class DeleteOptions(msgspec.Struct, frozen=True, rename="camel"):
    """metav1.DeleteOptions. Nothing here has dependents or ends by and by: what is asked for of them is
    checked, and has no effect."""

    kind: str = ""
    dry_run: tuple[str, ...] | None = None
    propagation_policy: str | None = None
    orphan_dependents: bool | None = None
    """The older form of `propagation_policy`."""
    preconditions: Preconditions | None = None

    def require(self, call: Call, record: Record) -> None:
        """Raises 409 when a precondition does not hold."""
        if self.preconditions is None:
            return
        metadata = decode(record.body)["metadata"]
        uid, revision = self.preconditions.uid, self.preconditions.resource_version
        for field, wanted in (("uid", uid), ("resourceVersion", revision)):
            found = metadata.get(field)
            if wanted is not None and wanted != found:
                why = f"Precondition failed: {field} in precondition: {wanted}, in object meta: {found}"
                raise conflict(call.kind.plural, call.kind.group, record.id.name, why)


async def delete_options(parts: Parts, call: Call) -> DeleteOptions:
    """Of a request. Raises 400 for what is none, 422 for values that are not known, or not together."""
    body = await bodies.read(call.request, parts.limits)
    asked: Any = _in_query(call.query)
    if body:
        asked = await bodies.decode(body, bodies.media_type(call.request), parts.limits)
    try:
        options = msgspec.convert(asked, DeleteOptions)
    except msgspec.ValidationError as error:
        raise bad_request(f"DeleteOptions: {error}") from error
    if options.kind not in {"", "DeleteOptions"}:
        raise bad_request(f"the body of a delete is a DeleteOptions, not a {options.kind[:80]}")
    if call.query.get("dryRun"):  # beside a body, Kubernetes forgets it, and deletes
        options = msgspec.structs.replace(options, dry_run=(*(options.dry_run or ()), call.query["dryRun"]))
    if problems := _problems(options):
        raise invalid("DeleteOptions", "meta.k8s.io", "", problems)
    return options


def _in_query(query: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that count where there is no body."""
    fields = ("uid", "resourceVersion")
    return {
        "propagationPolicy": query.get("propagationPolicy"),
        "preconditions": {field: query[field] for field in fields if query.get(field)},
    }


def _problems(options: DeleteOptions) -> list[Problem]:
    found = []
    if set(options.dry_run or ()) - {"All"}:
        found.append(Problem("dryRun", "expected All", reason=Reason.NOT_SUPPORTED))
    if options.propagation_policy and options.propagation_policy not in _POLICIES:
        told = f"expected one of {', '.join(_POLICIES)}"
        found.append(Problem("propagationPolicy", told, reason=Reason.NOT_SUPPORTED))
    if options.propagation_policy and options.orphan_dependents is not None:
        told = "it cannot be set beside propagationPolicy"
        found.append(Problem("orphanDependents", told, reason=Reason.FORBIDDEN))
    return found
