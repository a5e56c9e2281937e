"""Whose an object is: what came from elsewhere is changed where it came from."""

from collections.abc import Mapping
from typing import Any

from sekisho.model.origin import GLOBAL, ORIGIN_LABEL, ORIGIN_LABELS, origin_zone


def foreign(stored: Mapping[str, Any]) -> str:
    """Why nobody may write (or delete) a stored object here; empty for this control plane's own."""
    labels = _labels(stored)
    if labels.get(ORIGIN_LABEL) == GLOBAL:
        return "it is a copy: change it at the global control plane, and every zone follows"
    if zone := origin_zone(labels):
        return f"it is written by the control plane of the zone {zone}: change what it comes from, there"
    return ""


def forged(written: Mapping[str, Any], live: Mapping[str, Any] | None = None) -> str:
    """Why a write may not be as it is; `live` is what is stored now. Empty when it may."""
    if live is not None and (fault := foreign(live)):
        return fault
    labels, before = _labels(written), _labels(live or {})
    changed = [label for label in ORIGIN_LABELS if labels.get(label) != before.get(label)]
    return f"control planes alone write the labels {' and '.join(changed)}" if changed else ""


def _labels(document: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = document.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    return labels if isinstance(labels, Mapping) else {}
