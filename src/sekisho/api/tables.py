"""The columns kubectl prints for each kind, as upstream shows them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sekisho.api.routing import Target

Object = Mapping[str, Any]

_ROUGH = 10
"""From this many units on, an age does without the next smaller unit."""

_UNITS = (("y", 31_536_000), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `Age` and `Name` are the same everywhere and added by `columns`."""

    name: str
    cell: Callable[[Object], Any]
    description: str
    type: str = "string"
    format: str = ""
    priority: int = 0
    """0 is always shown, 1 with `-o wide`."""


def at(object_: Any, *path: str | int) -> Any:
    """The value at a path, or None where it leads nowhere."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(object_, list) or len(object_) <= step:
                return None
        elif not isinstance(object_, Mapping) or step not in object_:
            return None
        object_ = object_[step]
    return object_


def condition(type_: str) -> Callable[[Object], str]:
    """Reads the status of a condition."""

    def cell(object_: Object) -> str:
        conditions = at(object_, "status", "conditions") or []
        return next((each.get("status", "") for each in conditions if each.get("type") == type_), "")

    return cell


def text(*path: str | int) -> Callable[[Object], str]:
    """Reads a scalar, as text."""

    def cell(object_: Object) -> str:
        value = at(object_, *path)
        return "" if value is None else str(value)

    return cell


def joined(*path: str | int) -> Callable[[Object], str]:
    """Reads a list, as text."""

    def cell(object_: Object) -> str:
        values = at(object_, *path) or []
        return "[" + ",".join(f'"{value}"' for value in values) + "]" if values else ""

    return cell


def count(*paths: str) -> Callable[[Object], int]:
    """How many entries some lists or maps have together."""
    return lambda object_: sum(len(at(object_, path) or ()) for path in paths)


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


def _service_ports(object_: Object) -> str:
    ports = at(object_, "spec", "ports") or []
    return ",".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in ports) or "<none>"


def _external_ip(object_: Object) -> str:
    addresses = at(object_, "spec", "externalIPs") or []
    name = at(object_, "spec", "externalName")
    return ",".join(addresses) or name or "<none>"


def _pairs(*path: str) -> Callable[[Object], str]:
    def cell(object_: Object) -> str:
        pairs = at(object_, *path) or {}
        return ",".join(f"{key}={value}" for key, value in sorted(pairs.items())) or "<none>"

    return cell


def _slice_ports(object_: Object) -> str:
    return ",".join(str(port.get("port", "*")) for port in object_.get("ports") or []) or "<unset>"


def _slice_endpoints(object_: Object) -> str:
    shown = 3
    addresses = [address for each in object_.get("endpoints") or [] for address in each.get("addresses", [])]
    more = f" + {len(addresses) - shown} more..." if len(addresses) > shown else ""
    return (",".join(addresses[:shown]) + more) or "<unset>"


def _workload_ports(object_: Object) -> str:
    return ",".join(
        f"{port['port']}/{port.get('protocol', 'TCP')}" for port in at(object_, "spec", "ports") or []
    )


_HOSTNAMES = (Column("Hostnames", joined("spec", "hostnames"), "Host names the route is for."),)

COLUMNS: Mapping[str, Sequence[Column]] = {
    "Namespace": (Column("Status", lambda object_: at(object_, "status", "phase") or "Active", "Phase."),),
    "Service": (
        Column("Type", text("spec", "type"), "How it is made reachable."),
        Column(
            "Cluster-IP", lambda object_: at(object_, "spec", "clusterIP") or "<none>", "Virtual address."
        ),
        Column("External-IP", _external_ip, "Further addresses."),
        Column("Port(s)", _service_ports, "Ports callers use."),
        Column("Selector", _pairs("spec", "selector"), "Labels of its instances.", priority=1),
    ),
    "Secret": (
        Column("Type", text("type"), "What it holds."),
        Column("Data", count("data"), "How many values.", "integer"),
    ),
    "ConfigMap": (Column("Data", count("data", "binaryData"), "How many values.", "integer"),),
    "EndpointSlice": (
        Column("AddressType", text("addressType"), "Kind of the addresses."),
        Column("Ports", _slice_ports, "Ports of each instance."),
        Column("Endpoints", _slice_endpoints, "Addresses of the instances."),
    ),
    "GatewayClass": (
        Column("Controller", text("spec", "controllerName"), "Who serves it."),
        Column("Accepted", condition("Accepted"), "Whether the controller takes it."),
        Column("Description", text("spec", "description"), "A line for people.", priority=1),
    ),
    "Gateway": (
        Column("Class", text("spec", "gatewayClassName"), "Its GatewayClass."),
        Column("Address", text("status", "addresses", 0, "value"), "Its first address."),
        Column("Programmed", condition("Programmed"), "Whether its proxies serve it."),
    ),
    "HTTPRoute": _HOSTNAMES,
    "GRPCRoute": _HOSTNAMES,
    "TLSRoute": _HOSTNAMES,
    "Workload": (
        Column("Address", text("spec", "address"), "Where it is reached."),
        Column("Ports", _workload_ports, "Ports it listens on."),
        Column(
            "Ready",
            lambda object_: str(at(object_, "spec", "ready") is not False),
            "Whether it takes requests.",
        ),
        Column("Labels", _pairs("metadata", "labels"), "What Services select it by.", priority=1),
    ),
    "CustomResourceDefinition": (),
}
"""Columns between Name and Age. A kind without an entry shows just these two."""

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
