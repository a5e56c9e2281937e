"""Objects as tables, for kubectl: one row each, its age included."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sekisho.api.cells import Column, Object, text
from sekisho.api.columns import COLUMNS
from sekisho.api.routing import Target

_ROUGH = 10
"""From this many units on, an age does without the next smaller unit."""

_UNITS = (("y", 31_536_000), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def age(timestamp: str | None, now: float) -> str:
    """How long ago, in the largest one or two units (`5m12s`, `3d4h`), as kubectl writes it."""
    if not timestamp:
        return "<unknown>"
    seconds = max(0, int(now - datetime.fromisoformat(timestamp).timestamp()))
    for index, (unit, size) in enumerate(_UNITS):
        whole, rest = divmod(seconds, size)
        if whole and index + 1 < len(_UNITS) and whole < _ROUGH:
            smaller, small_size = _UNITS[index + 1]
            part = rest // small_size
            return f"{whole}{unit}{part}{smaller}" if part else f"{whole}{unit}"
        if whole:
            return f"{whole}{unit}"
    return "0s"


_NAME = Column("Name", text("metadata", "name"), "Name, unique in its namespace.", format="name")
_AGE_DESCRIPTION = "How long ago it was made."


def columns(kind: str) -> list[dict[str, Any]]:
    """Column definitions as metav1.TableColumnDefinition. Wide columns come last, after Age."""
    age_column = Column("Age", text(), _AGE_DESCRIPTION)
    narrow, wide = _split(kind)
    return [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": column.priority,
        }
        for column in (_NAME, *narrow, age_column, *wide)
    ]


def _split(kind: str) -> tuple[list[Column], list[Column]]:
    all_columns = COLUMNS.get(kind, ())
    return [c for c in all_columns if c.priority == 0], [c for c in all_columns if c.priority > 0]


def table_row(object_: Object, target: Target, include: str, now: float) -> dict[str, Any]:
    """One row; `include` says what it carries of the object itself: Metadata, Object or None."""
    narrow, wide = _split(target.entry.kind)
    metadata = object_["metadata"]
    row: dict[str, Any] = {
        "cells": [
            metadata["name"],
            *(column.cell(object_) for column in narrow),
            age(metadata.get("creationTimestamp"), now),
            *(column.cell(object_) for column in wide),
        ]
    }
    if include == "Object":
        row["object"] = {**object_, "apiVersion": target.api_version}
    elif include != "None":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
        }
    return row


def table(
    target: Target, rows: Sequence[Mapping[str, Any]], meta_version: str, revision: str
) -> dict[str, Any]:
    """A metav1.Table."""
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{meta_version}",
        "metadata": {"resourceVersion": revision},
        "columnDefinitions": columns(target.entry.kind),
        "rows": list(rows),
    }
