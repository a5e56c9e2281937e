"""Conditions as translation says them: without transition times, which are the status writer's."""

from functools import lru_cache
from typing import Any, Literal

Status = Literal["True", "False", "Unknown"]


@lru_cache(maxsize=4_096)
def condition(
    type_: str, status: Status, reason: str, message: str, generation: int | None
) -> dict[str, Any]:
    """One condition, never to be changed: thousands of routes say the same.

    `generation` is the one of the resource it was said about: always the current one.
    """
    said: dict[str, Any] = {"type": type_, "status": status, "reason": reason, "message": message}
    return said if generation is None else {**said, "observedGeneration": generation}


def sentence(text: str) -> str:
    """Problems are written in lower case without a full stop; a condition's message is a sentence.

    A path or name that begins it stays as it is: people copy those.
    """
    first = text.partition(" ")[0]
    start = text[:1].upper() if first.isalpha() else text[:1]
    return f"{start}{text[1:]}." if text else ""
