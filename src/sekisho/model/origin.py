"""Where a resource comes from, when it was not written here: the labels of copies and records."""

from collections.abc import Mapping

from sekisho.model.meta import ObjectMeta

ORIGIN_LABEL = "sekisho.dev/origin"
"""On a copy or record: `GLOBAL` or `ZONE`, where it was written. Without, it is this control plane's own."""
ZONE_LABEL = "sekisho.dev/zone"
"""On what comes from a zone: its name. With it, the name of the resource ends in `.<zone>`."""
GLOBAL = "global"
"""Value of `ORIGIN_LABEL`: written at the global control plane. So no zone can be called like that."""
ZONE = "zone"
"""Value of `ORIGIN_LABEL`: derived or written in a zone."""
ORIGIN_LABELS = (ORIGIN_LABEL, ZONE_LABEL)
"""Written by control planes alone."""
SERVICE_LABEL = "sekisho.dev/service"
"""On a ZoneService: the name of its Service, for selectors."""
SET_LABEL = "sekisho.dev/set"
"""Marks the resources that one `up` or `apply --prune` manages: those that left its files are pruned. It is
no copy's, which nobody applied."""
EXPORT_LABEL = "sekisho.dev/export"
"""On a Service or Namespace: with the value `false`, other zones do not see it."""


def zoned(name: str, zone: str) -> str:
    """What something of a zone is called elsewhere. Zones have no dot, so the pairs stay apart."""
    return f"{name}.{zone}"


def origin_zone(labels: Mapping[str, str]) -> str:
    """The zone a resource comes from; empty for one that was written here or at global."""
    return labels.get(ZONE_LABEL, "") if labels.get(ORIGIN_LABEL) == ZONE else ""


def display_name(metadata: ObjectMeta) -> str:
    """The name a resource has where it comes from."""
    zone = origin_zone(metadata.labels)
    return metadata.name.removesuffix(f".{zone}") if zone else metadata.name
