"""A review kind out of a function: what is posted is checked before, the answer encoded after."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec

from sekisho.api import Review, User
from sekisho.client.reviews import PLURALS, Struct
from sekisho.model.problems import Invalid, Problem

Spec = TypeVar("Spec", bound=Struct)


def review(
    kind: str,
    roles: frozenset[str],
    type_: type[Spec],
    answer: Callable[[User, Spec], Awaitable[Struct]],
    description: str,
) -> Review:
    """For these roles. `type_` is what `answer` takes; the review's handler raises Invalid for another."""

    async def handler(user: User, document: dict[str, Any]) -> Mapping[str, Any]:
        written = document.get("spec") or {}
        try:
            spec = msgspec.convert(written, type_)
        except msgspec.ValidationError as cause:
            raise Invalid([Problem("spec", str(cause))]) from cause
        return {"spec": written, "status": msgspec.to_builtins(await answer(user, spec))}

    return Review(kind=kind, plural=PLURALS[kind], roles=roles, handler=handler, description=description)
