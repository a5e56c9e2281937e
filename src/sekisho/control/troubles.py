"""What is wrong by its own conditions: kept commit by commit, so that to ask for it costs what it is."""

from collections.abc import Iterator, Mapping
from typing import Any

from sekisho.model.names import ResourceId

_BAD_WHEN_TRUE = ("Conflicted", "OverlappingTLSConfig", "PartiallyInvalid", "InsecureFrontendValidationMode")


class Troubled:
    """The resources that have a condition which is not as its author wants it."""

    def __init__(self) -> None:
        self._found: dict[ResourceId, Mapping[str, Any]] = {}

    def note(self, statuses: Mapping[ResourceId, Mapping[str, Any] | None]) -> None:
        """The statuses that a commit changed; None where there is nothing to say any more."""
        for resource, status in statuses.items():
            if status is not None and any(troubles_in(status)):
                self._found[resource] = status
            else:
                self._found.pop(resource, None)

    def in_order(self) -> list[tuple[ResourceId, Mapping[str, Any]]]:
        """By kind, namespace and name; each with its status."""
        return sorted(self._found.items(), key=lambda found: found[0])


def troubles_in(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The conditions of a status that are not as its author wants them."""
    return filter(_is_trouble, _conditions(status))


def _is_trouble(condition: Mapping[str, Any]) -> bool:
    if condition["type"] in _BAD_WHEN_TRUE:
        return bool(condition["status"] == "True")
    return condition["status"] == "False" and condition["reason"] not in ("Pending", "NoConflicts")


def _conditions(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from status.get("conditions", ())
    for part in (*status.get("listeners", ()), *status.get("parents", ())):
        yield from part.get("conditions", ())
