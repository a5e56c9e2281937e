"""`metadata.managedFields`: which manager owns which fields, as plain values."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from sekisho.api.patches.ownership import Path, from_fields, to_fields
from sekisho.kit.clocks import rfc3339

Operation = Literal["Apply", "Update"]

BEFORE_FIRST_APPLY = "before-first-apply"
"""Owns, as upstream, whatever an object had when somebody applied to it for the first time.

Objects nobody ever applied to carry no managedFields: tracking starts with the first apply, so that those
who never use it do not pay for it.
"""


@dataclass(frozen=True, slots=True)
class Manager:
    """One entry of managedFields."""

    name: str
    operation: Operation
    api_version: str
    paths: frozenset[Path] = field(default_factory=frozenset)
    time: str = ""
    subresource: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What tells entries apart."""
        return self.name, self.operation, self.subresource

    def with_paths(self, paths: Iterable[Path], now: datetime) -> "Manager":
        """The entry owning exactly `paths`; its time stays when nothing changes."""
        owned = frozenset(paths)
        if owned == self.paths:
            return self
        return replace(self, paths=owned, time=rfc3339(now))


def read(managed_fields: Any) -> list[Manager]:
    """The entries of metadata.managedFields; malformed ones are left out."""
    entries = managed_fields if isinstance(managed_fields, (list, tuple)) else ()
    return [manager for entry in entries if (manager := _read_one(entry)) is not None]


def _read_one(entry: Any) -> Manager | None:
    if not isinstance(entry, dict) or not entry.get("manager"):
        return None
    return Manager(
        name=str(entry["manager"]),
        operation="Apply" if entry.get("operation") == "Apply" else "Update",
        api_version=str(entry.get("apiVersion", "")),
        paths=frozenset(from_fields(entry.get("fieldsV1"))),
        time=str(entry.get("time", "")),
        subresource=str(entry.get("subresource", "")),
    )


def write(managers: Iterable[Manager]) -> list[dict[str, Any]]:
    """The entries as written, without those that own nothing."""
    return [_write_one(manager) for manager in managers if manager.paths]


def _write_one(manager: Manager) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": manager.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": to_fields(manager.paths),
    }
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry
