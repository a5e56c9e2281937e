"""The verbs get and list."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response

from sekisho.api import representation, selectors
from sekisho.api.call import Call, Parts
from sekisho.api.errors import ApiError, bad_request, expired, not_found
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Listing, NotFound, Record


async def get(parts: Parts, call: Call) -> Response:
    """One object."""
    record = await existing(parts, call)
    body = representation.one(record.body, call.target, call.format, parts.timestamp, call.include)
    return representation.answer(body, call.format)


async def existing(parts: Parts, call: Call) -> Record:
    """The object the path names. Raises 404."""
    try:
        return await parts.store.get(call.id)
    except NotFound as error:
        raise not_found(call.kind.plural, call.kind.group, call.target.name) from error


async def list_(parts: Parts, call: Call) -> Response:
    """A page of the objects selected, all at one revision."""
    found = await page(parts, call, parts.limits.page)
    return found.answer(parts, call)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the objects selected, and the metadata of the list they make."""

    records: Sequence[Record]
    metadata: Mapping[str, Any]

    def answer(self, parts: Parts, call: Call) -> Response:
        """The list, in the shape asked for."""
        bodies = [record.body for record in self.records]
        body = representation.many(
            bodies, call.target, call.format, parts.timestamp, metadata=self.metadata, include=call.include
        )
        return representation.answer(body, call.format)


async def page(parts: Parts, call: Call, most: int | None) -> Page:
    """What `limit` and `continue` ask for of the objects selected, `most` at the most."""
    selector = selectors.parse(call.kind.kind, call.query)
    limit = call.number("limit")
    place = _Place.decode(call.query.get("continue", ""))
    listing = await current(parts, call, selector)
    _refuse_unmet_revision(call, listing.revision)
    found = [record for record in listing.records if selector.matches(record.body)]
    if place is not None:
        found = [record for record in found if record.id > place.after]
    records = found[: min(filter(None, (limit, most)), default=len(found))]
    metadata: dict[str, Any] = {"resourceVersion": str(place.revision if place else listing.revision)}
    if rest := len(found) - len(records):
        metadata["continue"] = _Place(int(metadata["resourceVersion"]), records[-1].id).encode()
        if not selector:
            metadata["remainingItemCount"] = rest
    return Page(records, metadata)


async def current(parts: Parts, call: Call, selector: selectors.Selector) -> Listing:
    """Everything the path is about, at one revision; a selector of one name spares the others a look."""
    listing = await parts.store.list([call.kind.kind], call.target.namespace or None)
    if selector.name is None:
        return listing
    records = tuple(record for record in listing.records if record.id.name == selector.name)
    return Listing(records, listing.revision)


def _refuse_unmet_revision(call: Call, revision: int) -> None:
    """We answer with the newest state, which is never older than asked for, and rarely exactly that."""
    wanted = call.number("resourceVersion")
    if wanted > revision:
        raise ApiError(
            504,
            "Timeout",
            f"Too large resource version: {wanted}, current: {revision}",
            details={
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            },
        )
    if call.query.get("resourceVersionMatch") == "Exact" and wanted != revision:
        raise expired(f"The resourceVersion {wanted} is not kept; list without resourceVersionMatch=Exact.")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a list goes on.

    Pages come from the present, not from a picture kept at the first one's revision. All pages carry the
    first page's revision, so a watch from there tells every change that the pages may or may not show.
    """

    revision: int
    after: ResourceId

    def encode(self) -> str:
        token = msgspec.json.encode([self.revision, self.after.namespace, self.after.name, self.after.kind])
        return base64.urlsafe_b64encode(token).decode()

    @classmethod
    def decode(cls, token: str) -> "_Place | None":
        if not token:
            return None
        try:
            revision, namespace, name, kind = msgspec.json.decode(
                base64.urlsafe_b64decode(token.encode()), type=tuple[int, str, str, str]
            )
        except (binascii.Error, msgspec.DecodeError, UnicodeError) as error:
            raise bad_request("continue key is not valid") from error
        return cls(revision, ResourceId(kind, namespace, name))
