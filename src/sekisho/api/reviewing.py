"""Create on reviews, get and list on synthetic kinds: answers that are not in the store."""

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sekisho.api import bodies, representation
from sekisho.api.authentication import User
from sekisho.api.catalogue import Catalogue, Review
from sekisho.api.definitions import definitions
from sekisho.api.errors import bad_request, invalid, not_found
from sekisho.api.limits import Limits
from sekisho.api.negotiation import Format
from sekisho.api.representation import encode
from sekisho.api.routing import Target
from sekisho.model.problems import Invalid


async def review(request: Request, user: User, target: Target, format_: Format, limits: Limits) -> Response:
    """Hands the object to the review's handler and answers with what it returns."""
    backing = target.entry.backing
    assert isinstance(backing, Review)  # noqa: S101 - the front door looked
    body = await bodies.read(request, limits)
    document = await bodies.decode(body, bodies.media_type(request), limits)
    if not isinstance(document, dict):
        raise bad_request("the body is not an object")
    try:
        result = await backing.handler(user, document)
    except Invalid as error:
        raise invalid(backing.kind, backing.group, "", error.problems) from error
    object_ = {"apiVersion": target.api_version, "kind": backing.kind, "metadata": {}, **result}
    return representation.answer(encode(object_), format_, 201)


class Synthetic:
    """The read-only list of CustomResourceDefinitions."""

    def __init__(self, catalogue: Catalogue, made: datetime) -> None:
        self._bodies: dict[str, bytes] = {
            definition["metadata"]["name"]: encode(definition) for definition in definitions(catalogue, made)
        }

    def get(self, target: Target, format_: Format, now: float) -> Response:
        """One object. Raises 404."""
        body = self._bodies.get(target.name)
        if body is None:
            raise not_found(target.entry.plural, target.entry.group, target.name)
        return representation.answer(representation.one(body, target, format_, now), format_)

    def list(self, target: Target, format_: Format, now: float) -> Response:
        """All of them."""
        metadata: dict[str, Any] = {"resourceVersion": "1"}
        body = representation.many(list(self._bodies.values()), target, format_, now, metadata=metadata)
        return representation.answer(body, format_)
